package turn

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/pion/stun/v3"
)

const channelHeaderSize = 4

// Totals is what a Server has carried, each way, and whom it left without an answer.
type Totals struct {
	Up, Down   Count
	Unanswered uint64 // requests of strangers, beyond Config.StrangerRate
}

// Count is one direction: In is what arrived for an allocation, Out what was passed on, and the rest why it was
// not. In is the sum of all others.
type Count struct {
	In, Out      Traffic
	NoPermission Traffic
	NoChannel    Traffic // ChannelData on a channel that isn't bound
	Refused      Traffic // Permit says no by now
	Malformed    Traffic // no peer, no DATA, an attribute that isn't known, more length than bytes
	TooLong      Traffic // more than Config.MaxPayload, or than a message can hold
	OverRate     Traffic // more than Config.Rate
	Undelivered  Traffic // whoever carries out the actions could not
}

// Balanced says where a packet has got lost to the books: each that came in went out, or was dropped for a reason.
func (t Totals) Balanced() error {
	for _, way := range []struct {
		name string
		c    Count
	}{{"up", t.Up}, {"down", t.Down}} {
		c := way.c
		var sum Traffic
		for _, part := range []Traffic{c.Out, c.NoPermission, c.NoChannel, c.Refused, c.Malformed, c.TooLong, c.OverRate, c.Undelivered} {
			sum.Packets += part.Packets
			sum.Bytes += part.Bytes
		}
		if sum != c.In {
			return fmt.Errorf("%s: %d packets of %d bytes came in, and %d of %d are accounted for", way.name, c.In.Packets, c.In.Bytes, sum.Packets, sum.Bytes)
		}
	}
	return nil
}

// counts is one direction of an allocation. in = out + dropped.
type counts struct{ in, out, dropped Traffic }

func (c counts) ledger() Ledger { return Ledger{c.in, c.out, c.dropped} }

// Totals is the server's count so far.
func (s *Server) Totals() Totals { return s.totals }

// Books is what became of all that an allocation was handed, each way, when it ended.
type Books struct{ Up, Down Ledger }

// Ledger is one direction: In = Out + Dropped.
type Ledger struct{ In, Out, Dropped Traffic }

// Traffic is an allocation's count, each way: what arrived, what was passed on and what was dropped. It must
// not be called while the server is used.
func (a *Allocation) Traffic() (up, down [3]Traffic) {
	return [3]Traffic{a.up.in, a.up.out, a.up.dropped}, [3]Traffic{a.down.in, a.down.out, a.down.dropped}
}

// arrive enters a packet before anyone knows what becomes of it: one that is forgotten on its way is missed.
func (c *counts) arrive(total *Count, n int) {
	c.in.add(n)
	total.In.add(n)
}

func (c *counts) drop(why *Traffic, n int) {
	c.dropped.add(n)
	why.add(n)
}

func (c *counts) pass(total *Count, n int) {
	c.out.add(n)
	total.Out.add(n)
}

// sender is the allocation of a client that sends data: often that of the last one, for data comes in bursts.
func (s *Server) sender(c Client) *Allocation {
	if a := s.last; a != nil && a.Client.FiveTuple == c.FiveTuple {
		return a
	}
	s.last = s.allocations[c.FiveTuple]
	return s.last
}

// send handles a Send indication (RFC 8656, section 11.2). It needs no credentials, and has no answer.
func (s *Server) send(out *Output, now time.Time, c Client, m *message) {
	a := s.sender(c)
	if a == nil {
		return
	}
	payload, hasData := m.find(stun.AttrData)
	address, _ := m.find(stun.AttrXORPeerAddress)
	peer, ok := m.peer(address)
	total := &s.totals.Up
	a.up.arrive(total, len(payload))
	switch {
	case !hasData, !ok, len(m.unknown(s.cfg.DontFragment)) > 0:
		a.up.drop(&total.Malformed, len(payload))
	case !a.permits(now, peer.Addr()):
		a.up.drop(&total.NoPermission, len(payload))
	default:
		s.toPeer(out, now, a, peer, payload, m.has(stun.AttrDontFragment))
	}
}

// channelData handles a ChannelData message of a client (RFC 8656, section 12.6). What follows the length that
// it names is padding.
func (s *Server) channelData(out *Output, now time.Time, c Client, raw []byte) {
	a := s.sender(c)
	if a == nil {
		return
	}
	total := &s.totals.Up
	if len(raw) < channelHeaderSize || channelHeaderSize+int(binary.BigEndian.Uint16(raw[2:])) > len(raw) {
		n := max(0, len(raw)-channelHeaderSize)
		a.up.arrive(total, n)
		a.up.drop(&total.Malformed, n)
		return
	}
	payload := raw[channelHeaderSize:][:binary.BigEndian.Uint16(raw[2:])]
	a.up.arrive(total, len(payload))
	ch := a.channel(now, binary.BigEndian.Uint16(raw))
	switch {
	case ch == nil:
		a.up.drop(&total.NoChannel, len(payload))
	case !a.permits(now, ch.peer.Addr()):
		// A channel outlives its permission unless that is refreshed, and doesn't stand in for it
		// (RFC 8656, section 12).
		a.up.drop(&total.NoPermission, len(payload))
	default:
		s.toPeer(out, now, a, ch.peer, payload, false)
	}
}

func (s *Server) toPeer(out *Output, now time.Time, a *Allocation, peer netip.AddrPort, payload []byte, dontFragment bool) {
	if !s.cfg.Permit(peer.Addr()) {
		a.up.drop(&s.totals.Up.Refused, len(payload))
		return
	}
	if !a.user.up.allows(now, s.cfg.Rate, len(payload)) {
		a.up.drop(&s.totals.Up.OverRate, len(payload))
		return
	}
	a.up.pass(&s.totals.Up, len(payload))
	out.add(Action{
		Kind: ToPeer, Client: a.Client, Allocation: a, Socket: a.socket, Peer: peer, Payload: payload,
		DontFragment: dontFragment, Up: a.up.out, Down: a.down.out, Size: len(payload),
	})
}

// FromPeer handles a datagram that arrived at a relayed transport address (RFC 8656, sections 11.3 and 12.7).
func (s *Server) FromPeer(out *Output, now time.Time, socket *Socket, peer netip.AddrPort, payload []byte) {
	a := socket.allocation
	if a == nil {
		return // reserved, or closed already
	}
	a.down.arrive(&s.totals.Down, len(payload))
	if !a.permits(now, peer.Addr()) {
		a.down.drop(&s.totals.Down.NoPermission, len(payload))
		return
	}
	if len(payload) > s.cfg.MaxPayload {
		a.down.drop(&s.totals.Down.TooLong, len(payload))
		return
	}
	if !a.user.down.allows(now, s.cfg.Rate, len(payload)) {
		a.down.drop(&s.totals.Down.OverRate, len(payload))
		return
	}
	var b []byte
	if ch := a.channelOf(now, peer); ch != nil {
		b = out.channelData(ch.number, payload, a.Client.Stream)
	} else {
		b = s.dataIndication(out, peer, payload)
	}
	if b == nil {
		a.down.drop(&s.totals.Down.TooLong, len(payload))
		return
	}
	a.down.pass(&s.totals.Down, len(payload))
	out.add(Action{
		Kind: ToClient, Data: true, Client: a.Client, Allocation: a, Socket: socket, Peer: peer, Payload: b,
		Up: a.up.out, Down: a.down.out, Size: len(payload),
	})
}

func (o *Output) channelData(number uint16, payload []byte, stream bool) []byte {
	begin := len(o.bytes)
	o.bytes = binary.BigEndian.AppendUint16(o.bytes, number)
	o.bytes = binary.BigEndian.AppendUint16(o.bytes, uint16(len(payload)))
	o.bytes = append(o.bytes, payload...)
	if stream {
		for (len(o.bytes)-begin)%4 != 0 {
			o.bytes = append(o.bytes, 0)
		}
	}
	return o.bytes[begin:len(o.bytes):len(o.bytes)]
}

// dataIndication makes a Data indication. Nobody answers it, and yet its transaction ID must be one that nobody
// can guess (RFC 8489, section 5).
func (s *Server) dataIndication(o *Output, peer netip.AddrPort, payload []byte) []byte {
	var transaction [12]byte
	binary.BigEndian.PutUint32(transaction[:], uint32(s.transactions.Uint64()))
	binary.BigEndian.PutUint64(transaction[4:], s.transactions.Uint64())
	r := o.reply(stun.MethodData, stun.ClassIndication, transaction[:])
	r.addXOR(stun.AttrXORPeerAddress, peer)
	if r.len()-headerSize+attrHeaderSize+padded(len(payload)) > 0xFFFC {
		o.bytes = o.bytes[:r.begin]
		return nil
	}
	r.add(stun.AttrData, payload)
	return r.done()
}

// Undelivered takes back a ToPeer, or a ToClient with Data, that could not be carried out: the packet was
// dropped after all.
func (s *Server) Undelivered(a Action) {
	c, total := &a.Allocation.up, &s.totals.Up
	if a.Kind == ToClient {
		c, total = &a.Allocation.down, &s.totals.Down
	}
	c.out.sub(a.Size)
	c.dropped.add(a.Size)
	total.Out.sub(a.Size)
	total.Undelivered.add(a.Size)
}
