package world

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/sim/dns"
)

// nameService gives the office and the internet a name server each. The office's stands inside, as
// enterprises have it: the whitelist lets no name query out.
func (w *World) nameService() error {
	w.zone = dns.Zone{ProxyName: dns.At(CompanyProxy.Addr), TURNName: dns.At(CompanyTURN.Addr)}
	for _, p := range Gateways {
		w.zone[gatewayName(p)] = dns.At(p.Addr)
	}
	for _, p := range slices.Concat(ProductionEdges, ProductionRelays) {
		w.zone[productionName(p)] = dns.At(p.Addr)
	}
	for _, p := range []Place{officeDNS, publicDNS} {
		server, err := dns.Listen(w.hosts[p.Name], netip.AddrPortFrom(p.Addr, dns.Port), w.zone)
		if err != nil {
			return fmt.Errorf("start %s: %w", p.Name, err)
		}
		w.nameServers = append(w.nameServers, server)
		w.serve(p.Name, server.Serve)
	}
	for _, places := range [][]Place{people, Relays, ProductionRelays, {NewRelay, CompanyProxy}} {
		for _, p := range places {
			server := publicDNS
			if Office.Contains(p.Addr) {
				server = officeDNS
			}
			h := w.hosts[p.Name]
			if h == nil {
				continue // a kernel of its own resolves
			}
			h.ResolveWith((&dns.Resolver{
				Net: h, Server: netip.AddrPortFrom(server.Addr, dns.Port), IDs: w.rand("resolver " + p.Name),
			}).Lookup)
		}
	}
	return nil
}

// Move gives a domain name the address of another host, from the next question on.
func (w *World) Move(name, host string) error {
	h, err := w.Host(host)
	if err != nil {
		return err
	}
	if _, ok := w.zone[name]; !ok {
		return result.Mistake("there is no domain name %q in this world; there are %s", name, strings.Join(slices.Sorted(maps.Keys(w.zone)), ", "))
	}
	w.zone[name] = dns.At(h.Addr())
	for _, server := range w.nameServers {
		if err := server.SetZone(w.zone); err != nil {
			return err
		}
	}
	w.note("name moved", fmt.Sprintf("%s is %v now", name, h.Addr()))
	return nil
}

// NameServer is the office's name server.
func (w *World) NameServer() string { return officeDNS.Name }

// Names are the patterns of what a browser in the office has a reason to look up: the lab's names and addresses.
func Names() []string {
	names := []string{"*.test", "10.*"}
	for _, standIns := range []map[netip.Addr]netip.Addr{documented, benchmarked} {
		for _, a := range standIns {
			names = append(names, a.String())
		}
	}
	slices.Sort(names)
	return names
}
