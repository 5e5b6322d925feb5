package policy

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// Zone is names and their addresses. It has the form of package dns's zones, so that a simulated name service and
// a lint see the same.
type Zone = map[string][]netip.Addr

// ParseZone reads a zone in the form of RFC 1035, section 5, as name servers and "dig" write it. Names without a
// dot at the end are complete too, for a file that somebody types. Aliases within the file are followed.
func ParseZone(name, text string) (Zone, error) {
	zone, aliases := make(Zone), make(map[string]string)
	parser := dns.NewZoneParser(strings.NewReader(text), ".", name)
	parser.SetDefaultTTL(3600)
	for record, ok := parser.Next(); ok; record, ok = parser.Next() {
		host := canonical(record.Header().Name)
		switch r := record.(type) {
		case *dns.A:
			if a, ok := netip.AddrFromSlice(r.A.To4()); ok {
				zone[host] = append(zone[host], a)
			}
		case *dns.AAAA:
			if a, ok := netip.AddrFromSlice(r.AAAA); ok {
				zone[host] = append(zone[host], a)
			}
		case *dns.CNAME:
			aliases[host] = canonical(r.Target)
		}
	}
	if err := parser.Err(); err != nil {
		return nil, fmt.Errorf("zone: %w", err) // it names file, line and column
	}
	for alias := range aliases {
		target := alias
		for range len(aliases) { // a circle of aliases ends here
			next, ok := aliases[target]
			if !ok {
				break
			}
			target = next
		}
		if addrs := zone[target]; target != alias && len(addrs) > 0 {
			zone[alias] = addrs
		}
	}
	return zone, nil
}

// NamesOf is what a zone says, for good.
func NamesOf(zone Zone) *Names {
	n := &Names{names: make(map[string]map[netip.Addr]lease, len(zone))}
	for name, addrs := range zone {
		known := make(map[netip.Addr]lease, len(addrs))
		for _, a := range addrs {
			known[a.Unmap()] = lease{forever}
		}
		n.names[canonical(name)] = known
	}
	return n
}
