package relay_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/stun/v3"
	"github.com/pion/turn/v4"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
	core "github.com/proxyspec/proxyspec/relay/turn"
)

// tcpOf is the first TURN-over-TCP address of an answer.
func tcpOf(a *answer) string {
	return strings.TrimSuffix(strings.TrimPrefix(a.ICEServers[0].URLs[1], "turn:"), "?transport=tcp")
}

func TestConnectionWithoutAllocationIsClosed(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		a := w.mustLook(t, "app", "7")
		for what, send := range map[string]string{
			"silent": "", "half a header": "\x00\x03\x00\x08", "half a message": "\x40\x00\x0f\xf8",
		} {
			conn, err := w.host.CreateDialer(&net.Dialer{}).Dial("tcp", tcpOf(a))
			require.NoError(t, err)
			_, err = conn.Write([]byte(send))
			require.NoError(t, err)
			began := time.Now()
			_, err = conn.Read(make([]byte, 1))
			require.Error(t, err, what)
			require.Equal(t, 10*time.Second, time.Since(began), what)
			conn.Close()
		}
	})
}

// Whoever has no allocation makes the relay hold no more than a request may be long.
func TestStrangersMessagesAreShort(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		a := w.mustLook(t, "app", "7")
		for _, announced := range []string{"\x40\x00\xff\xff", "\x00\x03\xff\xf0"} {
			conn, err := w.host.CreateDialer(&net.Dialer{}).Dial("tcp", tcpOf(a))
			require.NoError(t, err)
			_, err = conn.Write([]byte(announced))
			require.NoError(t, err)
			began := time.Now()
			_, err = conn.Read(make([]byte, 1))
			require.Error(t, err)
			require.Zero(t, time.Since(began))
			conn.Close()
		}
		server := a.ICEServers[0]
		allocation, err := w.turn(t, server.URLs[1], server.Username, server.Credential).Allocate()
		require.NoError(t, err)
		defer allocation.Close()
		thereAndBack(t, allocation, w.peer(t).LocalAddr(), strings.Repeat("x", 1500))
		silent, err := w.host.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
		require.NoError(t, err)
		defer silent.Close()
		_, err = allocation.WriteTo(make([]byte, 9000), silent.LocalAddr())
		require.NoError(t, err, "the owner of an allocation may send as much as UDP carries")
		thereAndBack(t, allocation, w.peer(t).LocalAddr(), "still here")
	})
}

func TestStreamWithoutFramesIsClosedAtOnce(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		conn, err := w.host.CreateDialer(&net.Dialer{}).Dial("tcp", tcpOf(w.mustLook(t, "app", "7")))
		require.NoError(t, err)
		defer conn.Close()
		_, err = conn.Write([]byte("GET / HTTP/1.1\r\n\r\n\xff\xff\xff\xff"))
		require.NoError(t, err)
		began := time.Now()
		_, err = conn.Read(make([]byte, 1))
		require.Error(t, err)
		require.LessOrEqual(t, time.Since(began), 10*time.Second)
	})
}

// stallingConn is a connection that nobody reads from once it has stalled.
type stallingConn struct {
	net.Conn
	stalled atomic.Bool
	unread  chan []byte // capacity 1: what was on its way to the reader
	closed  chan struct{}
	once    sync.Once
}

func (c *stallingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.stalled.Load() {
		select {
		case c.unread <- bytes.Clone(p[:n]):
		default: // it has been closed
		}
		<-c.closed
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *stallingConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// stalling is a TURN client on a connection that can be had to read no more. Both are the caller's to close.
func (w *world) stalling(t *testing.T, tcp net.Conn, user, password string) (*stallingConn, *turn.Client) {
	slow := &stallingConn{Conn: tcp, unread: make(chan []byte, 1), closed: make(chan struct{})}
	client, err := turn.NewClient(&turn.ClientConfig{
		Net: w.host, TURNServerAddr: tcp.RemoteAddr().String(), Conn: turn.NewSTUNConn(slow),
		Username: user, Password: password,
	})
	require.NoError(t, err)
	require.NoError(t, client.Listen())
	return slow, client
}

// packets is how many Data indications of a stream have arrived as a whole; there may be answers between them.
func packets(stream []byte) (n int) {
	for {
		length, err := core.Frame(stream)
		if err != nil || length == 0 || length > len(stream) {
			return n
		}
		if binary.BigEndian.Uint16(stream) == stun.NewType(stun.MethodData, stun.ClassIndication).Value() {
			n++
		}
		stream = stream[length:]
	}
}

// A client that doesn't read loses its own packets, and nobody else's. Those that wait for it in the end are lost too.
func TestSlowReaderHoldsUpNobody(t *testing.T) {
	for name, end := range map[string]func(*world, *stallingConn) error{
		"it leaves":       func(_ *world, slow *stallingConn) error { return slow.Close() },
		"the relay stops": func(w *world, slow *stallingConn) error { w.stop(); return slow.Close() },
	} {
		t.Run(name, func(t *testing.T) { testSlowReader(t, end) })
	}
}

func testSlowReader(t *testing.T, end func(*world, *stallingConn) error) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		server := w.mustLook(t, "app", "7").ICEServers[0]
		peer := w.peer(t)
		tcp, err := w.host.CreateDialer(&net.Dialer{}).Dial("tcp", tcpOf(w.mustLook(t, "app", "7")))
		require.NoError(t, err)
		slow, client := w.stalling(t, tcp, server.Username, server.Credential)
		defer client.Close()
		allocation, err := client.Allocate()
		require.NoError(t, err)
		thereAndBack(t, allocation, peer.LocalAddr(), "media")
		quick, err := w.turn(t, server.URLs[0], server.Username, server.Credential).Allocate()
		require.NoError(t, err)
		slow.stalled.Store(true)

		flood, err := w.host.ListenUDP("udp", &net.UDPAddr{IP: loopback.AsSlice()})
		require.NoError(t, err)
		defer flood.Close()
		for range 1000 {
			_, err := flood.WriteTo(make([]byte, 1000), allocation.LocalAddr())
			require.NoError(t, err)
			synctest.Wait() // the relay has taken it
		}
		thereAndBack(t, quick, peer.LocalAddr(), "media")
		require.NoError(t, end(w, slow))
		deleted := w.await(relay.EventAllocationDeleted, 1)
		if deleted.Proto == "UDP" {
			deleted = w.await(relay.EventAllocationDeleted, 2)
		}
		require.Less(t, deleted.Down.Count, 100, "what waited for the client was dropped in the end, and not passed on")
		require.Greater(t, deleted.Down.Count, memBuffer/1100)
		require.True(t, deleted.Books.Down.Balanced(), "%+v", deleted.Books.Down)
		quick.Close()      // in vain, if the relay has stopped
		allocation.Close() // in vain, but it ends the client's timers
	})
}

// The same where the system reads many sockets at a time: what a client doesn't take now it gets when it does, up to
// a bound, and the books say to a packet what it never gets.
func TestSlowReaderOnLoopback(t *testing.T) {
	w := onLoopback(t, nil)
	server := w.mustLook(t, "app", "7").ICEServers[0]
	peer := w.peer(t)
	tcp, err := w.host.CreateDialer(&net.Dialer{}).Dial("tcp", tcpOf(w.mustLook(t, "app", "7")))
	require.NoError(t, err)
	require.NoError(t, tcp.(*net.TCPConn).SetReadBuffer(128<<10)) // which doesn't grow then
	slow, client := w.stalling(t, tcp, server.Username, server.Credential)
	defer client.Close()
	allocation, err := client.Allocate()
	require.NoError(t, err)
	thereAndBack(t, allocation, peer.LocalAddr(), "media")
	quick, err := w.turn(t, server.URLs[0], server.Username, server.Credential).Allocate()
	require.NoError(t, err)

	slow.stalled.Store(true)
	flood, err := w.host.ListenUDP("udp", &net.UDPAddr{IP: loopback.AsSlice()})
	require.NoError(t, err)
	defer flood.Close()
	var got []byte
	for i := range 20_000 {
		_, err := flood.WriteTo(make([]byte, 1000), allocation.LocalAddr())
		require.NoError(t, err)
		if i%1000 == 0 {
			thereAndBack(t, quick, peer.LocalAddr(), "media")
		}
		if i == 10_000 { // it takes some after all
			got = append(<-slow.unread, make([]byte, 1<<20)...)
			_, err := io.ReadFull(tcp, got[len(got)-1<<20:])
			require.NoError(t, err)
		}
	}
	require.NoError(t, tcp.(*net.TCPConn).CloseWrite()) // it leaves, and reads what has been written
	books := w.await(relay.EventAllocationDeleted, 1).Books
	rest, err := io.ReadAll(tcp)
	require.NoError(t, err)
	require.NoError(t, slow.Close())
	require.True(t, books.Up.Balanced() && books.Down.Balanced(), "%+v", *books)
	require.Positive(t, books.Down.Dropped.Count)
	// What another group had in hand when the client left is given back to the totals after that.
	const inHand = 64
	received := 1 + packets(append(got, rest...))
	require.GreaterOrEqual(t, books.Down.Out.Count, received)
	require.LessOrEqual(t, books.Down.Out.Count, received+inHand)
	require.NoError(t, quick.Close())
	allocation.Close() // in vain, but it ends the client's timers
}
