package sim

import (
	"fmt"
	"net"
	"net/netip"
	"time"
)

// udpConn is a udpSocket as package net and pion's transport.UDPConn want it.
type udpConn struct{ s *udpSocket }

func (c *udpConn) Close() error        { return c.wrap("close", c.s.close()) }
func (c *udpConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.s.local) }

func (c *udpConn) RemoteAddr() net.Addr {
	if !c.s.remote.IsValid() {
		return nil
	}
	return net.UDPAddrFromAddrPort(c.s.remote)
}

func (c *udpConn) SetReadDeadline(t time.Time) error {
	return c.wrap("set", c.s.setDeadline(&c.s.read, t))
}

func (c *udpConn) SetWriteDeadline(t time.Time) error {
	return c.wrap("set", c.s.setDeadline(&c.s.write, t))
}

func (c *udpConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *udpConn) SetReadBuffer(bytes int) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.limit = bytes
	return nil
}

// SetWriteBuffer does nothing: what is written leaves at once.
func (c *udpConn) SetWriteBuffer(int) error { return nil }

func (c *udpConn) Read(p []byte) (int, error) {
	n, _, err := c.ReadFromUDPAddrPort(p)
	return n, err
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
	n, from, err := c.s.readFrom(p)
	return n, from, c.wrap("read", err)
}

func (c *udpConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDP(p)
	if err != nil {
		return n, nil, err
	}
	return n, from, nil
}

func (c *udpConn) ReadMsgUDP(p, _ []byte) (n, oobn, flags int, addr *net.UDPAddr, err error) {
	n, addr, err = c.ReadFromUDP(p)
	return n, 0, 0, addr, err
}

func (c *udpConn) Write(p []byte) (int, error) {
	if !c.s.remote.IsValid() {
		return 0, c.wrap("write", fmt.Errorf("not connected: use WriteTo"))
	}
	n, err := c.s.writeTo(p, c.s.remote)
	return n, c.wrap("write", err)
}

func (c *udpConn) WriteToUDP(p []byte, to *net.UDPAddr) (int, error) {
	if to == nil && !c.s.remote.IsValid() {
		return 0, c.wrap("write", fmt.Errorf("missing address"))
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
		return n, opError("write", "udp", c.LocalAddr(), net.UDPAddrFromAddrPort(to), err)
	}
	return n, nil
}

func (c *udpConn) WriteTo(p []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, c.wrap("write", fmt.Errorf("%v is not a UDP address", to))
	}
	return c.WriteToUDP(p, udp)
}

func (c *udpConn) WriteMsgUDP(p, _ []byte, to *net.UDPAddr) (n, oobn int, err error) {
	if to == nil {
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
	return opError(op, "udp", c.LocalAddr(), c.RemoteAddr(), err)
}
