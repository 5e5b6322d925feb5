package sim

import (
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/pion/transport/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// TestConnectedUDPHearsOfUnreachable: as on Linux, a connected socket's next call fails, once, and an
// unconnected one is told nothing.
func TestConnectedUDPHearsOfUnreachable(t *testing.T) {
	pair(t, LinkConfig{Delay: time.Millisecond}, func(t *testing.T, a, b *Host) {
		connected, err := a.DialUDP("udp", nil, &net.UDPAddr{IP: right.AsSlice(), Port: 9})
		require.NoError(t, err)
		defer connected.Close()
		for range 2 {
			_, err = connected.Write([]byte("anyone?"))
			require.NoError(t, err)
			time.Sleep(10 * time.Millisecond)
			_, err = connected.Write([]byte("anyone?"))
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			require.EqualError(t, err, "write udp 10.0.0.2:49152->192.0.2.1:9: write: connection refused")
		}
		_, err = connected.Write([]byte("anyone?"))
		require.NoError(t, err)
		_, err = connected.Read(make([]byte, 10))
		require.ErrorIs(t, err, syscall.ECONNREFUSED)

		unconnected, err := a.ListenPacket("udp", ":0")
		require.NoError(t, err)
		defer unconnected.Close()
		_, err = unconnected.WriteTo([]byte("anyone?"), &net.UDPAddr{IP: right.AsSlice(), Port: 9})
		require.NoError(t, err)
		require.NoError(t, unconnected.SetReadDeadline(time.Now().Add(time.Second)))
		_, _, err = unconnected.ReadFrom(make([]byte, 10))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	})
}

// TestConnectedUDPHearsItsPeerOnly: what others send is refused.
func TestConnectedUDPHearsItsPeerOnly(t *testing.T) {
	pair(t, LinkConfig{}, func(t *testing.T, a, b *Host) {
		connected, err := a.DialUDP("udp", &net.UDPAddr{Port: 5000}, &net.UDPAddr{IP: right.AsSlice(), Port: 7})
		require.NoError(t, err)
		defer connected.Close()
		to := &net.UDPAddr{IP: left.AsSlice(), Port: 5000}
		stranger, err := b.DialUDP("udp", &net.UDPAddr{Port: 8}, to)
		require.NoError(t, err)
		defer stranger.Close()
		_, err = stranger.Write([]byte("psst"))
		require.NoError(t, err)
		_, err = stranger.Read(make([]byte, 10))
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		peer, err := b.ListenPacket("udp", ":7")
		require.NoError(t, err)
		defer peer.Close()
		_, err = peer.WriteTo([]byte("hello"), to)
		require.NoError(t, err)
		buf := make([]byte, 10)
		n, err := connected.Read(buf)
		require.NoError(t, err)
		require.Equal(t, "hello", string(buf[:n]))
		_, err = connected.WriteTo([]byte("x"), to)
		require.ErrorIs(t, err, net.ErrWriteToConnected)
	})
}

// TestSendersAreTheReadersOwn: who changes the address that he was given of one datagram changes no other's.
func TestSendersAreTheReadersOwn(t *testing.T) {
	pair(t, LinkConfig{}, func(t *testing.T, a, b *Host) {
		reader, err := b.ListenPacket("udp", ":7")
		require.NoError(t, err)
		defer reader.Close()
		writer, err := a.ListenPacket("udp", ":5000")
		require.NoError(t, err)
		defer writer.Close()
		want, kept := writer.LocalAddr().(*net.UDPAddr), map[*net.UDPAddr]bool{}
		want.IP = left.AsSlice()
		for range 3 * sendersAtOnce {
			_, err = writer.WriteTo([]byte("?"), &net.UDPAddr{IP: right.AsSlice(), Port: 7})
			require.NoError(t, err)
			_, from, err := reader.ReadFrom(make([]byte, 10))
			require.NoError(t, err)
			require.Equal(t, want, from)
			mine := from.(*net.UDPAddr)
			kept[mine] = true
			mine.IP = append(mine.IP, 1, 2, 3, 4) // reaches into nothing
			clear(mine.IP)
			mine.Port = 0
		}
		require.Len(t, kept, 3*sendersAtOnce)
	})
}

// TestUDPAddressesAsValues: who asks for addresses as values gets the same datagrams from the same senders.
func TestUDPAddressesAsValues(t *testing.T) {
	pair(t, LinkConfig{}, func(t *testing.T, a, b *Host) {
		reader, err := b.ListenUDP("udp", &net.UDPAddr{Port: 7})
		require.NoError(t, err)
		defer reader.Close()
		writer, err := a.ListenUDP("udp", &net.UDPAddr{Port: 5000})
		require.NoError(t, err)
		defer writer.Close()
		_, err = writer.(*udpConn).WriteToUDPAddrPort([]byte("hello"), netip.AddrPortFrom(right, 7))
		require.NoError(t, err)
		buf := make([]byte, 10)
		n, from, err := reader.(*udpConn).ReadFromUDPAddrPort(buf)
		require.NoError(t, err)
		require.Equal(t, "hello", string(buf[:n]))
		require.Equal(t, netip.AddrPortFrom(left, 5000), from)

		connected, err := a.Dial("udp", netip.AddrPortFrom(right, 7).String())
		require.NoError(t, err)
		defer connected.Close()
		_, err = connected.(*udpConn).WriteToUDPAddrPort([]byte("x"), from)
		require.ErrorIs(t, err, net.ErrWriteToConnected)
	})
}

// TestNoRoute: a host without an address of a family reaches nobody of it, and hears so at once.
func TestNoRoute(t *testing.T) {
	pair(t, LinkConfig{}, func(t *testing.T, a, b *Host) {
		for _, network := range []string{"tcp", "udp"} {
			_, err := a.Dial(network, "[2001:db8::1]:80")
			require.ErrorIs(t, err, syscall.ENETUNREACH)
		}
		socket, err := a.ListenPacket("udp", ":0")
		require.NoError(t, err)
		defer socket.Close()
		_, err = socket.WriteTo([]byte("x"), &net.UDPAddr{IP: netip.MustParseAddr("2001:db8::1").AsSlice(), Port: 9})
		require.ErrorIs(t, err, syscall.ENETUNREACH)
	})
}

// Many can't be at the other end of a connection, and who tries hears so at once.
func TestNobodyConnectsToMany(t *testing.T) {
	pair(t, LinkConfig{}, func(t *testing.T, a, b *Host) {
		for _, many := range []string{"224.0.0.1:80", "255.255.255.255:80"} {
			_, err := a.Dial("tcp", many)
			require.ErrorIs(t, err, syscall.ENETUNREACH, many)
		}
	})
}

// TestUDPIsNeverFragmented: the largest datagram passes, one byte more is refused, by either version of IP.
func TestUDPIsNeverFragmented(t *testing.T) {
	pair(t, LinkConfig{}, func(t *testing.T, a, b *Host) {
		conn, err := a.Dial("udp", "192.0.2.1:9")
		require.NoError(t, err)
		defer conn.Close()
		_, err = conn.Write(make([]byte, 1472))
		require.NoError(t, err)
		_, err = conn.Write(make([]byte, 1473))
		require.ErrorIs(t, err, syscall.EMSGSIZE)
		require.EqualError(t, err, "write udp 10.0.0.2:49152->192.0.2.1:9: write: message too long")
	})
}

// TestDeadlines: of both kinds of socket, a deadline ends a call that waits, stays passed, and can be renewed
// before and after that.
func TestDeadlines(t *testing.T) {
	pair(t, LinkConfig{}, func(t *testing.T, a, b *Host) {
		l, err := b.ListenTCP("tcp", &net.TCPAddr{Port: 80})
		require.NoError(t, err)
		defer l.Close()
		overTCP, err := a.Dial("tcp", "192.0.2.1:80")
		require.NoError(t, err)
		peer, err := l.Accept()
		require.NoError(t, err)
		defer peer.Close()
		overUDP, err := a.DialUDP("udp", &net.UDPAddr{Port: 5000}, &net.UDPAddr{IP: right.AsSlice(), Port: 7})
		require.NoError(t, err)
		far, err := b.DialUDP("udp", &net.UDPAddr{Port: 7}, &net.UDPAddr{IP: left.AsSlice(), Port: 5000})
		require.NoError(t, err)
		defer far.Close()
		for _, tc := range []struct{ conn, peer net.Conn }{{overTCP, peer}, {overUDP, far}} {
			read := func() (time.Duration, error) {
				begin := time.Now()
				_, err := tc.conn.Read(make([]byte, 10))
				return time.Since(begin), err
			}
			require.NoError(t, tc.conn.SetReadDeadline(time.Now().Add(time.Second)))
			time.AfterFunc(500*time.Millisecond, func() { _ = tc.conn.SetReadDeadline(time.Now().Add(2 * time.Second)) })
			took, err := read()
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Equal(t, 2500*time.Millisecond, took, "renewed while it waits")
			for range 3 {
				took, err = read()
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				require.Zero(t, took, "passed")
			}
			require.NoError(t, tc.conn.SetReadDeadline(time.Now().Add(time.Second)))
			took, err = read()
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Equal(t, time.Second, took, "renewed after it has passed")
			require.NoError(t, tc.conn.SetReadDeadline(time.Time{}))
			time.AfterFunc(time.Minute, func() { _, _ = tc.peer.Write([]byte("x")) })
			took, err = read()
			require.NoError(t, err)
			require.Equal(t, time.Minute, took, "taken back")
			time.AfterFunc(time.Second, func() { _ = tc.conn.SetDeadline(time.Unix(1, 0)) })
			took, err = read()
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Equal(t, time.Second, took, "one in the past unblocks at once")
			_, err = tc.conn.Write([]byte("x"))
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.NoError(t, tc.conn.Close())
			require.ErrorIs(t, tc.conn.SetDeadline(time.Time{}), net.ErrClosed)
		}
	})
}

// TestStalledReader: with a bounded send buffer, a peer that doesn't read holds the writer back, whose
// deadline frees it; what was taken by then is no more than the two buffers hold.
func TestStalledReader(t *testing.T) {
	pair(t, LinkConfig{Delay: time.Millisecond}, func(t *testing.T, a, b *Host) {
		l, err := b.ListenTCP("tcp", &net.TCPAddr{Port: 80})
		require.NoError(t, err)
		defer l.Close()
		conn, err := a.Dial("tcp", "192.0.2.1:80")
		require.NoError(t, err)
		peer, err := l.AcceptTCP()
		require.NoError(t, err)
		require.NoError(t, peer.SetReadBuffer(100_000))
		require.NoError(t, conn.(transport.TCPConn).SetWriteBuffer(50_000))
		require.NoError(t, conn.SetWriteDeadline(time.Now().Add(time.Minute)))
		n, err := conn.Write(make([]byte, 10<<20))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Greater(t, n, 100_000)
		require.LessOrEqual(t, n, 1<<20+50_000, "the first window was promised before the buffer shrank")
		require.NoError(t, peer.Close(), "which resets, for it leaves data unread")
		time.Sleep(time.Second)
		_, err = conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET)
		require.NoError(t, conn.Close())
	})
}

// TestSimultaneousOpen: both ends dial each other's port at one time.
func TestSimultaneousOpen(t *testing.T) {
	pair(t, LinkConfig{Delay: 10 * time.Millisecond}, func(t *testing.T, a, b *Host) {
		atLeft, atRight := &net.TCPAddr{IP: left.AsSlice(), Port: 5000}, &net.TCPAddr{IP: right.AsSlice(), Port: 5000}
		other := make(chan net.Conn, 1)
		go func() {
			c, _ := b.DialTCP("tcp", atRight, atLeft)
			other <- c
		}()
		one, err := a.DialTCP("tcp", atLeft, atRight)
		require.NoError(t, err)
		two := <-other
		require.NotNil(t, two)
		_, err = one.Write([]byte("hello"))
		require.NoError(t, err)
		buf := make([]byte, 10)
		n, err := two.Read(buf)
		require.NoError(t, err)
		require.Equal(t, "hello", string(buf[:n]))
		require.NoError(t, one.Close())
		require.NoError(t, two.Close())
	})
}

// TestTimeWaitYields: a client that comes back from the same port at once is let in, although the server,
// which closed first, still waits.
func TestTimeWaitYields(t *testing.T) {
	pair(t, LinkConfig{Delay: time.Millisecond}, func(t *testing.T, a, b *Host) {
		l, err := b.ListenTCP("tcp", &net.TCPAddr{Port: 80})
		require.NoError(t, err)
		defer l.Close()
		begin := time.Now()
		for range 20 {
			conn, err := a.DialTCP("tcp", &net.TCPAddr{Port: 5000}, &net.TCPAddr{IP: right.AsSlice(), Port: 80})
			require.NoError(t, err)
			peer, err := l.Accept()
			require.NoError(t, err)
			require.NoError(t, peer.Close())
			_, err = conn.Read(make([]byte, 1))
			require.Error(t, err)
			require.NoError(t, conn.Close())
			time.Sleep(10 * time.Millisecond)
		}
		require.Less(t, time.Since(begin), time.Second)
	})
}

// TestSmallerPath: news of a smaller MTU makes segments smaller, and all arrives.
func TestSmallerPath(t *testing.T) {
	pair(t, LinkConfig{Delay: time.Millisecond}, func(t *testing.T, a, b *Host) {
		l, err := b.ListenTCP("tcp", &net.TCPAddr{Port: 80})
		require.NoError(t, err)
		defer l.Close()
		conn, err := a.Dial("tcp", "192.0.2.1:80")
		require.NoError(t, err)
		defer conn.Close()
		peer, err := l.Accept()
		require.NoError(t, err)
		defer peer.Close()
		longest := 0
		a.net.Do(func() {
			news := newICMP(tooBig, right, left)
			news.ICMP.Rest = 1280
			news.ICMP.About = &firewall.Quote{Proto: firewall.TCP, Src: addrPortOf(conn.LocalAddr()), Dst: addrPortOf(conn.RemoteAddr())}
			a.deliver(a.net.now(), news)
			a.Tap(func(s Sighting) { longest = max(longest, s.Packet.Length()) })
		})
		_, err = conn.Write(make([]byte, 100_000))
		require.NoError(t, err)
		for got, buf := 0, make([]byte, 10_000); got < 100_000; {
			n, err := peer.Read(buf)
			require.NoError(t, err)
			got += n
		}
		a.net.Do(func() { require.Equal(t, 1280, longest) })
	})
}

func addrPortOf(a net.Addr) netip.AddrPort { return a.(*net.TCPAddr).AddrPort() }

// TestPortIsFreeOnceClosed: who hears that a socket or listener has been closed can open another one there.
func TestPortIsFreeOnceClosed(t *testing.T) {
	h := New(Config{}).Host("h", right)
	udp := func(port int) (io.Closer, error) { return h.ListenUDP("udp", &net.UDPAddr{Port: port}) }
	tcp := func(port int) (io.Closer, error) { return h.ListenTCP("tcp", &net.TCPAddr{Port: port}) }
	for what, kind := range map[string]struct {
		open func(port int) (io.Closer, error)
		hear func(c io.Closer, f func())
	}{
		"read":   {udp, func(c io.Closer, f func()) { go func() { _, _ = c.(io.Reader).Read(make([]byte, 1)); f() }() }},
		"handle": {udp, func(c io.Closer, f func()) { c.(UDPHandler).Handle(func([]byte, netip.AddrPort, error) { f() }) }},
		"accept": {tcp, func(c io.Closer, f func()) { go func() { _, _ = c.(net.Listener).Accept(); f() }() }},
	} {
		t.Run(what, func(t *testing.T) {
			again := make(chan error)
			for range 100 {
				var open []io.Closer
				for port := range 100 {
					c, err := kind.open(1000 + port)
					require.NoError(t, err)
					kind.hear(c, func() {
						c, err := kind.open(1000 + port)
						if err == nil {
							err = c.Close()
						}
						again <- err
					})
					open = append(open, c)
				}
				for _, c := range open {
					go c.Close()
				}
				for range open {
					require.NoError(t, <-again)
				}
			}
		})
	}
}
