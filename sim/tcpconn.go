package sim

import (
	"io"
	"net"
	"time"

	"github.com/proxyspec/proxyspec/sim/tcp"
)

// tcpConn is a tcpSocket as package net and pion's transport.TCPConn want it.
type tcpConn struct {
	s       *tcpSocket
	network string
}

func (c *tcpConn) Read(p []byte) (int, error) {
	n, err := c.s.readBytes(p)
	if err == io.EOF {
		return n, io.EOF // never wrapped, as package net has it
	}
	return n, c.wrap("read", err)
}

func (c *tcpConn) Write(p []byte) (int, error) {
	n, err := c.s.writeBytes(p)
	return n, c.wrap("write", err)
}

func (c *tcpConn) Close() error         { return c.wrap("close", c.s.close()) }
func (c *tcpConn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.s.local) }
func (c *tcpConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.s.remote) }

func (c *tcpConn) SetReadDeadline(t time.Time) error {
	return c.wrapSetting(c.s.setDeadline(&c.s.read, t))
}

func (c *tcpConn) SetWriteDeadline(t time.Time) error {
	return c.wrapSetting(c.s.setDeadline(&c.s.write, t))
}

func (c *tcpConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *tcpConn) CloseRead() error  { return c.wrap("close", c.s.shut((*tcp.Conn).CloseRead)) }
func (c *tcpConn) CloseWrite() error { return c.wrap("close", c.s.shut((*tcp.Conn).CloseWrite)) }

func (c *tcpConn) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(struct{ io.Writer }{c}, r)
	return n, c.wrap("readfrom", err)
}

func (c *tcpConn) SetLinger(sec int) error {
	return c.wrap("set", c.s.do(func(*tcp.Conn) { c.s.linger = sec == 0 }))
}

// defaultKeepAlive is what package net uses when a program asks for no period of its own.
const defaultKeepAlive = 15 * time.Second

func (c *tcpConn) SetKeepAlive(on bool) error {
	if !on {
		return c.SetKeepAlivePeriod(0)
	}
	return c.SetKeepAlivePeriod(defaultKeepAlive)
}

func (c *tcpConn) SetKeepAlivePeriod(d time.Duration) error {
	return c.wrap("set", c.s.do(func(t *tcp.Conn) { t.SetKeepAlive(c.s.host.net.now(), d) }))
}

// SetNoDelay changes nothing: data is never held back to fill a segment.
func (c *tcpConn) SetNoDelay(bool) error { return c.wrap("set", c.s.do(func(*tcp.Conn) {})) }

// SetWriteBuffer bounds what Write takes without waiting; without it Write never waits.
func (c *tcpConn) SetWriteBuffer(bytes int) error {
	return c.wrapSetting(c.s.do(func(t *tcp.Conn) { t.SetSendBuffer(max(bytes, leastWriteBuffer)) }))
}

func (c *tcpConn) SetReadBuffer(bytes int) error {
	return c.wrapSetting(c.s.do(func(t *tcp.Conn) { t.SetReceiveBuffer(max(bytes, leastReadBuffer)) }))
}

// What a socket's buffers have at least, as on Linux: with less, a datagram would never fit, and TCP's window, once scaled,
// never open.
const (
	leastReadBuffer  = 2304
	leastWriteBuffer = 4608
)

func (c *tcpConn) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return opError(op, c.network, c.LocalAddr(), c.RemoteAddr(), err)
}

// wrapSetting is wrap for deadlines and buffers, whose errors name the local address alone in package net.
func (c *tcpConn) wrapSetting(err error) error {
	if err == nil {
		return nil
	}
	return opError("set", c.network, nil, c.LocalAddr(), err)
}
