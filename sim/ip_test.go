package sim

import (
	"context"
	"io"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// families runs f for IPv4 and IPv6: a client, a firewall that lets everything but port 25 out, a second router
// and a server. What the client's network card sees is put down.
func families(t *testing.T, f func(t *testing.T, n *Network, client, server *Host, seen *[]string)) {
	for _, tc := range []struct{ name, client, server, near, far string }{
		{"IPv4", "10.0.0.2", "192.0.2.1", "10.0.0.1", "192.0.2.254"},
		{"IPv6", "2001:db8:a::2", "2001:db8::1", "2001:db8:a::1", "2001:db8::fe"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := New(Config{Seed: 1, Settle: synctest.Wait})
				client, server := n.Host("client", netip.MustParseAddr(tc.client)), n.Host("server", netip.MustParseAddr(tc.server))
				wall, core := n.Router("wall"), n.Router("core")
				wall.SetAddr(netip.MustParseAddr(tc.near))
				core.SetAddr(netip.MustParseAddr(tc.far))
				lan := n.Connect(client, wall, LinkConfig{Delay: time.Millisecond})
				mid := n.Connect(wall, core, LinkConfig{Delay: time.Millisecond})
				n.Connect(core, server, LinkConfig{Delay: time.Millisecond})
				bits := client.Addr().BitLen()
				home, _ := client.Addr().Prefix(bits / 2)
				everywhere, _ := client.Addr().Prefix(0)
				wall.Route(everywhere, mid)
				core.Route(home, mid)
				policy := firewall.Policy{ID: "out", Default: firewall.Allow, Rules: []firewall.Rule{
					{ID: "no-mail", Proto: firewall.TCP, Ports: []firewall.PortRange{firewall.Port(25)}, Action: firewall.Reject},
					{ID: "no-games", Proto: firewall.UDP, Ports: []firewall.PortRange{firewall.Port(25)}, Action: firewall.Reject},
				}}
				guard, err := firewall.New(policy, firewall.Timeouts{})
				require.NoError(t, err)
				wall.Guard(guard, lan)
				var seen []string
				client.Tap(func(s Sighting) {
					if !s.Out {
						seen = append(seen, s.Packet.String())
					}
					wire, err := s.Packet.Marshal()
					require.NoError(t, err)
					_, err = Parse(wire)
					require.NoError(t, err)
				})
				defer serving(n)()
				f(t, n, client, server, &seen)
			})
		})
	}
}

func TestFamiliesCarryUDPAndTCP(t *testing.T) {
	families(t, func(t *testing.T, _ *Network, client, server *Host, _ *[]string) {
		udp, err := server.ListenPacket("udp", ":3478")
		require.NoError(t, err)
		tcp, err := server.ListenTCP("tcp", &net.TCPAddr{Port: 443})
		require.NoError(t, err)
		out, err := client.Dial("udp", net.JoinHostPort(server.Addr().String(), "3478"))
		require.NoError(t, err)
		_, err = out.Write([]byte("hello"))
		require.NoError(t, err)
		buf := make([]byte, 10)
		n, from, err := udp.ReadFrom(buf)
		require.NoError(t, err)
		require.Equal(t, "hello", string(buf[:n]))
		require.Equal(t, out.LocalAddr().String(), from.String())
		_, err = udp.WriteTo([]byte("world"), from)
		require.NoError(t, err)
		n, err = out.Read(buf)
		require.NoError(t, err)
		require.Equal(t, "world", string(buf[:n]))

		go func() {
			c, err := tcp.Accept()
			if err == nil {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}
		}()
		c, err := client.DialContext(t.Context(), "tcp", net.JoinHostPort(server.Addr().String(), "443"))
		require.NoError(t, err)
		sent := make([]byte, 100_000)
		go func() {
			_, _ = c.Write(sent)
			_ = c.(interface{ CloseWrite() error }).CloseWrite()
		}()
		got, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Equal(t, sent, got)
		require.NoError(t, c.Close())
	})
}

// TestICMP shows who answers what.
func TestICMP(t *testing.T) {
	families(t, func(t *testing.T, n *Network, client, server *Host, seen *[]string) {
		far, elsewhere := server.Addr(), netip.MustParseAddr("198.51.100.1")
		if far.Is6() {
			elsewhere = netip.MustParseAddr("2001:db8:b::1")
		}
		send := func(p *Packet) string {
			var got []string // the tap writes on the loop
			n.Do(func() { *seen = nil; client.send(n.now(), p) })
			time.Sleep(time.Second)
			n.Do(func() { got = slices.Clone(*seen) })
			require.Len(t, got, 1, "%v", p)
			return got[0]
		}
		udp := func(to netip.Addr, port uint16, ttl uint8) *Packet {
			p := newUDP(netip.AddrPortFrom(client.Addr(), 1000), netip.AddrPortFrom(to, port), []byte("x"))
			p.TTL = ttl
			return p
		}
		router := map[bool]string{true: "10.0.0.1", false: "2001:db8:a::1"}[far.Is4()]
		core := map[bool]string{true: "192.0.2.254", false: "2001:db8::fe"}[far.Is4()]
		require.Contains(t, send(udp(far, 9, 64)), far.String()+" > "+client.Addr().String()+" port unreachable, about UDP")
		require.Contains(t, send(udp(far, 9, 1)), router+" > "+client.Addr().String()+" time exceeded, about UDP")
		require.Contains(t, send(udp(far, 9, 2)), core+" > "+client.Addr().String()+" time exceeded, about UDP")
		require.Contains(t, send(udp(far, 25, 64)), router+" > "+client.Addr().String()+" administratively prohibited, about UDP")
		require.Contains(t, send(udp(elsewhere, 9, 64)), core+" > "+client.Addr().String()+" no route, about UDP")

		// Routers answer for themselves, and the firewall judges what crosses it.
		near, next := netip.MustParseAddr(router), netip.MustParseAddr(core)
		require.Contains(t, send(udp(near, 25, 1)), router+" > "+client.Addr().String()+" port unreachable, about UDP")
		require.Contains(t, send(udp(next, 25, 64)), router+" > "+client.Addr().String()+" administratively prohibited, about UDP")
		rtt, err := client.Ping(t.Context(), near)
		require.NoError(t, err)
		require.Equal(t, 2*time.Millisecond, rtt)
		rtt, err = client.Ping(t.Context(), next)
		require.NoError(t, err)
		require.Equal(t, 4*time.Millisecond, rtt)
		outside, giveUp := context.WithTimeout(t.Context(), time.Second)
		defer giveUp()
		_, err = server.Ping(outside, near)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = client.DialContext(t.Context(), "tcp", net.JoinHostPort(router, "25"))
		require.ErrorIs(t, err, syscall.ECONNREFUSED)

		rtt, err = client.Ping(t.Context(), far)
		require.NoError(t, err)
		require.Equal(t, 6*time.Millisecond, rtt)
		_, err = client.Ping(t.Context(), elsewhere)
		require.ErrorContains(t, err, "no route")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = client.Ping(ctx, far.Next())
		require.Error(t, err)
		require.NoError(t, n.Books().Balanced())
	})
}
