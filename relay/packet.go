package relay

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/pion/transport/v3"

	"github.com/proxyspec/proxyspec/relay/batch"
	"github.com/proxyspec/proxyspec/relay/turn"
)

// socketBuffer is what each UDP socket asks of its system, per direction. With Linux's default of
// 208 KiB a burst lost 31 % of its packets; coturn asks for as much.
const socketBuffer = 2 << 20

// packetConn is a UDP socket: one of a group, or one that is read by itself.
type packetConn struct {
	relayed *turn.Socket  // of which it is the socket; nil: clients come here
	socket  *batch.Socket // nil: the next two are there
	conn    transport.UDPConn
	fast    AddrPortConn // nil: the socket can't
	local   netip.AddrPort
}

// AddrPortConn is what the operating system's UDP sockets can do, and those of another transport.Net may: transport
// addresses that need no memory of their own.
type AddrPortConn interface {
	ReadFromUDPAddrPort(p []byte) (n int, from netip.AddrPort, err error)
	WriteToUDPAddrPort(p []byte, to netip.AddrPort) (int, error)
}

// handlerConn is a socket that calls a function for what it is sent, instead of being read: so those of the virtual
// network can, of which a relay then needs no goroutine each. The last call is with net.ErrClosed.
type handlerConn interface {
	Handle(f func(p []byte, from netip.AddrPort, err error))
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
	return n, unmapped(from), err
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

// servePackets hands what arrives at a UDP port to the core.
func (s *turnServer) servePackets(conn *packetConn) {
	h := s.newHand()
	client := turn.Client{FiveTuple: turn.FiveTuple{Server: conn.local}, Via: conn}
	s.receive(conn, largestPacket, func(p []byte, from netip.AddrPort, err error) {
		if err != nil {
			s.failed("UDP", conn.local, err)
			return
		}
		client.Client = from
		h.fromClient(client, p)
	})
}

// serveRelayed hands what peers send to a relayed transport address to the core, until the socket is closed.
func (s *turnServer) serveRelayed(r *packetConn) {
	relayed := r.relayed
	// One byte more shows the core what is too long.
	s.receive(r, largestPayload+1, func(p []byte, from netip.AddrPort, err error) {
		h := s.hands.Get().(*hand)
		if err == nil {
			h.fromPeer(relayed, from, p)
		} else {
			h.lose(relayed)
		}
		s.hands.Put(h)
	})
}

// receive has f called for each datagram, up to a length, and at last with an error.
func (s *turnServer) receive(conn *packetConn, length int, f func(p []byte, from netip.AddrPort, err error)) {
	if c, ok := conn.conn.(handlerConn); ok {
		s.tasks.Add(1)
		c.Handle(func(p []byte, from netip.AddrPort, err error) {
			if err == nil {
				f(p, unmapped(from), nil)
			} else if errors.Is(err, net.ErrClosed) {
				f(nil, from, err)
				s.tasks.Done()
			}
		})
		return
	}
	s.tasks.Go(func() {
		for buf := make([]byte, length); ; {
			n, from, err := conn.read(buf)
			if f(buf[:n], from, err); err != nil {
				return
			}
		}
	})
}
