package sim

import (
	"net/netip"
	"time"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/nat"
)

// path is a short cut for the packets of a UDP socket to one destination. The first of them goes hop by hop and
// notes what it meets; the later ones then work out at their start when they will be where, refresh each table
// at their own time, and cost one event.
//
// What may be short cut is decided so that nobody can tell: every table still agrees with what was noted, and a
// packet's fate on each link depends on no other packet. A path ends at a router that is watched, so that what is
// seen there is seen in its turn; another one leads on from there. Before anything changes, packets on their way
// go back to the hop that they are at.
//
// Each packet needs all of it but the last fields. In a large network it is in no cache by then, and so it is in one place.
type path struct {
	net     *Network
	version uint64        // of the network
	watched *crossing     // of the router that the path begins at; nil: it begins at a host
	last    *nic          // the last router's, or the sender's own: from here to the end
	took    time.Duration // on the last link
	sent    time.Duration // the last packet, from the beginning; less than 0: none
	socket  *udpSocket    // that has had a packet at the end; nil: its host looks for one
	unseen  bool          // its host isn't watched
	src     netip.AddrPort
	dst     netip.AddrPort // both as they are at the end
	hops    []hop          // the routers, but for one at the end that is watched
	few     [2]hop         // memory for them

	of     *way
	onward way    // from the end
	ends   []ends // of a packet as it arrives at each hop
}

// ends is who sends a packet, and to whom.
type ends struct{ src, dst netip.AddrPort }

// crossing is what those who watch a router see of the packets on a path.
type crossing struct {
	taps            *taps
	arrives, leaves Sighting       // but for when, and which packet
	src, dst        netip.AddrPort // both as the packet leaves
}

// hop is a router on a path.
type hop struct {
	from *nic          // the beginning of the link to it; nil: the path begins here
	took time.Duration // on that link
	wall firewall.Pass // none, and nat's likewise: it lets everything through
	nat  nat.Pass
	bare bool // there is neither
}

// way is what a socket, or the path before, knows of the path to a destination.
type way struct {
	path    *path
	tries   uint   // packets that went hop by hop since the network changed
	version uint64 // of the network
}

// voyage is where a packet on a path is, for the case that it must go back.
type voyage struct {
	path         *path
	sent, before time.Duration // from the beginning: this packet, and the one before
}

// carry sends a packet along the path; false, and nothing has happened, if it must go hop by hop.
func (w *path) carry(now time.Duration, p *Packet) bool {
	if w.version != w.net.version {
		return false
	}
	at := now
	for i := range w.hops {
		h := &w.hops[i]
		if h.from != nil && h.from.lossy && h.from.loses(p) {
			return false
		}
		at += h.took
		if h.bare {
			continue
		}
		if clock := w.net.start.Add(at); !h.wall.Open(clock) || !h.nat.Open(clock) {
			return false
		}
	}
	if w.last.lossy && w.last.loses(p) {
		return false
	}
	if w.watched != nil {
		w.watched.see(now, p)
	}
	at = now
	for i := range w.hops {
		h := &w.hops[i]
		if h.from != nil {
			h.from.count.Sent++
			p.TTL--
		}
		if at += h.took; h.bare {
			continue
		}
		clock := w.net.start.Add(at)
		h.wall.Take(clock)
		h.nat.Take(clock)
	}
	w.last.count.Sent++
	p.Src, p.Dst = w.src, w.dst
	p.voyage = voyage{w, now, w.sent}
	w.sent = now
	w.net.carried++
	at += w.took
	if !w.unseen {
		w.last.deliver(now, at, p)
		return true
	}
	w.net.plan(event{at: at, flow: p.flow, number: p.number, packet: p, nic: w.last.peer, socket: w.socket})
	return true
}

// see shows a packet to those who watch the router that it crosses.
func (c *crossing) see(now time.Duration, p *Packet) {
	c.arrives.At, c.arrives.Packet = now, p
	c.taps.show(&c.arrives)
	p.Src, p.Dst = c.src, c.dst
	p.TTL--
	c.leaves.At, c.leaves.Packet = now, p
	c.taps.show(&c.leaves)
}

// note adds a router that a packet passes to the path that the packet notes.
func (r *Router) note(p *Packet, in, out *nic, wire header, outcome nat.Outcome, verdict firewall.Verdict, judged bool) {
	w := p.noting
	h := hop{}
	ok := outcome != nat.Hairpinned
	if r.taps != nil { // it begins here
		w.watched = &crossing{r.taps, r.sighting(in, false, verdict, judged), r.sighting(out, true, verdict, judged), p.Src, p.Dst}
	} else {
		h.from, h.took = in.peer, in.peer.config.Delay
		ok = ok && in.peer.plain
	}
	if judged && ok {
		wall, known := r.wall.(*firewall.Firewall)
		if ok = known; ok {
			flow := firewall.Packet{Proto: p.Proto, Src: wire.src, Dst: wire.dst, Direction: firewall.Outbound}
			if !in.inside {
				flow.Dst, flow.Direction = p.Dst, firewall.Inbound // translated already
			}
			h.wall, ok = wall.Pass(flow)
		}
	}
	if outcome == nat.Translated && ok {
		flow := nat.Packet{Proto: p.Proto, Src: wire.src, Dst: wire.dst}
		if in.inside {
			h.nat, ok = r.nat.OutboundPass(flow)
		} else {
			h.nat, ok = r.nat.InboundPass(flow)
		}
	}
	if !ok {
		p.noting = nil
		return
	}
	h.bare = h.wall == firewall.Pass{} && h.nat == nat.Pass{}
	w.hops, w.ends = append(w.hops, h), append(w.ends, ends{wire.src, wire.dst})
	w.last = out
}

// noted completes the path of a packet that has arrived at its end.
func (w *path) noted(p *Packet) {
	if w.version != w.net.version || !w.last.plain || len(w.hops) >= initialTTL {
		return
	}
	w.src, w.dst, w.took, w.sent = p.Src, p.Dst, w.last.config.Delay, -1
	if len(w.net.paths) >= leastPaths+pathsOfAHost*int(w.net.hosts) {
		w.net.leavePaths()
		return
	}
	w.net.paths = append(w.net.paths, w)
	w.of.path = w
}

// These bound the memory of paths. When there are as many, all are forgotten and noted anew, which must be rare: a user
// of the cloud proxy has half a dozen at a time.
const (
	leastPaths   = 4096
	pathsOfAHost = 16
)

// arrived ends the voyage of a packet, or its notes, at a host or at a router that is watched. It returns the path to
// here, if there is one.
func (p *Packet) arrived() *path {
	if w := p.noting; w != nil {
		p.noting = nil
		w.noted(p)
		if w.of.path == w {
			return w
		}
	}
	w := p.voyage.path
	p.voyage = voyage{}
	return w
}

// leavePaths sends every packet that is on a path back to the hop that it is at, and forgets all paths: the
// network is about to change. Only the loop calls it, and only between two turns.
func (n *Network) leavePaths() {
	n.version++
	if len(n.paths) == 0 {
		return
	}
	now := n.now()
	n.events.each(func(e *event) {
		if e.packet != nil && e.packet.voyage.path != nil {
			v := e.packet.voyage
			v.path.sent = min(v.path.sent, v.before) // the last that has arrived
		}
	})
	seen := map[*hop]time.Duration{}
	for _, w := range n.paths {
		at := w.sent
		for i := range w.hops {
			h := &w.hops[i]
			at += h.took
			if seen[h] = -1; w.sent >= 0 {
				seen[h] = at
			}
		}
	}
	back := false
	n.events.each(func(e *event) {
		if e.packet != nil && e.packet.voyage.path != nil {
			back = true
			e.goBack(n, now, seen)
		}
	})
	for _, w := range n.paths {
		for i := range w.hops {
			h := &w.hops[i]
			var at time.Time
			if seen[h] >= 0 {
				at = n.start.Add(seen[h])
			}
			h.wall.Settle(at)
			h.nat.Settle(at)
		}
	}
	n.paths = nil
	if back {
		n.events.order()
	}
}

// goBack makes the arrival of a packet at its receiver one at the first router that it hasn't reached. For each
// router that it has passed it puts down when.
func (e *event) goBack(n *Network, now time.Duration, seen map[*hop]time.Duration) {
	p, v := e.packet, e.packet.voyage
	w := v.path
	p.voyage, e.socket = voyage{}, nil
	at, passed := v.sent, true
	for i := range w.hops {
		h := &w.hops[i]
		at += h.took
		if h.took > 0 { // a link without delay is crossed at once
			passed = at < now || at == now && n.reached(e.flow, e.number)
		}
		if passed {
			seen[h] = max(seen[h], at)
			continue
		}
		for _, later := range w.hops[i+1:] { // the first of them all isn't among these
			later.from.count.Sent--
		}
		w.last.count.Sent--
		p.Src, p.Dst = w.ends[i].src, w.ends[i].dst
		p.TTL += uint8(len(w.hops) - i)
		e.at, e.nic = at, h.from.peer
		return
	}
}

// reached tells whether the event of this instant that such a packet stands for has happened.
func (n *Network) reached(flow, number uint64) bool {
	return n.done.at == n.now() && !n.done.before(&event{at: n.done.at, flow: flow, number: number})
}

// take sends a packet along the path, if there is one. Otherwise it must go hop by hop, and may note a path that
// begins at a router, or at a host's network card.
func (y *way) take(n *Network, now time.Duration, p *Packet, card *nic) bool {
	if y.path != nil && y.path.carry(now, p) {
		return true
	}
	if y.version != n.version {
		*y = way{version: n.version}
	}
	y.tries++
	if y.tries&(y.tries-1) == 0 && !n.slowly { // seldom, where it comes to nothing
		w := &path{net: n, of: y, version: n.version, last: card}
		w.hops = w.few[:0]
		p.noting = w
	}
	return false
}

// way is what the socket knows of the path to a destination.
func (s *udpSocket) way(to netip.AddrPort) *way {
	if s.lastTo == to {
		return s.lastWay
	}
	w := s.ways[to]
	if w == nil {
		if s.ways == nil || len(s.ways) >= mostWays {
			s.ways = map[netip.AddrPort]*way{}
		}
		w = &way{}
		s.ways[to] = w
	}
	s.lastTo, s.lastWay = to, w
	return w
}

// mostWays bounds the destinations that a socket remembers.
const mostWays = 1 << 14

// leave sends a packet from the socket, along a path if there is one. Only the loop calls it.
func (s *udpSocket) leave(now time.Duration, p *Packet) {
	h, again := s.host, s.lastTo == p.Dst
	if !again && (h.nic == nil || h.owns(p.Dst.Addr())) {
		h.send(now, p)
		return
	}
	h.net.books.Sent++
	if h.taps != nil {
		h.see(now, p, true)
	}
	if again && s.lastPath != nil && s.lastPath.carry(now, p) {
		return
	}
	y := s.way(p.Dst)
	if !y.take(h.net, now, p, h.nic) {
		h.nic.send(now, p)
	}
	s.lastPath = y.path
}
