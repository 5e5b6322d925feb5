package relay

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/pion/transport/v3"
)

// socketBuffer is what each UDP socket asks of its system, per direction. With Linux's default of
// 208 KiB a burst lost 31 % of its packets; coturn asks for as much.
const socketBuffer = 2 << 20

// packetConn is a UDP socket.
type packetConn struct {
	transport.UDPConn
	local netip.AddrPort
	fast  addrPortConn // nil: the socket can't
}

// addrPortConn is what the operating system's sockets can do, and others may: transport addresses that need no
// memory of their own.
type addrPortConn interface {
	ReadFromUDPAddrPort(p []byte) (n int, from netip.AddrPort, err error)
	WriteToUDPAddrPort(p []byte, to netip.AddrPort) (int, error)
}

func openUDP(n transport.Net, at netip.AddrPort) (*packetConn, error) {
	conn, err := n.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, fmt.Errorf("listen on UDP %v: %w", at, err)
	}
	_ = conn.SetReadBuffer(socketBuffer) // less is a slower relay, not a broken one
	_ = conn.SetWriteBuffer(socketBuffer)
	fast, _ := conn.(addrPortConn)
	return &packetConn{conn, addrPort(conn.LocalAddr()), fast}, nil
}

func (c *packetConn) read(p []byte) (n int, from netip.AddrPort, err error) {
	if c.fast == nil {
		n, addr, err := c.ReadFrom(p)
		if err != nil {
			return n, from, err
		}
		return n, addrPort(addr), nil
	}
	n, from, err = c.fast.ReadFromUDPAddrPort(p)
	return n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), err
}

func (c *packetConn) write(p []byte, to netip.AddrPort) (int, error) {
	if c.fast == nil {
		return c.WriteTo(p, net.UDPAddrFromAddrPort(to))
	}
	return c.fast.WriteToUDPAddrPort(p, to)
}
