package sim

import (
	"cmp"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// udpConn is a udpSocket as package net and pion's transport.UDPConn want it.
type udpConn struct {
	s       *udpSocket
	network string
}

func (c *udpConn) Close() error        { return c.wrap("close", c.s.close()) }
func (c *udpConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.s.local) }

func (c *udpConn) RemoteAddr() net.Addr {
	if !c.s.remote.IsValid() {
		return nil
	}
	return net.UDPAddrFromAddrPort(c.s.remote)
}

func (c *udpConn) SetReadDeadline(t time.Time) error {
	return c.wrapSetting(c.s.setDeadline(&c.s.read, t))
}

func (c *udpConn) SetWriteDeadline(t time.Time) error {
	return c.wrapSetting(c.s.setDeadline(&c.s.write, t))
}

func (c *udpConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *udpConn) SetReadBuffer(bytes int) error {
	return c.wrapSetting(c.s.do(func() { c.s.limit = max(bytes, leastReadBuffer) }))
}

// SetWriteBuffer changes nothing: what is written leaves at once.
func (c *udpConn) SetWriteBuffer(int) error { return c.wrapSetting(c.s.do(func() {})) }

func (c *udpConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, c.wrap("read", c.s.do(func() {})) // as package net has it: no datagram is lost
	}
	n, _, _, err := c.s.readFrom(p)
	return n, c.wrap("read", err)
}

func (c *udpConn) ReadFromUDP(p []byte) (int, *net.UDPAddr, error) {
	n, from, err := c.ReadFromUDPAddrPort(p)
	if err != nil {
		return n, nil, err
	}
	return n, c.s.sender(from), nil
}

// ReadFromUDPAddrPort is ReadFromUDP for who wants an address without memory of its own.
func (c *udpConn) ReadFromUDPAddrPort(p []byte) (int, netip.AddrPort, error) {
	n, from, _, err := c.s.readFrom(p)
	return n, from, c.wrap("read", called("recvfrom", err))
}

func (c *udpConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDP(p)
	if err != nil {
		return n, nil, err
	}
	return n, from, nil
}

// truncated is Linux's MSG_TRUNC, which not every system has in package syscall.
const truncated = 0x20

func (c *udpConn) ReadMsgUDP(p, _ []byte) (n, oobn, flags int, addr *net.UDPAddr, err error) {
	n, from, cut, err := c.s.readFrom(p)
	if err != nil {
		return n, 0, 0, nil, c.wrap("read", called("recvmsg", err))
	}
	if cut {
		flags = truncated
	}
	return n, 0, flags, c.s.sender(from), nil
}

func (c *udpConn) Write(p []byte) (int, error) {
	if !c.s.remote.IsValid() {
		return 0, c.wrap("write", cmp.Or(c.s.do(func() {}), error(syscall.EDESTADDRREQ)))
	}
	n, err := c.s.writeTo(p, c.s.remote)
	return n, c.wrap("write", err)
}

func (c *udpConn) WriteToUDP(p []byte, to *net.UDPAddr) (int, error) {
	if to == nil && !c.s.remote.IsValid() {
		return 0, c.wrap("write", errMissingAddress)
	}
	return c.WriteToUDPAddrPort(p, addrPort(to))
}

// WriteToUDPAddrPort is WriteToUDP for who has an address without memory of its own.
func (c *udpConn) WriteToUDPAddrPort(p []byte, to netip.AddrPort) (int, error) {
	if c.s.remote.IsValid() {
		return 0, c.wrap("write", net.ErrWriteToConnected)
	}
	n, err := c.s.writeTo(p, to)
	if err != nil {
		return n, opError("write", c.network, c.LocalAddr(), net.UDPAddrFromAddrPort(to), called("sendto", err))
	}
	return n, nil
}

func (c *udpConn) WriteTo(p []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, &net.OpError{Op: "write", Net: c.network, Source: c.LocalAddr(), Addr: to, Err: syscall.EINVAL}
	}
	return c.WriteToUDP(p, udp)
}

func (c *udpConn) WriteMsgUDP(p, _ []byte, to *net.UDPAddr) (n, oobn int, err error) {
	if to == nil && c.s.remote.IsValid() {
		n, err = c.Write(p)
	} else {
		n, err = c.WriteToUDP(p, to)
	}
	return n, 0, err
}

func (c *udpConn) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return opError(op, c.network, c.LocalAddr(), c.RemoteAddr(), err)
}

// wrapSetting is wrap for deadlines and buffers, whose errors name the local address alone in package net.
func (c *udpConn) wrapSetting(err error) error {
	if err == nil {
		return nil
	}
	return opError("set", c.network, nil, c.LocalAddr(), err)
}
