package sim

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	left6  = netip.MustParseAddr("2001:db8::a")
	right6 = netip.MustParseAddr("2001:db8::b")
	hole6  = netip.MustParseAddr("2001:db8:dead::1")
	hole   = netip.MustParseAddr("198.51.100.9")
)

// dual runs f with two hosts of both families behind one router, which knows no more addresses: what is sent to holes
// is lost without a word. The left one knows names.
func dual(t *testing.T, names map[string][]netip.Addr, f func(t *testing.T, a, b *Host)) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{Seed: 1, Settle: synctest.Wait})
		a, b, nowhere := n.Host("left", left, left6), n.Host("right", right, right6), n.Host("nowhere", hole, hole6)
		core := n.Router("core")
		n.Connect(a, core, LinkConfig{Delay: time.Millisecond})
		n.Connect(b, core, LinkConfig{Delay: time.Millisecond})
		n.Connect(nowhere, core, LinkConfig{Down: true})
		a.ResolveWith(func(_ context.Context, name string) ([]netip.Addr, error) { return names[name], nil })
		defer serving(n)()
		f(t, a, b)
	})
}

// TestNetworkNamesChooseTheFamily, as in package net.
func TestNetworkNamesChooseTheFamily(t *testing.T) {
	dual(t, map[string][]netip.Addr{"b.test": {right6, right}, "six.test": {right6}}, func(t *testing.T, a, b *Host) {
		for network, want := range map[string]string{"udp": "192.0.2.1:7", "udp4": "192.0.2.1:7", "udp6": "[2001:db8::b]:7"} {
			got, err := a.ResolveUDPAddr(network, "b.test:7")
			require.NoError(t, err)
			require.Equal(t, want, got.String(), network)
		}
		ip, err := a.ResolveIPAddr("ip6:ipv6-icmp", "b.test")
		require.NoError(t, err)
		require.Equal(t, "2001:db8::b", ip.String())
		for network, address := range map[string]string{"tcp4": "[2001:db8::b]:80", "tcp6": "192.0.2.1:80", "udp4": "six.test:80"} {
			_, err := a.Dial(network, address)
			require.ErrorContains(t, err, "no suitable address found")
		}
		_, err = a.Dial("sctp", "b.test:80")
		require.EqualError(t, err, "dial sctp: unknown network sctp")
		_, err = a.ListenPacket("udp", "junk")
		require.EqualError(t, err, "listen udp: address junk: missing port in address")
		_, err = a.ListenUDP("udp4", &net.UDPAddr{IP: left6.AsSlice(), Port: 7})
		require.EqualError(t, err, "listen udp4 [2001:db8::a]:7: address 2001:db8::a: non-IPv4 address")
		_, err = a.DialTCP("tcp4", nil, &net.TCPAddr{IP: right6.AsSlice(), Port: 7})
		require.ErrorContains(t, err, "non-IPv4 address")
		// Of a socket of IPv6, it is the kernel that says no.
		_, err = a.ListenUDP("udp6", &net.UDPAddr{IP: left.AsSlice(), Port: 7})
		require.EqualError(t, err, "listen udp6 10.0.0.2:7: bind: invalid argument")
		_, err = a.DialTCP("tcp6", nil, &net.TCPAddr{IP: right.AsSlice(), Port: 7})
		require.EqualError(t, err, "dial tcp6 192.0.2.1:7: connect: network is unreachable")
		_, err = a.Dial("udp", net.JoinHostPort("localhost", "7"))
		require.NoError(t, err)
	})
}

// TestSocketsOfOneFamily share a port with those of the other one, and get its packets alone.
func TestSocketsOfOneFamily(t *testing.T) {
	dual(t, nil, func(t *testing.T, a, b *Host) {
		four, err := b.ListenPacket("udp4", ":7")
		require.NoError(t, err)
		six, err := b.ListenPacket("udp6", ":7")
		require.NoError(t, err)
		require.Equal(t, "0.0.0.0:7", four.LocalAddr().String())
		require.Equal(t, "[::]:7", six.LocalAddr().String())
		for _, again := range []struct{ network, at string }{
			{"udp", ":7"}, {"udp4", ":7"}, {"udp6", ":7"}, {"udp", "192.0.2.1:7"}, {"udp6", "[2001:db8::b]:7"},
		} {
			_, err = b.ListenPacket(again.network, again.at)
			require.ErrorIs(t, err, syscall.EADDRINUSE, "%v", again)
		}
		_, err = four.WriteTo(nil, &net.UDPAddr{IP: left6.AsSlice(), Port: 7})
		require.ErrorContains(t, err, "non-IPv4 address")
		buf := make([]byte, 10)
		for _, to := range []struct {
			addr netip.Addr
			at   net.PacketConn
		}{{right, four}, {right6, six}, {right, four}} {
			c, err := a.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to.addr, 7)))
			require.NoError(t, err)
			_, err = c.Write([]byte(to.addr.String()))
			require.NoError(t, err)
			k, _, err := to.at.ReadFrom(buf[:cap(buf)])
			require.NoError(t, err)
			require.Equal(t, to.addr.String()[:k], string(buf[:k]))
			require.NoError(t, c.Close())
		}
		require.NoError(t, four.Close())
		require.NoError(t, six.Close())
		both, err := b.ListenPacket("udp", ":7")
		require.NoError(t, err)
		_, err = b.ListenPacket("udp6", ":7")
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		require.NoError(t, both.Close())

		l, err := b.ListenTCP("tcp6", &net.TCPAddr{Port: 80})
		require.NoError(t, err)
		defer l.Close()
		_, err = a.Dial("tcp", "192.0.2.1:80")
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		c, err := a.Dial("tcp", "[2001:db8::b]:80")
		require.NoError(t, err)
		require.NoError(t, c.Close())
	})
}

// TestDialTriesWhatThereIs: the other family after 300 ms, or at once when the first one fails, and each address for
// its part of the time.
func TestDialTriesWhatThereIs(t *testing.T) {
	names := map[string][]netip.Addr{
		"slow.test": {hole6, right}, "refused.test": {right6, right}, "two.test": {hole, right}, "none.test": {hole, hole6},
	}
	dual(t, names, func(t *testing.T, a, b *Host) {
		l, err := b.ListenTCP("tcp4", &net.TCPAddr{Port: 80})
		require.NoError(t, err)
		defer l.Close()
		for _, tc := range []struct {
			name    string
			timeout time.Duration
			took    time.Duration
			err     string
		}{
			{"slow.test", 0, 304 * time.Millisecond, ""},
			{"refused.test", 0, 8 * time.Millisecond, ""},
			{"two.test", 10 * time.Second, 5*time.Second + 4*time.Millisecond, ""},
			{"two.test", 3 * time.Second, 2*time.Second + 4*time.Millisecond, ""},
			{"none.test", 10 * time.Second, 10 * time.Second, "dial tcp 198.51.100.9:80: i/o timeout"},
		} {
			began := time.Now()
			c, err := a.CreateDialer(&net.Dialer{Timeout: tc.timeout}).Dial("tcp", tc.name+":80")
			require.Equal(t, tc.took, time.Since(began), tc.name)
			if tc.err != "" {
				require.EqualError(t, err, tc.err)
				continue
			}
			require.NoError(t, err, tc.name)
			require.Equal(t, "192.0.2.1:80", c.RemoteAddr().String())
			require.NoError(t, c.Close())
		}
		time.Sleep(5 * time.Minute) // TIME-WAIT
	})
}

// TestZones: a link-local address is the same with the host's card as its zone, which pion/ice adds, and without.
func TestZones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{Settle: synctest.Wait})
		a, b := n.Host("a", netip.MustParseAddr("fe80::1")), n.Host("b", netip.MustParseAddr("fe80::2"))
		n.Connect(a, b, LinkConfig{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = n.Serve(ctx) }()
		defer func() { cancel(); <-done }()

		l, err := b.ListenTCP("tcp", nil)
		require.NoError(t, err)
		defer l.Close()
		to := l.Addr().(*net.TCPAddr)
		to.IP, to.Zone = b.Addr().AsSlice(), "eth0"
		c, err := a.Dial("tcp", to.String())
		require.NoError(t, err)
		defer c.Close()

		local, err := b.ListenUDP("udp", &net.UDPAddr{IP: to.IP, Port: 9, Zone: "eth0"})
		require.NoError(t, err)
		defer local.Close()
		from, err := a.ListenPacket("udp", ":0")
		require.NoError(t, err)
		defer from.Close()
		_, err = from.WriteTo([]byte("hello"), &net.UDPAddr{IP: to.IP, Port: 9, Zone: "eth0"})
		require.NoError(t, err)
		text := make([]byte, 9)
		size, err := local.Read(text)
		require.NoError(t, err)
		require.Equal(t, "hello", string(text[:size]))
		_, err = a.Ping(ctx, b.Addr().WithZone("eth0"))
		require.NoError(t, err)
	})
}

// TestEachDestinationIsLookedAt has one socket of both families write to and fro: what was found about one destination says
// nothing of the next.
func TestEachDestinationIsLookedAt(t *testing.T) {
	dual(t, nil, func(t *testing.T, a, b *Host) {
		in, err := b.ListenUDP("udp", &net.UDPAddr{Port: 7})
		require.NoError(t, err)
		out, err := a.ListenUDP("udp", &net.UDPAddr{Port: 8})
		require.NoError(t, err)
		for range 2 {
			for to, from := range map[netip.Addr]netip.Addr{right: left, right6: left6} {
				_, err := out.WriteToUDP([]byte("x"), net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 7)))
				require.NoError(t, err)
				_, seen, err := in.ReadFromUDP(make([]byte, 1))
				require.NoError(t, err)
				require.Equal(t, netip.AddrPortFrom(from, 8), seen.AddrPort())
				_, err = out.WriteToUDP([]byte("x"), net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 0)))
				require.ErrorIs(t, err, syscall.EINVAL)
			}
		}
	})
}
