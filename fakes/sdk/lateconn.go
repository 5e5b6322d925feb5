package sdk

import (
	"bytes"
	"encoding/binary"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v3"
)

// lateConn is a UDP socket to a TURN server that is opened when the first packet is written.
type lateConn struct {
	open  func() (net.PacketConn, error)
	ready chan struct{} // closed once conn or err is set

	claimed   atomic.Bool // the server has been asked with credentials, and may have made an allocation
	allocated atomic.Bool // it has

	mu    sync.Mutex
	conn  net.PacketConn
	err   error
	asked [outstanding]transaction // the last requests, as a ring
	next  int                      // where in it the next one goes
}

// transaction is the ID of a STUN request: RFC 8489, section 5.
type transaction [12]byte

const (
	// outstanding is more requests than a TURN client waits for at once.
	outstanding = 8

	// repeatPause is how much later than it is due a request is repeated. The TURN client repeats after 200 ms, which is
	// also how often ICE sends checks: both can be due in one instant of virtual time, and the runtime fires the timers of
	// one instant in an order that it draws. One seed would give two traces.
	repeatPause = time.Millisecond
)

// socket is the socket, or why there is none. It opens it if asked to.
func (c *lateConn) socket(open bool) (net.PacketConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if open && c.conn == nil && c.err == nil {
		c.conn, c.err = c.open()
		close(c.ready)
	}
	return c.conn, c.err
}

func (c *lateConn) WriteTo(p []byte, to net.Addr) (int, error) {
	conn, err := c.socket(true)
	if err != nil {
		return 0, err
	}
	if authenticates(p) {
		c.claimed.Store(true)
	}
	if c.repeated(p) {
		p := bytes.Clone(p)
		time.AfterFunc(repeatPause, func() { _, _ = conn.WriteTo(p, to) }) // as good as lost, if that fails
		return len(p), nil
	}
	return conn.WriteTo(p, to)
}

// authenticates says whether a packet is an Allocate request with credentials. One without them is only asked for some.
func authenticates(p []byte) bool {
	if len(p) < len(allocateRequest) || [2]byte(p) != allocateRequest {
		return false
	}
	m := stun.Message{Raw: p}
	return m.Decode() == nil && m.Contains(stun.AttrMessageIntegrity)
}

// repeated says whether a packet is a request that has been written before.
func (c *lateConn) repeated(p []byte) bool {
	const request, class = 0x0000, 0x0110
	if !stun.IsMessage(p) || binary.BigEndian.Uint16(p)&class != request {
		return false
	}
	id := transaction(p[8:20])
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.Contains(c.asked[:], id) {
		return true
	}
	c.asked[c.next] = id
	c.next = (c.next + 1) % outstanding
	return false
}

func (c *lateConn) ReadFrom(p []byte) (int, net.Addr, error) {
	<-c.ready
	conn, err := c.socket(false)
	if err != nil {
		return 0, nil, err
	}
	n, from, err := conn.ReadFrom(p)
	if n >= len(allocateSuccess) && [2]byte(p) == allocateSuccess {
		c.allocated.Store(true)
	}
	return n, from, err
}

// How an Allocate request and the success response to it begin: RFC 8489, section 5, and RFC 8656, section 17.
var (
	allocateRequest = [2]byte{0x00, 0x03}
	allocateSuccess = [2]byte{0x01, 0x03}
)

// Close closes the socket, or keeps it from being opened. Whoever writes hears of it, also of a repeated request, which
// the TURN client would otherwise go on repeating until its time is up.
func (c *lateConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil && c.err == nil {
		close(c.ready)
	}
	c.err = net.ErrClosed
	if c.conn == nil {
		return nil
	}
	return c.conn.Close()
}

// LocalAddr is the socket's address, which has no port before the first packet.
func (c *lateConn) LocalAddr() net.Addr {
	if conn, _ := c.socket(false); conn != nil {
		return conn.LocalAddr()
	}
	return &net.UDPAddr{IP: net.IPv4zero}
}

func (c *lateConn) SetDeadline(t time.Time) error {
	return c.deadline(func(conn net.PacketConn) error { return conn.SetDeadline(t) })
}

func (c *lateConn) SetReadDeadline(t time.Time) error {
	return c.deadline(func(conn net.PacketConn) error { return conn.SetReadDeadline(t) })
}

func (c *lateConn) SetWriteDeadline(t time.Time) error {
	return c.deadline(func(conn net.PacketConn) error { return conn.SetWriteDeadline(t) })
}

// deadline sets a deadline on a socket that is open; before that none is kept.
func (c *lateConn) deadline(set func(net.PacketConn) error) error {
	conn, err := c.socket(false)
	if conn == nil {
		return err
	}
	return set(conn)
}
