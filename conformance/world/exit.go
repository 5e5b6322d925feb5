package world

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/dns"
	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/httpproxy"
)

// exit is where the office's HTTP proxy stands, and exitName how whoever looks for one finds it.
var exit = place("http-proxy", "10.10.0.8")

const (
	exitName = "http-proxy.test"
	exitPort = 3128
)

// ExitByProxy leaves the office one way out: an HTTP proxy inside, which makes tunnels to TCP port 443 of anybody. The
// firewall lets nobody else out.
func (w *World) ExitByProxy() error {
	var h *sim.Host
	var server *httpproxy.Proxy
	var err error
	w.net.Do(func() {
		h = w.net.Host(exit.Name, exit.Addr)
		w.wall.Guard(w.office, w.net.Connect(h, w.wall, sim.LinkConfig{Delay: lanDelay}))
	})
	w.hosts[exit.Name], w.names[exit.Addr] = h, exit.Name
	h.ResolveWith((&dns.Resolver{Net: h, Server: netip.AddrPortFrom(officeDNS.Addr, dns.Port), IDs: w.rand("resolver " + exit.Name)}).Lookup)
	w.zone[exitName] = dns.At(exit.Addr)
	for _, s := range w.nameServers {
		if err := s.SetZone(w.zone); err != nil {
			return err
		}
	}
	if server, err = httpproxy.New(httpproxy.Config{Net: h, Allow: []string{"*:443"}}); err != nil {
		return err
	}
	l, err := h.ListenTCP("tcp4", &net.TCPAddr{IP: exit.Addr.AsSlice(), Port: exitPort})
	if err != nil {
		return fmt.Errorf("start %s: %w", exit.Name, err)
	}
	w.serve(exit.Name, func(ctx context.Context) error { return server.Serve(ctx, l) })
	return w.SetPolicy(firewall.Policy{ID: "http-proxy-only", Rules: []firewall.Rule{{
		ID: "http-proxy", Proto: firewall.TCP, Sources: []netip.Prefix{netip.PrefixFrom(exit.Addr, 32)},
		Ports: []firewall.PortRange{firewall.Port(443)}, Action: firewall.Allow, Purpose: "web",
	}}})
}
