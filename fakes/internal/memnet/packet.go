package memnet

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/pion/transport/v3"
)

type packet struct {
	from    netip.AddrPort
	payload []byte
}

// packetConn is a UDP socket.
type packetConn struct {
	transport.UDPConn // nil: what is missing panics
	n                 *Network
	addr              netip.AddrPort
	incoming          chan packet
	done              chan struct{}
	once              sync.Once

	mu     sync.Mutex
	readBy time.Time
}

func (c *packetConn) LocalAddr() net.Addr              { return net.UDPAddrFromAddrPort(c.addr) }
func (c *packetConn) SetReadBuffer(int) error          { return nil }
func (c *packetConn) SetWriteBuffer(int) error         { return nil }
func (c *packetConn) SetWriteDeadline(time.Time) error { return nil }
func (c *packetConn) SetDeadline(t time.Time) error    { return c.SetReadDeadline(t) }

// SetReadDeadline counts from the next read on.
func (c *packetConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readBy = t
	return nil
}

func (c *packetConn) ReadFrom(p []byte) (int, net.Addr, error) {
	c.mu.Lock()
	deadline := c.readBy
	c.mu.Unlock()
	var due <-chan time.Time
	if !deadline.IsZero() {
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case in := <-c.incoming:
		return copy(p, in.payload), net.UDPAddrFromAddrPort(in.from), nil
	case <-due:
		return 0, nil, os.ErrDeadlineExceeded
	case <-c.done:
		return 0, nil, net.ErrClosed
	}
}

func (c *packetConn) WriteTo(p []byte, to net.Addr) (int, error) {
	at := to.(*net.UDPAddr).AddrPort()
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	c.n.mu.Lock()
	peer, blocked := c.n.packets[at], c.n.blocked("udp", c.addr, at)
	c.n.mu.Unlock()
	if peer == nil || blocked {
		return len(p), nil
	}
	select {
	case peer.incoming <- packet{c.addr, slices.Clone(p)}:
	default: // its buffer is full
	}
	return len(p), nil
}

func (c *packetConn) Close() error {
	c.once.Do(func() {
		c.n.mu.Lock()
		delete(c.n.packets, c.addr)
		c.n.mu.Unlock()
		close(c.done)
	})
	return nil
}
