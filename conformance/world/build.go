package world

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/proxyspec/proxyspec/sim"
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
	w.uplink = w.net.Connect(w.wall, internet, sim.LinkConfig{Delay: uplinkDelay})
	w.wall.Route(netip.MustParsePrefix("0.0.0.0/0"), w.uplink)
	for _, prefix := range []netip.Prefix{Office, netip.PrefixFrom(OfficeNAT, OfficeNAT.BitLen())} {
		internet.Route(prefix, w.uplink)
	}
	w.wall.Route(netip.MustParsePrefix("::/0"), w.uplink)
	internet.Route(officeSix, w.uplink)
	if w.real() {
		w.inside = append(w.inside, w.port(people[0], w.wall))
	} else {
		w.inside = append(w.inside, w.connect(people[0], w.wall, lanDelay))
	}
	for _, p := range []Place{aliceSix, printer, officeDNS, intranet} {
		w.inside = append(w.inside, w.connect(p, w.wall, lanDelay))
	}
	for _, places := range [][]Place{people[1:], {publicDNS}, Edges, Relays, ProductionEdges, ProductionRelays, {NewRelay, relaySix}, Gateways, {CompanyProxy, CompanyTURN, inspectorOut}} {
		for _, p := range places {
			w.connect(p, internet, internetDelay)
		}
	}
	wall, err := newOffice(&w.cfg, netip.PrefixFrom(people[0].Addr, 32))
	if err != nil {
		return fmt.Errorf("set up the office's firewall: %w", err)
	}
	w.office = wall
	w.wall.Guard(wall, w.inside...)
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

// Up starts the cloud proxy and SD-RTN, unless they run already. What a scenario sets up must be set up
// before.
func (w *World) Up() error {
	if w.up {
		return nil
	}
	w.up = true
	w.note("world", "the cloud proxy and SD-RTN are up")
	if err := w.startSDRTN(); err != nil {
		return err
	}
	if err := w.startCompany(); err != nil {
		return err
	}
	if err := w.startIntranet(); err != nil {
		return err
	}
	return w.startCloudProxy()
}

// server is what serves clients once Listen has returned.
type server interface {
	Listen() error
	Serve(context.Context) error
}

func (w *World) start(name string, s server) error {
	if err := s.Listen(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	w.serve(name, s.Serve)
	return nil
}

// serve runs a server until the world ends or Stop is called.
func (w *World) serve(name string, serve func(context.Context) error) {
	ctx, stop := context.WithCancel(w.serves.ctx)
	done := make(chan struct{})
	w.serving[name] = func() { stop(); <-done }
	w.run(w.serves, name, func(context.Context) error {
		defer close(done)
		return serve(ctx)
	})
}
