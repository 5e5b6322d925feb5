package policy

import (
	"embed"
	"fmt"
	"net/netip"
	"strings"

	"github.com/proxyspec/proxyspec/text/nearest"
)

//go:embed files/*.yaml
var files embed.FS

// Schema is the JSON Schema of policy files.
//
//go:embed policy.schema.json
var Schema []byte

// CloudProxyTest is the name of the document's own list.
const CloudProxyTest = "cloud-proxy-test"

// EmbeddedNames are the policies that come with the program.
func EmbeddedNames() []string {
	return []string{CloudProxyTest, "cloud-proxy-production", "vendor-lists"}
}

// EmbeddedSource is the file of a policy that comes with the program.
func EmbeddedSource(name string) ([]byte, error) {
	source, err := files.ReadFile("files/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("no policy %q comes with this program: there are %s%s",
			name, strings.Join(EmbeddedNames(), ", "), nearest.Hint(name, EmbeddedNames()))
	}
	return source, nil
}

// Embedded is a policy that comes with the program.
func Embedded(name string) (*Policy, error) {
	source, err := EmbeddedSource(name)
	if err != nil {
		return nil, err
	}
	return Parse(name+".yaml", source)
}

// standIns are documentation addresses (RFC 5737) with the same last octet as the document's, which belong to
// third parties: a real kernel must never send to those.
var standIns = map[string]string{
	"23.236.115.138": "192.0.2.138",
	"148.153.66.218": "198.51.100.218",
	"164.52.87.25":   "203.0.113.25",
	"47.74.211.17":   "192.0.2.17",
	"52.80.192.229":  "198.51.100.229",
	"52.52.84.170":   "203.0.113.170",
	"47.96.234.219":  "192.0.2.219",
}

// StandIns is for each address of the document's the one that takes its place, for wherever a real kernel carries
// the packets.
func StandIns() map[netip.Addr]netip.Addr {
	all := make(map[netip.Addr]netip.Addr, len(standIns))
	for original, standIn := range standIns {
		all[netip.MustParseAddr(original)] = netip.MustParseAddr(standIn)
	}
	return all
}

// StandIn is the document's list with a documentation address in the place of each of its own, for wherever a real
// kernel carries the packets. Its rows are the same otherwise.
func StandIn() *Policy {
	p, err := Embedded(CloudProxyTest)
	if err != nil {
		panic(err) // the file is ours
	}
	p.ID = "cloud-proxy-stand-in"
	p.File = ""
	for i := range p.Entries {
		for j := range p.Entries[i].Destinations {
			d := &p.Entries[i].Destinations[j]
			a, ok := standIns[d.String()]
			if !ok {
				panic("no stand-in for " + d.String())
			}
			d.First = netip.MustParseAddr(a)
			d.Last = d.First
		}
	}
	return p
}
