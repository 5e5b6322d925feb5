package relay

import (
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/pion/transport/v3"

	"github.com/proxyspec/proxyspec/relay/batch"
	"github.com/proxyspec/proxyspec/relay/turn"
)

// socketBuffer is what each UDP socket asks of its system, per direction. With Linux's default of
// 208 KiB a burst lost 31 % of its packets; coturn asks for as much.
const socketBuffer = 2 << 20

// packetConn is a UDP socket: one of a group, or one that is read by itself.
type packetConn struct {
	local   netip.AddrPort
	relayed *turn.Socket // of which it is the socket; nil: clients come here

	socket *batch.Socket // nil: the next two are there
	conn   transport.UDPConn
	fast   AddrPortConn // nil: the socket can't
}

// AddrPortConn is what the operating system's UDP sockets can do, and those of another transport.Net may: transport
// addresses that need no memory of their own.
type AddrPortConn interface {
	ReadFromUDPAddrPort(p []byte) (n int, from netip.AddrPort, err error)
	WriteToUDPAddrPort(p []byte, to netip.AddrPort) (int, error)
}

func (s *turnServer) openUDP(at netip.AddrPort, relayed *turn.Socket) (*packetConn, error) {
	c := &packetConn{relayed: relayed}
	if len(s.groups) > 0 {
		socket, err := s.nextGroup().Listen(at, c)
		if err != nil {
			return nil, err
		}
		c.socket, c.local = socket, socket.Addr()
		return c, nil
	}
	conn, err := s.media.net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, fmt.Errorf("listen on UDP %v: %w", at, err)
	}
	_ = conn.SetReadBuffer(socketBuffer) // less is a slower relay, not a broken one
	_ = conn.SetWriteBuffer(socketBuffer)
	c.conn, c.local = conn, addrPort(conn.LocalAddr())
	c.fast, _ = conn.(AddrPortConn)
	return c, nil
}

// nextGroup is the one that the next socket goes to.
func (s *turnServer) nextGroup() *batch.Group { return s.groups[s.opened.Add(1)%uint64(len(s.groups))] }

func (c *packetConn) Close() {
	if c.socket != nil {
		c.socket.Close()
		return
	}
	_ = c.conn.Close()
}

func (c *packetConn) read(p []byte) (n int, from netip.AddrPort, err error) {
	if c.fast == nil {
		n, addr, err := c.conn.ReadFrom(p)
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
		return c.conn.WriteTo(p, net.UDPAddrFromAddrPort(to))
	}
	return c.fast.WriteToUDPAddrPort(p, to)
}

// serveGroup hands what arrives at a group of sockets to the core.
func (s *turnServer) serveGroup(g *batch.Group) {
	h := s.newHand()
	h.writer = g.Writer()
	err := g.Serve(h.fromGroup)
	s.failed("UDP", netip.AddrPortFrom(s.media.addr, 0), err)
}

// longest is memory for a datagram of any length, which a socket hands on to the next when it is closed: whoever
// makes many worlds, one after the other, makes 69 sockets in each.
var longest = sync.Pool{New: func() any { return new([largestPacket]byte) }}

// servePackets hands what arrives at a UDP port to the core.
func (s *turnServer) servePackets(conn *packetConn) {
	h := s.newHand()
	lent := longest.Get().(*[largestPacket]byte)
	defer longest.Put(lent)
	buf := lent[:]
	client := turn.Client{FiveTuple: turn.FiveTuple{Server: conn.local}, Via: conn}
	for {
		n, from, err := conn.read(buf)
		if err != nil {
			s.failed("UDP", conn.local, err)
			return
		}
		client.Client = from
		h.fromClient(client, buf[:n])
	}
}

// serveRelayed hands what peers send to a relayed transport address to the core, until the socket is closed.
func (s *turnServer) serveRelayed(r *packetConn) {
	buf := make([]byte, largestPayload+1) // one more shows the core what is too long
	for {
		n, from, err := r.read(buf)
		h := s.hands.Get().(*hand)
		if err == nil {
			h.fromPeer(r.relayed, from, buf[:n])
		} else {
			h.lose(r.relayed)
		}
		s.hands.Put(h)
		if err != nil {
			return
		}
	}
}
