package sim

import (
	"net/netip"
	"time"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/nat"
)

// Router forwards packets by destination. With a firewall it judges each packet first.
type Router struct {
	net  *Network
	name string

	addr   netip.Addr // of the router itself: the source of what it answers
	routes map[netip.Addr]*nic
	ways   []route
	nics   []*nic

	wall   firewall.Judge
	nat    *nat.NAT
	inside map[*nic]bool // of the firewall and of the NAT
	tap    func(Sighting)
}

type route struct {
	prefix netip.Prefix
	via    *nic
}

// Sighting is a packet that a router or host saw.
type Sighting struct {
	At     time.Duration // since the network began
	Node   string        // who saw it
	Inside bool          // at a firewall: on the inner side
	Out    bool          // it left the node; otherwise it arrived
	Packet *Packet
	// Verdict is the firewall's. At a node without one, it is the zero value and Judged is false.
	Verdict firewall.Verdict
	Judged  bool
}

// Route sends packets for a prefix to the node at the other end of a link. The longest prefix wins.
func (r *Router) Route(p netip.Prefix, via *Link) {
	end := via.a
	if end.node != node(r) {
		end = via.b
	}
	r.ways = append(r.ways, route{p, end})
}

// SetAddr gives the router an address of its own, from which it answers what it rejects.
func (r *Router) SetAddr(a netip.Addr) { r.addr = a }

// Guard puts a firewall into the router. Links named here are the inside; a packet from one of them
// to another link is outbound.
func (r *Router) Guard(wall firewall.Judge, inside ...*Link) {
	r.wall = wall
	r.within(inside)
}

// Translate puts a NAT into the router, with the same inside as the firewall's if there is one. The
// routers beyond it need a Route to the NAT's outside addresses.
func (r *Router) Translate(n *nat.NAT, inside ...*Link) {
	r.nat = n
	r.within(inside)
}

func (r *Router) within(links []*Link) {
	if r.inside == nil {
		r.inside = map[*nic]bool{}
	}
	for _, l := range links {
		r.inside[l.a], r.inside[l.b] = true, true
	}
}

// Tap has f called for every packet that arrives at the router and for every one that leaves it, on
// the loop's goroutine: f must not wait for the network.
func (r *Router) Tap(f func(Sighting)) { r.tap = f }

func (r *Router) label() string            { return r.name }
func (r *Router) prefixes() []netip.Prefix { return nil }

func (r *Router) attached(c *nic, beyond []netip.Prefix) {
	r.nics = append(r.nics, c)
	for _, p := range beyond {
		if p.IsSingleIP() {
			r.routes[p.Addr()] = c
		} else {
			r.ways = append(r.ways, route{p, c})
		}
	}
}

// arrive translates, judges and forwards. What happens in a router wakes nobody. The firewall sees inside
// addresses, whichever way a packet goes.
func (r *Router) arrive(now time.Duration, p *Packet, in *nic) bool {
	if r.nat != nil && !r.inside[in] {
		var outcome nat.Outcome
		if p, outcome = translate(p, r.net.start.Add(now), r.nat.Inbound); outcome < nat.NotOurs {
			r.see(now, p, in, false, dropped(outcome), true)
			return false
		}
	}
	verdict, judged := r.judge(now, p, in)
	r.see(now, p, in, false, verdict, judged)
	if judged && verdict.Action != firewall.Allow {
		if verdict.Action == firewall.Reject {
			r.reject(now, p, in)
		}
		return false
	}
	if r.nat != nil && r.inside[in] && !r.stays(p.Dst.Addr()) {
		var outcome nat.Outcome
		if p, outcome = translate(p, r.net.start.Add(now), r.nat.Outbound); outcome < nat.NotOurs {
			r.see(now, p, in, true, dropped(outcome), true)
			return false
		}
	}
	out := r.route(p.Dst.Addr())
	if out == nil {
		if answer := p.complaint(r.source(p), hostUnreachable); answer != nil {
			in.send(now, answer)
		}
		return false
	}
	if p.TTL <= 1 {
		if answer := p.complaint(r.source(p), timeExceeded); answer != nil {
			in.send(now, answer)
		}
		return false
	}
	forwarded := *p
	forwarded.TTL--
	r.see(now, &forwarded, out, true, verdict, judged)
	out.send(now, &forwarded)
	return false
}

// stays tells whether a destination is inside, where nothing is translated.
func (r *Router) stays(dst netip.Addr) bool {
	out := r.route(dst)
	return out != nil && r.inside[out]
}

// dropped is a NAT's verdict on a packet that goes no further.
func dropped(o nat.Outcome) firewall.Verdict {
	return firewall.Verdict{Action: firewall.Drop, Rule: "nat: " + o.String()}
}

// translate asks a NAT, and makes a new packet of what it changed.
func translate(p *Packet, now time.Time, ask func(time.Time, nat.Packet) (nat.Packet, nat.Outcome)) (*Packet, nat.Outcome) {
	flow := nat.Packet{Proto: p.Proto, Src: p.Src, Dst: p.Dst, Flags: firewall.TCPFlags(p.TCP.Flags), About: p.quote()}
	flow, outcome := ask(now, flow)
	if outcome < nat.Translated {
		return p, outcome
	}
	q := *p
	q.Src, q.Dst = flow.Src, flow.Dst
	if flow.About != nil {
		q.ICMP = p.ICMP.readdressed(flow.About)
	}
	return &q, outcome
}

// judge asks the firewall about packets that cross it.
func (r *Router) judge(now time.Duration, p *Packet, in *nic) (firewall.Verdict, bool) {
	if r.wall == nil {
		return firewall.Verdict{}, false
	}
	direction := firewall.Inbound
	if r.inside[in] {
		if out := r.route(p.Dst.Addr()); out != nil && r.inside[out] {
			return firewall.Verdict{}, false // between two hosts of the inside
		}
		direction = firewall.Outbound
	}
	flow := firewall.Packet{
		Proto: p.Proto, Src: p.Src, Dst: p.Dst, Direction: direction, Flags: firewall.TCPFlags(p.TCP.Flags), About: p.quote(),
	}
	return r.wall.Decide(r.net.start.Add(now), flow), true
}

// reject answers a packet as iptables' REJECT does: RST for TCP, ICMP for the rest.
func (r *Router) reject(now time.Duration, p *Packet, in *nic) {
	answer := p.refusal()
	if p.Proto != firewall.TCP {
		answer = p.complaint(r.source(p), adminProhibited)
	}
	if answer != nil {
		r.see(now, answer, in, true, firewall.Verdict{}, false)
		in.send(now, answer)
	}
}

// source is the address from which the router speaks.
func (r *Router) source(p *Packet) netip.Addr {
	if r.addr.IsValid() {
		return r.addr
	}
	return p.Dst.Addr()
}

func (r *Router) route(dst netip.Addr) *nic {
	if c := r.routes[dst]; c != nil {
		return c
	}
	var best *nic
	bits := -1
	for _, route := range r.ways {
		if route.prefix.Bits() > bits && route.prefix.Contains(dst) {
			best, bits = route.via, route.prefix.Bits()
		}
	}
	return best
}

func (r *Router) see(now time.Duration, p *Packet, at *nic, out bool, v firewall.Verdict, judged bool) {
	if r.tap != nil {
		r.tap(Sighting{At: now, Node: r.name, Inside: r.inside[at], Out: out, Packet: p, Verdict: v, Judged: judged})
	}
}
