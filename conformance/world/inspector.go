package world

import (
	"fmt"
	"net/netip"

	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/fakes/inspector"
	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/sim"
)

// Inspector is the name of the host that inspects TLS, in timelines.
const Inspector = "tls-inspector"

// EventRead is that the inspector read what a client sent over TLS.
const EventRead = "read"

// Inspect puts a host into the office's way to the cloud proxy, or to its relays alone, that ends every TLS connection
// and begins one of its own, with certificates of an authority that nobody was told of, or of the right one but for
// another name.
func (w *World) Inspect(relaysOnly, anotherName bool) error {
	own, err := inspectorTrust()
	if err != nil {
		return err
	}
	trust, err := w.trust()
	if err != nil {
		return err
	}
	shows := own.Servers
	if anotherName {
		shows = trust.Another
	}
	edges, relays := w.CloudProxy()
	var addrs []netip.Addr
	var at []netip.AddrPort
	if relaysOnly {
		edges = nil
	}
	for _, p := range edges {
		addrs, at = append(addrs, p.Addr), append(at, netip.AddrPortFrom(p.Addr, 443))
	}
	for _, p := range relays {
		addrs = append(addrs, p.Addr)
		for _, port := range relay.MessagePorts {
			at = append(at, netip.AddrPortFrom(p.Addr, uint16(port)))
		}
	}
	var h *sim.Host
	w.net.Do(func() {
		h = w.net.Host(Inspector, addrs...)
		w.net.Connect(h, w.wall, sim.LinkConfig{Delay: lanDelay}) // from now on the nearest way to these addresses
	})
	if err := w.start(Inspector, &inspector.Inspector{
		Name: Inspector, Net: h, Out: w.hosts[inspectorOut.Name], At: at, TLS: shows.Clone(), Upstream: trust.Clients,
		Log: func(e inspector.Event) {
			w.record(timeline.Event{Kind: timeline.KindServer, Actor: Inspector, Name: EventRead, Proto: "TCP", From: e.From, To: e.To, Length: e.Bytes})
		},
	}); err != nil {
		return fmt.Errorf("inspect the office's TLS: %w", err)
	}
	return nil
}
