package sim

import (
	"net/netip"
	"time"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/nat"
)

// arrive translates, judges and forwards. What happens in a router wakes nobody. The firewall sees inside
// addresses, whichever way a packet goes; who watches the router sees what is on the wire.
func (r *Router) arrive(now time.Duration, p *Packet, in *nic) bool {
	if r.taps != nil {
		if w := p.arrived(); w != nil && w.onward.take(r.net, now, p, nil) {
			return false
		}
	}
	if !r.forward(now, p, in) {
		r.net.books.Dropped++
		p.free()
	}
	return false
}

// forward reports whether the packet goes on, or was for the router itself.
func (r *Router) forward(now time.Duration, p *Packet, in *nic) bool {
	wire, outcome := p.header(), nat.NotOurs
	if r.nat != nil && !in.inside {
		if outcome = r.translate(now, p, r.nat.Inbound); outcome.Ends() {
			r.see(now, p, in, false, dropped(outcome), true)
			return false
		}
	}
	verdict, judged := r.judge(now, p, in)
	if r.taps != nil {
		inner := p.header()
		p.readdress(wire)
		r.see(now, p, in, false, verdict, judged)
		p.readdress(inner)
	}
	if judged && verdict.Action != firewall.Allow {
		if verdict.Action == firewall.Reject {
			r.reject(now, p, in)
		}
		return false
	}
	if r.owns(p.Dst.Addr()) {
		r.receive(now, p, in)
		return true
	}
	turns := r.nat != nil && in.inside && r.nat.Owns(p.Dst.Addr()) // whatever the routes say of the NAT's own address
	out := r.route(p.Dst.Addr())
	if out == nil && !turns {
		r.answer(now, p.complaint(r.source(p), noRoute), in)
		return false
	}
	if p.TTL <= 1 {
		r.answer(now, p.complaint(r.source(p), timeExceeded), in)
		return false
	}
	p.TTL--
	if turns || r.nat != nil && in.inside && !out.inside {
		if outcome = r.translate(now, p, r.nat.Outbound); outcome.Ends() {
			r.see(now, p, in, true, dropped(outcome), true)
			return false
		}
		if outcome == nat.Hairpinned {
			if out = r.route(p.Dst.Addr()); out == nil {
				return false
			}
		}
	}
	r.see(now, p, out, true, verdict, judged)
	if p.noting != nil {
		r.note(p, in, out, wire, outcome, verdict, judged)
	}
	out.send(now, p)
	return true
}

// receive answers a packet for the router itself: nobody listens there, but an echo has its reply.
func (r *Router) receive(now time.Duration, p *Packet, in *nic) {
	r.net.books.Arrived++
	switch {
	case p.damaged:
	case p.ICMP != nil:
		r.say(now, p.echo(), in)
	case p.Proto == firewall.TCP:
		r.say(now, p.refusal(), in)
	default:
		r.say(now, p.complaint(p.Dst.Addr(), portUnreachable), in)
	}
	p.free()
}

// header is what a NAT changes in a packet.
type header struct {
	src, dst netip.AddrPort
	icmp     *ICMP
}

func (p *Packet) header() header     { return header{p.Src, p.Dst, p.ICMP} }
func (p *Packet) readdress(h header) { p.Src, p.Dst, p.ICMP = h.src, h.dst, h.icmp }

// dropped is a NAT's verdict on a packet that goes no further.
func dropped(o nat.Outcome) firewall.Verdict {
	return firewall.Verdict{Action: firewall.Drop, Rule: "nat: " + o.String()}
}

// translate asks the NAT, and changes in the packet what it changed.
func (r *Router) translate(now time.Duration, p *Packet, ask func(time.Time, nat.Packet) (nat.Packet, nat.Outcome)) nat.Outcome {
	flow := nat.Packet{Proto: p.Proto, Src: p.Src, Dst: p.Dst, Flags: firewall.TCPFlags(p.TCP.Flags), About: p.quote()}
	flow, outcome := ask(r.net.start.Add(now), flow)
	if outcome < nat.Translated {
		return outcome
	}
	p.Src, p.Dst = flow.Src, flow.Dst
	if flow.About != nil {
		p.ICMP = p.ICMP.readdressed(flow.About)
	}
	return outcome
}

// judge asks the firewall about packets that cross it.
func (r *Router) judge(now time.Duration, p *Packet, in *nic) (firewall.Verdict, bool) {
	if r.wall == nil {
		return firewall.Verdict{}, false
	}
	direction := firewall.Inbound
	if in.inside {
		if r.owns(p.Dst.Addr()) {
			return firewall.Verdict{}, false
		}
		if out := r.route(p.Dst.Addr()); out != nil && out.inside {
			return firewall.Verdict{}, false // between two hosts of the inside
		}
		direction = firewall.Outbound
	}
	return r.wall.Decide(r.net.start.Add(now), firewall.Packet{
		Proto: p.Proto, Src: p.Src, Dst: p.Dst, Direction: direction, Flags: firewall.TCPFlags(p.TCP.Flags), About: p.quote(),
	}), true
}

// reject answers a packet as iptables' REJECT does: RST for TCP, ICMP for the rest.
func (r *Router) reject(now time.Duration, p *Packet, in *nic) {
	if p.Proto == firewall.TCP {
		r.answer(now, p.refusal(), in)
		return
	}
	r.answer(now, p.complaint(r.source(p), adminProhibited), in)
}

// answer sends a packet of the router's own back, if there is one, about one that it doesn't pass on. To the outside of a
// NAT it speaks of outside addresses.
func (r *Router) answer(now time.Duration, p *Packet, to *nic) {
	if p != nil && r.nat != nil && !to.inside {
		r.translate(now, p, r.nat.Outbound)
	}
	r.say(now, p, to)
}

// say sends a packet of the router's own, if there is one.
func (r *Router) say(now time.Duration, p *Packet, to *nic) {
	if p == nil {
		return
	}
	r.sent++
	r.net.books.Sent++
	p.flow, p.number = r.number, r.sent
	r.see(now, p, to, true, firewall.Verdict{}, false)
	to.send(now, p)
}

// source is the address from which the router answers a packet.
func (r *Router) source(p *Packet) netip.Addr {
	for _, a := range r.addrs {
		if a.Is4() == p.Src.Addr().Is4() {
			return a
		}
	}
	return p.Dst.Addr()
}

func (r *Router) see(now time.Duration, p *Packet, at *nic, out bool, v firewall.Verdict, judged bool) {
	if r.taps != nil {
		s := r.sighting(at, out, v, judged)
		s.At, s.Packet = now, p
		r.taps.see(s)
	}
}

// sighting is what is seen of a packet, but for when and which.
func (r *Router) sighting(at *nic, out bool, v firewall.Verdict, judged bool) Sighting {
	return Sighting{Node: r.name, Router: true, Inside: at.inside, Out: out, Verdict: v, Judged: judged}
}
