package world

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/relay"
)

// Place is a host of the world: its name in features and reports, and its address.
type Place struct {
	Name string
	Addr netip.Addr
}

// The edges and relays stand at the addresses of the document's table, which belong to third parties:
// they exist in memory only. Everyone else has a documentation address (RFC 5737) or, in the office, a
// private one.
var (
	Edges = []Place{
		place("edge-1", "47.74.211.17"),
		place("edge-2", "52.80.192.229"),
		place("edge-3", "52.52.84.170"),
		place("edge-4", "47.96.234.219"),
	}
	Relays = []Place{
		place("relay-1", "23.236.115.138"),
		place("relay-2", "148.153.66.218"),
		place("relay-3", "164.52.87.25"),
	}
	// The production addresses, which a vendor gives to each customer; here they are documentation addresses.
	ProductionEdges = []Place{
		place("production-edge-1", "192.0.2.17"),
		place("production-edge-2", "203.0.113.170"),
	}
	ProductionRelays = []Place{
		place("production-relay-1", "192.0.2.138"),
		place("production-relay-2", "198.51.100.218"),
	}
	// NewRelay serves too, but clients are told of it only once the name of another relay moves there.
	NewRelay = place("production-relay-3", "203.0.113.25")

	Gateways = []Place{
		place("gateway-1", "198.51.100.11"),
		place("gateway-2", "198.51.100.12"),
	}
	// The servers that the company runs itself, outside its firewall.
	CompanyProxy = place("company-proxy", "192.0.2.80")
	CompanyTURN  = place("company-turn", "192.0.2.81")

	// Office is the enterprise's own network.
	Office    = netip.MustParsePrefix("10.10.0.0/24")
	officeDNS = place("office-dns", "10.10.0.53")
	// OfficeNAT is the office's address on the internet, where it has a NAT.
	OfficeNAT = netip.MustParseAddr("203.0.113.1")
	// inspectorOut is where a host that inspects the office's TLS connects from.
	inspectorOut = place("tls-inspector-out", "203.0.113.2")
	publicDNS    = place("public-dns", "192.0.2.53")
	wallPlace    = place("firewall", "10.10.0.1")

	// people are the users that a scenario can name. Alice is the one whose SDK is under test.
	people = []Place{
		place("alice", "10.10.0.2"),
		place("bob", "203.0.113.20"),
		place("carol", "203.0.113.21"),
	}
	printer = place("printer", "10.10.0.9")
	// intranet is the company's own web server, inside: what it serves needs no row of the policy.
	intranet = place("intranet", "10.10.0.80")

	// The same computers by IPv6, as hosts of their own: an SDK gathers candidates of every address that it finds,
	// and the document knows IPv4 only.
	officeSix = netip.MustParsePrefix("2001:db8:10::/64")
	aliceSix  = place("alice-ipv6", "2001:db8:10::2")
	relaySix  = place("relay-1-ipv6", "2001:db8::138")
)

// IntranetURL is where the company's own web server is: by address, for there are offices without a name service.
func IntranetURL() string { return "https://" + intranet.Addr.String() + "/" }

// Alice is the user whose SDK is under test.
const Alice = "alice"

func place(name, addr string) Place { return Place{name, netip.MustParseAddr(addr)} }

// gatewayName is how clients outside the cloud proxy find a gateway.
func gatewayName(p Place) string { return p.Name + ".sd-rtn.test" }

// productionName is how clients find an edge or relay for production by name: "edge-1.cloud-proxy.test",
// "relay-1.media.cloud-proxy.test".
func productionName(p Place) string {
	name := strings.TrimPrefix(p.Name, "production-")
	if slices.Contains(ProductionRelays, p) {
		name += ".media"
	}
	return name + ".cloud-proxy.test"
}

func lookupURL(host string) string { return fmt.Sprintf("https://%s%s", host, relay.LookupPath) }

// host is how clients are told where a server of the cloud proxy is.
func (w *World) host(p Place) string {
	if w.setup.Named {
		return productionName(p)
	}
	return p.Addr.String()
}

// Role is what a host of the world is for.
type Role string

// The roles.
const (
	Edge      Role = "edge"
	Relay     Role = "relay"
	Gateway   Role = "SD-RTN gateway"
	Company   Role = "company server"
	Elsewhere Role = "another host"
)

// roles is what the hosts with a role are for, by their addresses.
var roles = func() map[netip.Addr]Role {
	roles := map[netip.Addr]Role{}
	for role, places := range map[Role][]Place{
		Edge: slices.Concat(Edges, ProductionEdges), Relay: slices.Concat(Relays, ProductionRelays, []Place{NewRelay}),
		Gateway: Gateways, Company: {CompanyProxy, CompanyTURN},
	} {
		for _, p := range places {
			roles[p.Addr] = role
		}
	}
	return roles
}()

// RoleOf is the role of the host at an address.
func RoleOf(a netip.Addr) Role {
	if role, known := roles[a]; known {
		return role
	}
	return Elsewhere
}
