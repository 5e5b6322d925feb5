package sim

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/nat"
)

// TestNAT sends packets from behind a translating router, to the internet and round to a neighbour.
func TestNAT(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{Seed: 1, Settle: synctest.Wait})
		alice := n.Host("alice", netip.MustParseAddr("10.0.0.2"))
		bob := n.Host("bob", netip.MustParseAddr("10.0.0.3"))
		server := n.Host("server", netip.MustParseAddr("198.51.100.1"))
		home, internet := n.Router("home"), n.Router("internet")
		delay := LinkConfig{Delay: time.Millisecond}
		inside := []*Link{n.Connect(alice, home, delay), n.Connect(bob, home, delay)}
		uplink := n.Connect(home, internet, delay)
		home.Route(netip.MustParsePrefix("0.0.0.0/0"), uplink)
		outside := netip.MustParseAddr("192.0.2.1")
		internet.Route(netip.PrefixFrom(outside, 32), uplink)
		n.Connect(server, internet, delay)
		table, err := nat.New(nat.Config{Outside: []netip.Addr{outside}})
		require.NoError(t, err)
		home.Translate(table, inside...)
		defer serving(n)()

		echo, err := server.ListenPacket("udp", ":7")
		require.NoError(t, err)
		defer echo.Close()
		go func() {
			buf := make([]byte, 100)
			for {
				_, from, err := echo.ReadFrom(buf)
				if err != nil {
					return
				}
				_, _ = echo.WriteTo([]byte(from.String()), from)
			}
		}()
		ask := func(h *Host) (net.PacketConn, *net.UDPAddr) {
			c, err := h.ListenPacket("udp", ":5000")
			require.NoError(t, err)
			_, err = c.WriteTo([]byte("who am I?"), &net.UDPAddr{IP: server.Addr().AsSlice(), Port: 7})
			require.NoError(t, err)
			buf := make([]byte, 100)
			k, _, err := c.ReadFrom(buf)
			require.NoError(t, err)
			addr, err := net.ResolveUDPAddr("udp", string(buf[:k]))
			require.NoError(t, err)
			return c, addr
		}
		a, aOutside := ask(alice)
		defer a.Close()
		b, bOutside := ask(bob)
		defer b.Close()
		require.Equal(t, "192.0.2.1:5000", aOutside.String())
		require.NotEqual(t, aOutside.Port, bOutside.Port)

		_, err = a.WriteTo([]byte("round the corner"), bOutside)
		require.NoError(t, err)
		buf := make([]byte, 100)
		k, from, err := b.ReadFrom(buf)
		require.NoError(t, err)
		require.Equal(t, "round the corner", string(buf[:k]))
		require.Equal(t, aOutside.String(), from.String())

		// Two echoes of one identifier, at a time; a third finds nobody, and hears it.
		var seen, atHome []string
		n.Do(func() {
			server.Tap(func(s Sighting) { seen = append(seen, s.Packet.String()) })
			home.Tap(func(s Sighting) {
				side := map[bool]string{true: "inside: ", false: "outside: "}[s.Inside]
				atHome = append(atHome, side+s.Packet.String())
			})
		})
		pings := make(chan error)
		for _, h := range []*Host{alice, bob} {
			go func() {
				took, err := h.Ping(t.Context(), server.Addr())
				if err == nil && took != 6*time.Millisecond {
					err = fmt.Errorf("%s: it took %v", h.name, took)
				}
				pings <- err
			}()
		}
		require.NoError(t, errors.Join(<-pings, <-pings))
		require.Equal(t, []string{
			"ICMP 192.0.2.1 > 198.51.100.1 echo request 1 of 1, 84 bytes",
			"ICMP 198.51.100.1 > 192.0.2.1 echo reply 1 of 1, 84 bytes",
			"ICMP 192.0.2.1 > 198.51.100.1 echo request 1 of 3, 84 bytes",
			"ICMP 198.51.100.1 > 192.0.2.1 echo reply 1 of 3, 84 bytes",
		}, seen)
		atHome = nil
		_, err = bob.Ping(t.Context(), server.Addr())
		require.NoError(t, err)
		require.Equal(t, []string{ // as on each wire
			"inside: ICMP 10.0.0.3 > 198.51.100.1 echo request 1 of 2, 84 bytes",
			"outside: ICMP 192.0.2.1 > 198.51.100.1 echo request 1 of 2, 84 bytes",
			"outside: ICMP 198.51.100.1 > 192.0.2.1 echo reply 1 of 2, 84 bytes",
			"inside: ICMP 198.51.100.1 > 10.0.0.3 echo reply 1 of 2, 84 bytes",
		}, atHome)
		internet.SetAddr(netip.MustParseAddr("203.0.113.1"))
		_, err = bob.Ping(t.Context(), netip.MustParseAddr("198.51.100.9"))
		require.ErrorContains(t, err, "no route, about ICMP 10.0.0.3:3 > 198.51.100.9:3")
		bob.lastPing = 1<<16 - 1 // the identifiers begin anew
		_, err = bob.Ping(t.Context(), server.Addr())
		require.NoError(t, err)
	})
}

// TestHairpinWithoutARoute: a NAT knows its own address, also where no route of its router leads there.
func TestHairpinWithoutARoute(t *testing.T) {
	for _, noHairpin := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			n := New(Config{Seed: 1, Settle: synctest.Wait})
			alice, bob := n.Host("alice", netip.MustParseAddr("10.0.0.2")), n.Host("bob", netip.MustParseAddr("10.0.0.3"))
			home := n.Router("home")
			outside := netip.MustParseAddr("192.0.2.1")
			table, err := nat.New(nat.Config{Outside: []netip.Addr{outside}, NoHairpin: noHairpin})
			require.NoError(t, err)
			inside := []*Link{n.Connect(alice, home, LinkConfig{}), n.Connect(bob, home, LinkConfig{})}
			n.Connect(home, n.Host("server", netip.MustParseAddr("198.51.100.1")), LinkConfig{})
			home.Translate(table, inside...)
			defer serving(n)()
			a, err := alice.ListenPacket("udp", ":5001")
			require.NoError(t, err)
			defer a.Close()
			b, err := bob.ListenPacket("udp", ":5002")
			require.NoError(t, err)
			defer b.Close()
			for _, to := range []string{"198.51.100.1", "192.0.2.1"} { // opens a port, and comes round
				_, err = a.WriteTo([]byte(to), &net.UDPAddr{IP: net.ParseIP(to), Port: 5002})
				require.NoError(t, err)
				_, err = b.WriteTo([]byte(to), &net.UDPAddr{IP: net.ParseIP(to), Port: 5001})
				require.NoError(t, err)
				time.Sleep(time.Second)
			}
			for _, c := range []net.PacketConn{a, b} {
				require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Second)))
				buf := make([]byte, 100)
				k, from, err := c.ReadFrom(buf)
				if noHairpin {
					require.ErrorIs(t, err, os.ErrDeadlineExceeded)
					continue
				}
				require.NoError(t, err)
				require.Equal(t, "192.0.2.1", string(buf[:k]))
				require.Equal(t, outside, from.(*net.UDPAddr).AddrPort().Addr())
			}
			// Nobody listens there any more, and who asks is told, which comes round as well (RFC 5508, REQ-7).
			require.NoError(t, b.Close())
			asks, err := alice.Dial("udp", "192.0.2.1:5002")
			require.NoError(t, err)
			defer asks.Close()
			_, err = asks.Write(nil)
			require.NoError(t, err)
			require.NoError(t, asks.SetReadDeadline(time.Now().Add(time.Second)))
			_, err = asks.Read(make([]byte, 1))
			require.ErrorIs(t, err, map[bool]error{false: syscall.ECONNREFUSED, true: os.ErrDeadlineExceeded}[noHairpin])
			require.NoError(t, n.Books().Balanced())
		})
	}
}
