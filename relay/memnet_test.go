package relay_test

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/pion/transport/v3"
)

// memnet is the smallest transport.Net that runs in virtual time: one address, no delay, no loss, and
// streams that hold memBuffer bytes until somebody reads. What it doesn't implement panics.
type memnet struct {
	transport.Net
	addr netip.Addr

	mu      sync.Mutex
	port    uint16
	streams map[uint16]*memListener
	packets map[uint16]*memPackets
}

const memBuffer = 64 << 10

func newMemnet(addr netip.Addr) *memnet {
	return &memnet{
		addr: addr, port: 40000,
		streams: make(map[uint16]*memListener), packets: make(map[uint16]*memPackets),
	}
}

func (n *memnet) free(port int) netip.AddrPort {
	if port == 0 {
		n.port++
		port = int(n.port)
	}
	return netip.AddrPortFrom(n.addr, uint16(port))
}

func (n *memnet) ListenTCP(_ string, at *net.TCPAddr) (transport.TCPListener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	addr := n.free(at.Port)
	if n.streams[addr.Port()] != nil {
		return nil, syscall.EADDRINUSE
	}
	l := &memListener{net: n, addr: addr, incoming: make(chan net.Conn, 100), done: make(chan struct{})}
	n.streams[addr.Port()] = l
	return l, nil
}

func (n *memnet) CreateDialer(*net.Dialer) transport.Dialer { return n }

func (n *memnet) Dial(_, address string) (net.Conn, error) {
	_, port, _ := net.SplitHostPort(address)
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	l := n.streams[uint16(number)]
	local := n.free(0)
	n.mu.Unlock()
	if l == nil {
		return nil, syscall.ECONNREFUSED
	}
	there, back := newMemPipe(), newMemPipe()
	l.incoming <- &memConn{in: there, out: back, local: l.addr, remote: local}
	return &memConn{in: back, out: there, local: local, remote: l.addr}, nil
}

func (n *memnet) ResolveUDPAddr(network, address string) (*net.UDPAddr, error) {
	return net.ResolveUDPAddr(network, address) // an address, never a name
}

func (n *memnet) ListenUDP(_ string, at *net.UDPAddr) (transport.UDPConn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	addr := n.free(at.Port)
	if n.packets[addr.Port()] != nil {
		return nil, syscall.EADDRINUSE
	}
	c := &memPackets{net: n, addr: addr, incoming: make(chan memPacket, 100), done: make(chan struct{})}
	n.packets[addr.Port()] = c
	return c, nil
}

type memListener struct {
	transport.TCPListener
	net      *memnet
	addr     netip.AddrPort
	incoming chan net.Conn
	done     chan struct{}
	once     sync.Once
}

func (l *memListener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.incoming:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error {
	l.once.Do(func() {
		l.net.mu.Lock()
		defer l.net.mu.Unlock()
		delete(l.net.streams, l.addr.Port())
		close(l.done)
	})
	return nil
}

type memConn struct {
	in, out       *memPipe
	local, remote netip.AddrPort
}

func (c *memConn) Read(p []byte) (int, error)         { return c.in.read(p) }
func (c *memConn) Write(p []byte) (int, error)        { return c.out.write(p) }
func (c *memConn) LocalAddr() net.Addr                { return net.TCPAddrFromAddrPort(c.local) }
func (c *memConn) RemoteAddr() net.Addr               { return net.TCPAddrFromAddrPort(c.remote) }
func (c *memConn) SetReadDeadline(t time.Time) error  { return c.in.deadline(&c.in.readBy, t) }
func (c *memConn) SetWriteDeadline(t time.Time) error { return c.out.deadline(&c.out.writeBy, t) }

func (c *memConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// Close lets the other end read what was written, as TCP does.
func (c *memConn) Close() error {
	c.out.end(false)
	c.in.end(true)
	return nil
}

// memPipe is one direction of a stream.
type memPipe struct {
	mu              sync.Mutex
	changed         *sync.Cond
	buf             []byte
	ended, cut      bool // nothing more is written; nobody reads any more
	readBy, writeBy time.Time
}

func newMemPipe() *memPipe {
	p := &memPipe{}
	p.changed = sync.NewCond(&p.mu)
	return p
}

func (p *memPipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.cut:
			return 0, net.ErrClosed
		case !p.readBy.IsZero() && !time.Now().Before(p.readBy):
			return 0, os.ErrDeadlineExceeded
		case len(p.buf) > 0:
			n := copy(b, p.buf)
			p.buf = p.buf[n:]
			p.changed.Broadcast()
			return n, nil
		case p.ended:
			return 0, io.EOF
		}
		p.changed.Wait()
	}
}

func (p *memPipe) write(b []byte) (n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(b) > 0 {
		switch room := memBuffer - len(p.buf); {
		case p.ended:
			return n, net.ErrClosed
		case p.cut:
			return n, syscall.EPIPE
		case !p.writeBy.IsZero() && !time.Now().Before(p.writeBy):
			return n, os.ErrDeadlineExceeded
		case room > 0:
			m := min(room, len(b))
			p.buf = append(p.buf, b[:m]...)
			n, b = n+m, b[m:]
			p.changed.Broadcast()
		default:
			p.changed.Wait()
		}
	}
	return n, nil
}

func (p *memPipe) end(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended, p.cut = true, p.cut || cut
	p.changed.Broadcast()
}

func (p *memPipe) deadline(which *time.Time, t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	*which = t
	p.changed.Broadcast()
	if !t.IsZero() {
		time.AfterFunc(time.Until(t), p.changed.Broadcast)
	}
	return nil
}

type memPacket struct {
	from    netip.AddrPort
	payload []byte
}

type memPackets struct {
	transport.UDPConn
	net      *memnet
	addr     netip.AddrPort
	incoming chan memPacket
	done     chan struct{}
	once     sync.Once
}

func (c *memPackets) LocalAddr() net.Addr              { return net.UDPAddrFromAddrPort(c.addr) }
func (c *memPackets) SetReadBuffer(int) error          { return nil }
func (c *memPackets) SetWriteBuffer(int) error         { return nil }
func (c *memPackets) SetReadDeadline(time.Time) error  { return nil }
func (c *memPackets) SetWriteDeadline(time.Time) error { return nil }
func (c *memPackets) SetDeadline(time.Time) error      { return nil }

func (c *memPackets) ReadFrom(p []byte) (int, net.Addr, error) {
	select {
	case packet := <-c.incoming:
		return copy(p, packet.payload), net.UDPAddrFromAddrPort(packet.from), nil
	case <-c.done:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo loses a packet that nobody waits for, or that finds 100 others waiting.
func (c *memPackets) WriteTo(p []byte, to net.Addr) (int, error) {
	c.net.mu.Lock()
	if c.net.packets[c.addr.Port()] != c {
		c.net.mu.Unlock()
		return 0, net.ErrClosed
	}
	peer := c.net.packets[to.(*net.UDPAddr).AddrPort().Port()]
	c.net.mu.Unlock()
	if peer != nil {
		select {
		case peer.incoming <- memPacket{c.addr, append([]byte(nil), p...)}:
		default:
		}
	}
	return len(p), nil
}

func (c *memPackets) Close() error {
	c.once.Do(func() {
		c.net.mu.Lock()
		defer c.net.mu.Unlock()
		delete(c.net.packets, c.addr.Port())
		close(c.done)
	})
	return nil
}
