package dns_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/bubble"
	"github.com/proxyspec/proxyspec/sim/dns"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

// TestBehindFirewall is a name service as a scenario has it: on simulated hosts, in virtual time, with a
// firewall in between.
func TestBehindFirewall(t *testing.T) {
	server := netip.MustParseAddrPort("192.0.2.53:53")
	udp := firewall.Rule{
		ID: "dns", Proto: firewall.UDP, Ports: []firewall.PortRange{firewall.Port(dns.Port)}, Action: firewall.Allow,
	}
	tcp := udp
	tcp.ID, tcp.Proto = "dns-tcp", firewall.TCP

	for _, tc := range []struct {
		name   string
		policy firewall.Policy
		lookup string
		took   time.Duration // with 10 ms to the server
		want   int           // addresses; 0: it times out
	}{
		{"a name", firewall.Policy{Rules: []firewall.Rule{udp}}, "edge.proxy.test", 20 * time.Millisecond, 3},
		{"a long answer", firewall.Policy{Rules: []firewall.Rule{udp, tcp}}, "many.proxy.test", 60 * time.Millisecond, 200},
		{"a long answer, but no TCP", firewall.Policy{Rules: []firewall.Rule{udp}}, "many.proxy.test", 10*time.Second + 40*time.Millisecond, 0},
		{"no name service at all", firewall.Policy{}, "edge.proxy.test", 10 * time.Second, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := bubble.Open(bubble.Config{})
			require.NoError(t, err)
			require.NoError(t, b.Do(func() {
				n := sim.New(sim.Config{Seed: 1, Settle: bubble.Settle})
				alice := n.Host("alice", netip.MustParseAddr("10.0.0.2"))
				names := n.Host("names", server.Addr())
				wall := n.Router("firewall")
				lan := n.Connect(alice, wall, sim.LinkConfig{Delay: 5 * time.Millisecond})
				n.Connect(wall, names, sim.LinkConfig{Delay: 5 * time.Millisecond})
				f, err := firewall.New(tc.policy, firewall.Timeouts{})
				require.NoError(t, err)
				wall.Guard(f, lan)
				s, err := dns.Listen(names, server, zone)
				require.NoError(t, err)
				r := &dns.Resolver{Net: alice, Server: server}
				alice.ResolveWith(r.Lookup)

				ctx, cancel := context.WithCancel(context.Background())
				network, service := make(chan error, 1), make(chan error, 1)
				go func() { network <- n.Serve(ctx) }()
				go func() { service <- s.Serve(ctx) }()

				begin := time.Now()
				got, err := r.Lookup(ctx, tc.lookup)
				require.Equal(t, tc.took, time.Since(begin))
				require.Len(t, got, tc.want)
				if tc.want == 0 {
					var e *net.DNSError
					require.True(t, errors.As(err, &e) && e.IsTimeout, err)
				} else {
					require.NoError(t, err)
					resolved, err := alice.ResolveIPAddr("ip4", tc.lookup)
					require.NoError(t, err)
					require.Equal(t, got[0].String(), resolved.String())
				}
				cancel()
				require.NoError(t, <-service)
				require.NoError(t, <-network)
			}))
			require.NoError(t, b.Close(5*time.Minute))
		})
	}
}
