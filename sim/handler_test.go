package sim

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"weak"

	"github.com/pion/transport/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// handled is what a handler was called with, in its order.
type handled struct {
	mu    sync.Mutex
	calls []string
	busy  atomic.Bool
}

// by is a function that notes calls under a name, and that no other one of the same handled is at work.
func (h *handled) by(t *testing.T, name string) func(p []byte, from netip.AddrPort, err error) {
	return func(p []byte, from netip.AddrPort, err error) {
		assert.True(t, h.busy.CompareAndSwap(false, true), "two functions at a time")
		time.Sleep(time.Nanosecond) // another one's chance
		call := fmt.Sprint(name, " ", string(p), " ", from)
		if err != nil {
			call = fmt.Sprint(name, " ", err)
		}
		h.mu.Lock()
		h.calls = append(h.calls, call)
		h.mu.Unlock()
		h.busy.Store(false)
	}
}

func (h *handled) so() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.calls)
}

// TestHandle: functions are called with what a reader would have been given, one at a time, and the goroutine that calls
// them ends with the last socket: else the bubble would say that one is left.
func TestHandle(t *testing.T) {
	pair(t, LinkConfig{Delay: time.Millisecond}, func(t *testing.T, a, b *Host) {
		var got handled
		listen := func(port int) transport.UDPConn {
			c, err := b.ListenUDP("udp", &net.UDPAddr{Port: port})
			require.NoError(t, err)
			return c
		}
		one, two := listen(1001), listen(1002)
		client, err := a.ListenUDP("udp", &net.UDPAddr{Port: 5000})
		require.NoError(t, err)
		send := func(what string, to int) {
			_, err := client.WriteTo([]byte(what), &net.UDPAddr{IP: net.ParseIP("192.0.2.1"), Port: to})
			require.NoError(t, err)
		}
		send("early", 1001)
		time.Sleep(time.Second)
		require.Empty(t, got.so())
		require.NoError(t, one.SetReadDeadline(time.Now().Add(time.Second))) // is none of the handler's
		one.(UDPHandler).Handle(got.by(t, "one"))
		two.(UDPHandler).Handle(got.by(t, "two"))
		time.Sleep(2 * time.Second)
		send("first", 1001)
		send("second", 1002)
		time.Sleep(time.Second)
		send("third", 1001)
		time.Sleep(time.Second)
		require.NoError(t, one.Close())
		send("late", 1001)
		send("last", 1002)
		time.Sleep(time.Second)
		require.NoError(t, two.Close())
		require.ErrorIs(t, two.Close(), net.ErrClosed)
		time.Sleep(time.Second)
		require.Equal(t, []string{
			"one early 10.0.0.2:5000", "one first 10.0.0.2:5000", "two second 10.0.0.2:5000", "one third 10.0.0.2:5000",
			"one read udp 0.0.0.0:1001: use of closed network connection", "two last 10.0.0.2:5000",
			"two read udp 0.0.0.0:1002: use of closed network connection",
		}, got.so())

		three := listen(1003) // after the goroutine has ended
		three.(UDPHandler).Handle(got.by(t, "three"))
		send("again", 1003)
		time.Sleep(time.Second)
		require.Equal(t, "three again 10.0.0.2:5000", got.so()[len(got.so())-1])
		require.Panics(t, func() { three.(UDPHandler).Handle(got.by(t, "three, twice")) })
		require.NoError(t, three.Close())
		require.NoError(t, client.Close())
		time.Sleep(time.Second)
	})
}

// TestHandleErrors: a connected socket's handler hears that nobody listens there, and goes on.
func TestHandleErrors(t *testing.T) {
	pair(t, LinkConfig{Delay: time.Millisecond}, func(t *testing.T, a, b *Host) {
		client, err := a.Dial("udp", "192.0.2.1:9")
		require.NoError(t, err)
		errs := make(chan error, 10)
		client.(UDPHandler).Handle(func(_ []byte, _ netip.AddrPort, err error) { errs <- err })
		for range 2 {
			_, err = client.Write([]byte("anyone?"))
			require.NoError(t, err)
			time.Sleep(time.Second)
		}
		require.NoError(t, client.Close())
		time.Sleep(time.Second)
		require.Len(t, errs, 3)
		require.ErrorIs(t, <-errs, syscall.ECONNREFUSED)
		require.ErrorIs(t, <-errs, syscall.ECONNREFUSED)
		require.ErrorIs(t, <-errs, net.ErrClosed)
	})
}

// TestHandleIsFair: a socket that has been sent much doesn't keep another one from its turn.
func TestHandleIsFair(t *testing.T) {
	pair(t, LinkConfig{}, func(t *testing.T, a, b *Host) {
		const packets = 3 * handledAtOnce
		order := make(chan string, packets+1)
		var conns []transport.UDPConn
		for _, name := range []string{"many", "one"} {
			c, err := b.ListenUDP("udp", &net.UDPAddr{Port: 1000 + len(name)})
			require.NoError(t, err)
			defer c.Close()
			client, err := a.DialUDP("udp", nil, &net.UDPAddr{IP: net.ParseIP("192.0.2.1"), Port: 1000 + len(name)})
			require.NoError(t, err)
			defer client.Close()
			for range map[string]int{"many": packets, "one": 1}[name] {
				_, err := client.Write(nil)
				require.NoError(t, err)
			}
			conns = append(conns, c)
		}
		time.Sleep(time.Second) // all of it is there
		begin := make(chan struct{})
		for i, c := range conns {
			c.(UDPHandler).Handle(func(_ []byte, _ netip.AddrPort, err error) {
				<-begin // the first datagram of the one waits until the other has a handler, too
				if err == nil {
					order <- []string{"many", "one"}[i]
				}
			})
		}
		close(begin)
		time.Sleep(time.Second)
		require.Len(t, order, packets+1)
		last := ""
		for range packets + 1 {
			last = <-order
		}
		require.Equal(t, "many", last)
	})
}

// TestNobodyReadsBesideAHandler: who tries is told, instead of waiting for ever.
func TestNobodyReadsBesideAHandler(t *testing.T) {
	pair(t, LinkConfig{}, func(t *testing.T, a, b *Host) {
		c, err := b.ListenUDP("udp", &net.UDPAddr{Port: 1001})
		require.NoError(t, err)
		errs := make(chan error)
		read := func() {
			_, err := c.Read(make([]byte, 1))
			errs <- err
		}
		go read() // waits already
		time.Sleep(time.Second)
		c.(UDPHandler).Handle(func([]byte, netip.AddrPort, error) {})
		const want = "read udp 0.0.0.0:1001: a handler has what this socket receives: nobody else can read it"
		require.EqualError(t, <-errs, want)
		go read()
		require.EqualError(t, <-errs, want)
		require.NoError(t, c.Close())
		go read()
		require.ErrorIs(t, <-errs, net.ErrClosed)
	})
}

// TestHandlerThatEndsItsGoroutine: a test that fails in a handler is one that has failed, and not the end of the program.
func TestHandlerThatEndsItsGoroutine(t *testing.T) {
	pair(t, LinkConfig{}, func(t *testing.T, a, b *Host) {
		c, err := b.ListenUDP("udp", nil)
		require.NoError(t, err)
		ended := make(chan bool)
		c.(UDPHandler).Handle(func([]byte, netip.AddrPort, error) {
			defer close(ended)
			runtime.Goexit()
		})
		require.NoError(t, c.Close())
		<-ended
	})
}

// TestClosedSocketKeepsNothing: a path leads to it for as long as the sender lives, but what its handler had is free.
func TestClosedSocketKeepsNothing(t *testing.T) {
	pair(t, LinkConfig{Delay: time.Millisecond}, func(t *testing.T, a, b *Host) {
		server, err := b.ListenUDP("udp", &net.UDPAddr{Port: 1000})
		require.NoError(t, err)
		called := new([1 << 10]atomic.Int64)
		had := weak.Make(called)
		server.(UDPHandler).Handle(func([]byte, netip.AddrPort, error) { called[0].Add(1) })
		client, err := a.Dial("udp", fmt.Sprint(right, ":1000"))
		require.NoError(t, err)
		defer client.Close()
		for range 4 {
			_, err := client.Write([]byte("x"))
			require.NoError(t, err)
			time.Sleep(time.Second)
		}
		require.EqualValues(t, 4, called[0].Load())
		require.NotNil(t, client.(*udpConn).s.lastPath)
		require.NoError(t, server.Close())
		time.Sleep(time.Second)
		runtime.GC()
		require.Nil(t, had.Value())
	})
}
