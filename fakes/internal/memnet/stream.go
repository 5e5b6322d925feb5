package memnet

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/pion/transport/v3"
)

type listener struct {
	n        *Network
	addr     netip.AddrPort
	incoming chan *stream
	done     chan struct{}
	once     sync.Once
}

func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }

func (l *listener) SetDeadline(time.Time) error { return nil }

func (l *listener) AcceptTCP() (transport.TCPConn, error) {
	select {
	case c := <-l.incoming:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (l *listener) Close() error {
	l.once.Do(func() {
		l.n.mu.Lock()
		delete(l.n.streams, l.addr)
		l.n.mu.Unlock()
		close(l.done)
	})
	return nil
}

// stream is one end of a TCP connection.
type stream struct {
	transport.TCPConn // nil: what is missing panics
	in, out           *pipe
	local, remote     netip.AddrPort
}

func (c *stream) Read(p []byte) (int, error)          { return c.in.read(p) }
func (c *stream) Write(p []byte) (int, error)         { return c.out.write(p) }
func (c *stream) LocalAddr() net.Addr                 { return net.TCPAddrFromAddrPort(c.local) }
func (c *stream) RemoteAddr() net.Addr                { return net.TCPAddrFromAddrPort(c.remote) }
func (c *stream) SetReadDeadline(t time.Time) error   { return c.in.deadline(t) }
func (c *stream) SetWriteDeadline(time.Time) error    { return nil } // a write never waits
func (c *stream) SetDeadline(t time.Time) error       { return c.SetReadDeadline(t) }
func (c *stream) SetNoDelay(bool) error               { return nil }
func (c *stream) SetKeepAlive(bool) error             { return nil }
func (c *stream) ReadFrom(r io.Reader) (int64, error) { return io.Copy(struct{ io.Writer }{c}, r) }

// Close lets the other end read what was written, as TCP does.
func (c *stream) Close() error {
	c.out.end(io.EOF)
	c.in.end(net.ErrClosed)
	return nil
}

// pipe is one direction of a stream. It holds whatever is written until it is read.
type pipe struct {
	mu      sync.Mutex
	buf     []byte
	err     error // once the buffer is empty
	silent  bool  // what is written, and that it ends, never arrives
	readBy  time.Time
	changed chan struct{} // closed and replaced at every change
}

func newPipe() *pipe { return &pipe{changed: make(chan struct{})} }

// change does f under the lock and wakes who waits.
func (p *pipe) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *pipe) read(b []byte) (n int, err error) {
	for {
		p.mu.Lock()
		changed, deadline := p.changed, p.readBy
		switch {
		case errors.Is(p.err, net.ErrClosed) || errors.Is(p.err, syscall.ECONNRESET):
			err = p.err
		case !deadline.IsZero() && !time.Now().Before(deadline):
			err = os.ErrDeadlineExceeded
		case len(p.buf) > 0:
			n = copy(b, p.buf)
			p.buf = p.buf[n:]
		default:
			err = p.err
		}
		p.mu.Unlock()
		if n > 0 || err != nil || len(b) == 0 {
			return n, err
		}
		wait(changed, deadline)
	}
}

// wait waits for a change or a deadline.
func wait(changed <-chan struct{}, deadline time.Time) {
	if deadline.IsZero() {
		<-changed
		return
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	}
}

func (p *pipe) write(b []byte) (n int, err error) {
	p.change(func() {
		if p.err != nil {
			err = syscall.EPIPE
			return
		}
		if n = len(b); !p.silent {
			p.buf = append(p.buf, b...)
		}
	})
	return n, err
}

func (p *pipe) silence() { p.change(func() { p.silent = true }) }

func (p *pipe) end(err error) {
	p.change(func() {
		if p.silent && errors.Is(err, io.EOF) {
			return
		}
		if p.err == nil || !errors.Is(err, io.EOF) {
			p.err = err
		}
	})
}

func (p *pipe) deadline(t time.Time) error {
	p.change(func() { p.readBy = t })
	return nil
}
