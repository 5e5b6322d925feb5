package check_test

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay/check"
)

// front stands between clients and a UDP server, and loses one datagram in many, in either direction.
type front struct {
	socket *net.UDPConn
	server string
	every  int
	spoil  func(answer int, b []byte) []byte // nil: answers stay as they are

	mu    sync.Mutex
	count int
	ways  map[netip.AddrPort]net.Conn // to the server, by client
}

// newFront makes a front that loses the first-th datagram, and then every every-th. It ends with the test.
func newFront(t *testing.T, server string, first, every int) *front {
	socket, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	require.NoError(t, err)
	f := &front{socket: socket, server: server, every: every, count: every - first, ways: map[netip.AddrPort]net.Conn{}}
	var running sync.WaitGroup
	running.Go(func() { f.serve(&running) })
	t.Cleanup(func() {
		socket.Close()
		f.mu.Lock()
		for _, way := range f.ways {
			way.Close()
		}
		f.mu.Unlock()
		running.Wait()
	})
	return f
}

func (f *front) loses() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	return f.count%f.every == 0
}

func (f *front) serve(running *sync.WaitGroup) {
	b := make([]byte, 64<<10)
	for {
		n, client, err := f.socket.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		f.mu.Lock()
		way := f.ways[client]
		if way == nil {
			// From another address than the clients', for it is a NAT.
			d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9)}}
			if way, err = d.Dial("udp4", f.server); err != nil {
				f.mu.Unlock()
				return
			}
			f.ways[client] = way
			running.Go(func() { f.back(way, client) })
		}
		f.mu.Unlock()
		if !f.loses() {
			_, _ = way.Write(b[:n])
		}
	}
}

func (f *front) back(way net.Conn, client netip.AddrPort) {
	b := make([]byte, 64<<10)
	for answer := 1; ; answer++ {
		n, err := way.Read(b)
		if err != nil {
			return
		}
		passed := b[:n]
		if f.spoil != nil {
			passed = f.spoil(answer, passed)
		}
		if !f.loses() {
			_, _ = f.socket.WriteToUDPAddrPort(passed, client)
		}
	}
}

// Each row loses one datagram, the first or a later one; the next that would be lost is beyond a second attempt.
func TestLossFailsNoRow(t *testing.T) {
	relay := ourRelay(t)["udp"]
	conn, err := relay.Dial()
	require.NoError(t, err)
	server := conn.RemoteAddr().String()
	relay.Lossy = true

	var running sync.WaitGroup
	var mu sync.Mutex
	second := 0
	room := make(chan struct{}, 32) // which mostly wait
	for i, row := range check.Rows() {
		if !row.Fits(relay) {
			continue
		}
		room <- struct{}{}
		running.Go(func() {
			defer func() { <-room }()
			f := newFront(t, server, 1+i%10, 60)
			to := relay
			to.Dial = func() (net.Conn, error) { return net.Dial("udp4", f.socket.LocalAddr().String()) }
			r := row.Run(to)
			assert.Contains(t, []check.Outcome{check.Pass, check.NotOffered}, r.Outcome, "%v", r)
			mu.Lock()
			defer mu.Unlock()
			if r.Lost != "" {
				second++
			}
		})
	}
	running.Wait()
	require.NotZero(t, second, "nothing was lost that mattered")
	t.Log(second, "rows passed at another attempt")
}

// A row that has ten datagrams, of which one that nobody repeats is lost at the first attempt, doesn't lose the same again.
func TestEveryTenthLostFailsNoRow(t *testing.T) {
	var running sync.WaitGroup
	for _, row := range check.Rows() {
		if row.ID != "25/without-DATA" {
			continue
		}
		for first := range 10 {
			running.Go(func() {
				to := startSound(t).target(t, "udp")
				conn, err := to.Dial()
				assert.NoError(t, err)
				f := newFront(t, conn.RemoteAddr().String(), first+1, 10)
				to.Lossy, to.Answer = true, 2*time.Second
				to.Dial = func() (net.Conn, error) { return net.Dial("udp4", f.socket.LocalAddr().String()) }
				r := row.Run(to)
				assert.Equal(t, check.Pass, r.Outcome, "the first of every ten is datagram %d: %v", first+1, r)
			})
		}
	}
	running.Wait()
}
