package check

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/pion/stun/v3"
)

// probe is one row under way.
type probe struct {
	target  Target
	clients []*client
	peers   []*peer
	got     string        // what was seen last, in words
	missed  bool          // what was last waited for didn't come, or not at once
	slowest time.Duration // that an answer took
	closing bool
}

func (p *probe) end(o Outcome, format string, args ...any) {
	panic(ending{o, fmt.Sprintf(format, args...)})
}

func (p *probe) fail(format string, args ...any)       { p.end(Fail, format, args...) }
func (p *probe) notOffered(format string, args ...any) { p.end(NotOffered, format, args...) }

// see records what was seen.
func (p *probe) see(format string, args ...any) { p.got = fmt.Sprintf(format, args...) }

// quiet is how long silence is listened to: what the server does comes later from afar.
func (p *probe) quiet() time.Duration { return p.target.Quiet + 2*p.slowest }

func (p *probe) close() {
	p.closing = true
	for _, c := range p.clients {
		c.release()
		_ = c.conn.Close()
	}
	for _, peer := range p.peers {
		_ = peer.conn.Close()
	}
}

// sleep lets time pass; a row that calls it needs clock.
func (p *probe) sleep(d time.Duration) { p.target.Sleep(d) }

// client is a client on a 5-tuple of its own, as the user, who has asked for nothing yet.
func (p *probe) client() *client { return p.clientAs(p.target.User) }

func (p *probe) clientAs(user Credentials) *client {
	conn, err := p.target.Dial()
	if err != nil {
		p.end(Broken, "no connection to the server: %v", err)
	}
	c := &client{probe: p, conn: conn, stream: p.target.Stream, user: user}
	p.clients = append(p.clients, c)
	return c
}

// known is a client that has a realm and a nonce.
func (p *probe) known() *client {
	c := p.client()
	c.challenge()
	return c
}

// allocated is a client with an allocation.
func (p *probe) allocated(attributes ...stun.Setter) *client {
	c := p.known()
	c.allocate(attributes...)
	return c
}

// lasting is a client with an allocation for an hour, for rows that let time pass.
func (p *probe) lasting() *client {
	c := p.known()
	if m := c.allocate(lifetime(3600)); c.lifetimeOf(m) < 3600 {
		p.notOffered("the server's longest lifetime is %d s", c.lifetimeOf(m))
	}
	return c
}

// permitted is a client with an allocation and a permission for a peer.
func (p *probe) permitted() (*client, *peer) {
	c, peer := p.allocated(), p.peer()
	c.must(stun.MethodCreatePermission, peerAddress(peer.at))
	return c, peer
}

// bound is a client with an allocation and a channel to a peer.
func (p *probe) bound() (*client, *peer) {
	c, peer := p.allocated(), p.peer()
	c.must(stun.MethodChannelBind, channelNumber(firstChannel), peerAddress(peer.at))
	return c, peer
}

// other is a second user.
func (p *probe) other() Credentials {
	if p.target.Other.Username == "" {
		p.notOffered(NoOther)
	}
	return p.target.Other
}

// forbidden is a peer that the server must refuse.
func (p *probe) forbidden() netip.AddrPort {
	if len(p.target.Forbidden) == 0 {
		p.notOffered(NoForbidden)
	}
	return netip.AddrPortFrom(p.target.Forbidden[0], dynamicPort)
}

// peer is a socket of the first peer address, at a port of its own.
func (p *probe) peer() *peer { return p.peerAt(0) }

// stranger is one of the second.
func (p *probe) stranger() *peer {
	if len(p.target.Peers) < 2 {
		p.notOffered(NoStranger)
	}
	return p.peerAt(1)
}

func (p *probe) peerAt(i int) *peer {
	if i >= len(p.target.Peers) {
		p.notOffered("no peer address was given")
	}
	conn, err := p.target.Peers[i]()
	if err != nil {
		p.end(Broken, "no socket for a peer: %v", err)
	}
	at := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	made := &peer{probe: p, conn: conn, at: netip.AddrPortFrom(at.Addr().Unmap(), at.Port())}
	p.peers = append(p.peers, made)
	return made
}

// peer is somebody whom a client wants to reach.
type peer struct {
	probe *probe
	conn  net.PacketConn
	at    netip.AddrPort
}

func (x *peer) send(to netip.AddrPort, payload []byte) {
	if _, err := x.conn.WriteTo(payload, net.UDPAddrFromAddrPort(to)); err != nil {
		x.probe.notOffered("the peer's network doesn't carry %d bytes: %v", len(payload), err)
	}
}

// receive is the next datagram, nil if none comes in time.
func (x *peer) receive(wait time.Duration) (payload []byte, from netip.AddrPort) {
	_ = x.conn.SetReadDeadline(time.Now().Add(wait))
	buffer := buffers.Get().(*[mostBytes]byte)
	defer buffers.Put(buffer)
	n, addr, err := x.conn.ReadFrom(buffer[:])
	if x.probe.missed = err != nil; err != nil {
		return nil, from
	}
	at := addr.(*net.UDPAddr).AddrPort()
	return slices.Clone(buffer[:n]), netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// hears demands that a payload arrives, and from the relayed transport address.
func (x *peer) hears(c *client, payload []byte) {
	got, from := x.receive(x.probe.target.Answer)
	switch {
	case got == nil:
		x.probe.fail("the peer heard nothing")
	case string(got) != string(payload):
		x.probe.fail("the peer heard %d bytes that were not sent", len(got))
	case from != c.relayed:
		x.probe.fail("the peer heard it from %v, not from the relayed transport address %v", from, c.relayed)
	}
	x.probe.see("the peer heard %d bytes from the relayed transport address", len(got))
}

// hearsNothing demands silence.
func (x *peer) hearsNothing() {
	if got, from := x.receive(x.probe.quiet()); got != nil {
		x.probe.fail("the peer heard %d bytes from %v", len(got), from)
	}
	x.probe.see("the peer heard nothing")
}
