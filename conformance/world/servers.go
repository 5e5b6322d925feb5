package world

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"

	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/fakes/edge"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
	"github.com/proxyspec/proxyspec/relay"
)

// EdgeFault is how all lookup edges misbehave. The zero value is none: they are real.
type EdgeFault struct {
	On     bool
	Status int // 0: they take lookups and never answer
	Body   string
}

// rand is a source of random bytes of its own for whatever is named, from the world's seed.
func (w *World) rand(name string) io.Reader {
	return rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "%016x %s", w.cfg.Seed, name)))
}

// CloudProxy is where the cloud proxy stands: at the addresses of the document's table, or, as a whole or its
// relays alone, at those for production.
func (w *World) CloudProxy() (edges, relays []Place) {
	edges, relays = Edges, Relays
	if w.setup.Production {
		edges = ProductionEdges
	}
	if w.setup.Production || w.setup.RelaysMoved {
		relays = ProductionRelays
	}
	return edges, relays
}

func (w *World) startCloudProxy() error {
	trust, err := w.trust()
	if err != nil {
		return err
	}
	accounts, err := w.cfg.Accounts(w.setup.Accounts...)
	if err != nil {
		return fmt.Errorf("set up the cloud proxy's accounts: %w", err)
	}
	cfg := relay.Config{
		Secret:     []byte("proxyspec simulated cloud proxy!"),
		Accounts:   accounts,
		TLS:        trust.Servers.Clone(),
		GatewayTLS: trust.Clients,
		Rand:       w.rand("sessions"),
		Log:        w.logProxy,
		Facing:     w.seen,
	}
	edges, relays := w.CloudProxy()
	hosts := make([]string, len(relays))
	if w.setup.Named {
		for i, p := range relays {
			hosts[i] = productionName(p)
		}
		relays, hosts = append(slices.Clone(relays), NewRelay), append(hosts, hosts[0]) // found once the name has moved
	}
	for i, p := range relays {
		cfg.Relays = append(cfg.Relays, relay.RelaySite{
			Name: p.Name, Addr: p.Addr, Host: hosts[i], MessagePorts: relay.MessagePorts, UDPPorts: relay.UDPPorts, TCPPorts: relay.TCPPorts,
		})
	}
	for _, p := range Gateways {
		cfg.Gateways = append(cfg.Gateways, relay.GatewaySite{Name: p.Name, URL: gatewayURL(p)})
		cfg.Peers = append(cfg.Peers, netip.PrefixFrom(p.Addr, 32))
	}
	w.cfg.CloudProxy(&cfg)
	if w.setup.NoMedia {
		wrap := cfg.Wrap
		cfg.Wrap = func(next http.Handler) http.Handler {
			if wrap != nil {
				next = wrap(next)
			}
			return edge.Altered(next, func(a *relay.LookupAnswer) { a.ICEServers = []relay.ICEServer{} })
		}
	}
	cloud, err := relay.New(cfg)
	if err != nil {
		return fmt.Errorf("set up the cloud proxy: %w", err)
	}
	for _, p := range edges {
		at := netip.AddrPortFrom(p.Addr, 443)
		var e server = cloud.Edge(p.Name, w.hosts[p.Name], at)
		if w.setup.Fault.On {
			e = &edge.Edge{Name: p.Name, Net: w.hosts[p.Name], Addr: at, TLS: trust.Servers.Clone(),
				Status: w.setup.Fault.Status, Body: w.setup.Fault.Body, Log: w.logProxy}
		}
		if err := w.start(p.Name, e); err != nil {
			return err
		}
	}
	for _, p := range relays {
		w.again[p.Name] = func() error {
			return w.start(p.Name, audited{cloud.Relay(p.Name, w.cfg.RelayNet(w.hosts[p.Name])), p.Name, w.fault})
		}
		if err := w.again[p.Name](); err != nil {
			return err
		}
	}
	return nil
}

// audited is a relay whose books are looked at when it has stopped: every packet accounted for, every allocation
// freed. That is the ground of each case, whatever it is about.
type audited struct {
	*relay.Relay
	name  string
	fault func(error) // of the ground, also while the world ends
}

func (a audited) Serve(ctx context.Context) error {
	err := a.Relay.Serve(ctx)
	m := a.Media()
	if n := len(m.Allocations); n > 0 {
		a.fault(fmt.Errorf("%s has stopped, and keeps %d allocations", a.name, n))
	}
	if wrong := m.Totals.Balanced(); wrong != nil {
		a.fault(fmt.Errorf("%s: %w", a.name, wrong))
	}
	return err
}

// Record gives the cloud proxy's support one account, apart from those that the world has. The error is support's.
func (w *World) Record(a relay.Account) error {
	_, err := w.cfg.Accounts(a)
	return err
}

func gatewayURL(p Place) string { return "wss://" + gatewayName(p) + sdrtn.ChannelPath }

func (w *World) startSDRTN() error {
	trust, err := w.trust()
	if err != nil {
		return err
	}
	w.backbone = sdrtn.NewBackbone()
	for _, p := range Gateways {
		cfg := sdrtn.Config{
			Name: p.Name, Net: w.hosts[p.Name], Address: netip.AddrPortFrom(p.Addr, 443),
			TLS: trust.Servers.Clone(), Rand: w.rand(p.Name), Backbone: w.backbone, Log: w.logSDRTN,
			Browsers: w.real(),
		}
		w.cfg.Gateway(&cfg)
		g, err := sdrtn.New(cfg)
		if err != nil {
			return fmt.Errorf("set up %s: %w", p.Name, err)
		}
		if err := w.start(p.Name, g); err != nil {
			return err
		}
		w.gateways = append(w.gateways, g)
	}
	return nil
}

// LogTotals has every gateway log what it has counted of each track so far.
func (w *World) LogTotals() {
	for _, g := range w.gateways {
		g.LogTotals()
	}
}

// logProxy takes the cloud proxy's log into the timeline, and checks its books.
func (w *World) logProxy(e relay.Event) {
	if b := e.Books; b != nil && (!b.Up.Balanced() || !b.Down.Balanced()) {
		w.fault(fmt.Errorf("%s, %s of session %s: what came in isn't what went out and was dropped: %+v", e.Node, e.Name, e.Session, *b))
	}
	w.record(timeline.Event{
		Kind: timeline.KindProxy, Actor: e.Node, Name: e.Name, Proto: e.Proto, From: e.From, To: e.To,
		Purpose: e.Purpose, Session: e.Session, User: e.User, Code: e.Code, Length: e.Bytes,
		Count: e.Up.Count + e.Down.Count, Detail: e.Detail,
	})
}

// logSDRTN takes the SD-RTN's log into the timeline.
func (w *World) logSDRTN(e sdrtn.Event) {
	w.record(timeline.Event{
		Kind: timeline.KindSDRTN, Actor: e.Gateway, Name: e.Name, From: e.Source, User: e.User, Peer: e.Peer,
		Media: e.Kind, Digest: e.Digest, Count: e.Packets, Frames: e.Frames, Length: e.Bytes, Code: e.Code, Detail: e.Detail,
		Missing: e.Missing, Codec: e.Codec,
	})
}
