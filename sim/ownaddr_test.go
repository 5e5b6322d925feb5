package sim

import (
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/nat"
)

// TestRouterBesideItsNAT has a NAT whose outside address is the router's, or isn't.
func TestRouterBesideItsNAT(t *testing.T) {
	const outside = "192.0.2.1"
	for _, own := range []string{outside, "192.0.2.9"} {
		t.Run(own, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := New(Config{Seed: 1, Settle: synctest.Wait})
				alice, bob := n.Host("alice", netip.MustParseAddr("10.0.0.2")), n.Host("bob", netip.MustParseAddr("10.0.0.3"))
				carol := n.Host("carol", netip.MustParseAddr("198.51.100.1"))
				home, internet := n.Router("home"), n.Router("internet")
				home.SetAddr(netip.MustParseAddr(own))
				first, second := n.Connect(alice, home, LinkConfig{}), n.Connect(bob, home, LinkConfig{})
				line := n.Connect(home, internet, LinkConfig{})
				n.Connect(internet, carol, LinkConfig{})
				home.Route(netip.MustParsePrefix("0.0.0.0/0"), line)
				internet.Route(netip.MustParsePrefix("192.0.2.0/24"), line)
				translator, err := nat.New(nat.Config{Outside: []netip.Addr{netip.MustParseAddr(outside)}})
				require.NoError(t, err)
				home.Translate(translator, first, second)
				defer serving(n)()

				// What bob has sent opens his port to alice, by way of the outside address.
				socket, err := bob.ListenUDP("udp", &net.UDPAddr{Port: 5001})
				require.NoError(t, err)
				_, err = socket.WriteTo([]byte("out"), &net.UDPAddr{IP: carol.Addr().AsSlice(), Port: 9})
				require.NoError(t, err)
				time.Sleep(time.Second)
				back, err := alice.Dial("udp", outside+":5001")
				require.NoError(t, err)
				_, err = back.Write([]byte("turned round"))
				require.NoError(t, err)
				require.NoError(t, socket.SetReadDeadline(time.Now().Add(time.Second)))
				buf := make([]byte, 20)
				got, _, err := socket.ReadFrom(buf)
				require.NoError(t, err)
				require.Equal(t, "turned round", string(buf[:got]))

				if own == outside {
					return // to the outside there is the NAT only
				}
				_, err = carol.Ping(t.Context(), netip.MustParseAddr(own))
				require.NoError(t, err)
				_, err = carol.Dial("tcp", own+":80")
				require.ErrorIs(t, err, syscall.ECONNREFUSED)
				require.Equal(t, 2, translator.Mappings(n.start.Add(n.now())), "bob's and alice's: an answer of the router's own is nobody's flow")
			})
		})
	}
}
