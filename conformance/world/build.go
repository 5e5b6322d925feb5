package world

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/dns"
)

// Delays of the links, one way.
const (
	lanDelay      = time.Millisecond
	uplinkDelay   = 5 * time.Millisecond
	internetDelay = 10 * time.Millisecond
)

// build lays out hosts, routers and links, and puts the firewall between the office and the internet.
func (w *World) build() error {
	w.wall = w.net.Router(wallPlace.Name)
	w.wall.SetAddr(wallPlace.Addr)
	internet := w.net.Router("internet")
	uplink := w.net.Connect(w.wall, internet, sim.LinkConfig{Delay: uplinkDelay})
	w.wall.Route(netip.MustParsePrefix("0.0.0.0/0"), uplink)
	internet.Route(Office, uplink)

	var inside []*sim.Link
	for _, p := range []Place{people[0], printer, officeDNS} {
		inside = append(inside, w.connect(p, w.wall, lanDelay))
	}
	for _, places := range [][]Place{people[1:], {publicDNS}, Edges, Relays, ProductionEdges, ProductionRelays, {NewRelay}, Gateways, {CompanyProxy, CompanyTURN}} {
		for _, p := range places {
			w.connect(p, internet, internetDelay)
		}
	}
	wall, err := newOffice(&w.cfg, netip.PrefixFrom(people[0].Addr, 32))
	if err != nil {
		return fmt.Errorf("set up the office's firewall: %w", err)
	}
	w.office = wall
	w.wall.Guard(wall, inside...)
	w.wall.Tap(w.seeAtWall)
	for _, p := range Gateways {
		w.hosts[p.Name].Tap(w.seeAtGateway)
	}
	return w.nameService()
}

// connect puts a host at a place and links it to a router.
func (w *World) connect(p Place, to *sim.Router, delay time.Duration) *sim.Link {
	l := w.net.Connect(w.place(p), to, sim.LinkConfig{Delay: delay})
	w.links[p.Name] = line{l, delay}
	return l
}

func (w *World) place(p Place) *sim.Host {
	h := w.net.Host(p.Name, p.Addr)
	w.hosts[p.Name] = h
	w.names[p.Addr] = p.Name
	return h
}

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
		w.run(p.Name, server.Serve)
	}
	for _, places := range [][]Place{people, Relays, ProductionRelays, {NewRelay, CompanyProxy}} {
		for _, p := range places {
			server := publicDNS
			if Office.Contains(p.Addr) {
				server = officeDNS
			}
			h := w.hosts[p.Name]
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
		return fmt.Errorf("there is no domain name %q in this world; there are %s", name, strings.Join(slices.Sorted(maps.Keys(w.zone)), ", "))
	}
	w.zone[name] = dns.At(h.Addr())
	for _, server := range w.nameServers {
		if err := server.SetZone(w.zone); err != nil {
			return err
		}
	}
	w.Timeline.Add(timeline.Event{Kind: timeline.KindWorld, Actor: "suite", Name: "name moved", Detail: fmt.Sprintf("%s is %v now", name, h.Addr())})
	return nil
}

// Up starts the cloud proxy and SD-RTN, unless they run already. What a scenario sets up must be set up
// before.
func (w *World) Up() error {
	if w.up {
		return nil
	}
	w.up = true
	w.Timeline.Add(timeline.Event{Kind: timeline.KindWorld, Actor: "suite", Name: "world", Detail: "the cloud proxy and SD-RTN are up"})
	if err := w.startSDRTN(); err != nil {
		return err
	}
	if err := w.startCompany(); err != nil {
		return err
	}
	return w.startCloudProxy()
}

// listener is a server that is ready for clients once Listen has returned.
type listener interface {
	Listen() error
	Serve(context.Context) error
}

func (w *World) start(name string, l listener) error {
	if err := l.Listen(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	ctx, stop := context.WithCancel(w.ctx)
	done := make(chan struct{})
	w.serving[name] = func() { stop(); <-done }
	w.run(name, func(context.Context) error {
		defer close(done)
		return l.Serve(ctx)
	})
	return nil
}
