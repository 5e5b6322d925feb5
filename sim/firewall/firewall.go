package firewall

import (
	"net/netip"
	"slices"
	"time"
)

// Judge decides which packets may pass. A Firewall is one; so is what adds to a firewall, or breaks it on purpose.
// It belongs to one goroutine, and now never runs backwards.
type Judge interface {
	Decide(now time.Time, p Packet) Verdict
}

// Firewall is a policy, the flows that it let through, and their clocks. It belongs to one goroutine.
type Firewall struct {
	policy   Policy
	index    index
	timeouts Timeouts
	flows    map[flowKey]*flow
	policies int // set so far
	sweepAt  int // number of flows at which the next one makes it look for idle ones
}

// sweepMin is the least number of flows for which a search for idle ones is worth the walk.
const sweepMin = 64

// New builds a firewall. It fails on a policy with mistakes and names every one.
func New(p Policy, t Timeouts) (*Firewall, error) {
	t, err := t.withDefaults()
	if err != nil {
		return nil, err
	}
	f := &Firewall{timeouts: t, flows: make(map[flowKey]*flow), sweepAt: sweepMin}
	if err := f.SetPolicy(p); err != nil {
		return nil, err
	}
	return f, nil
}

// SetPolicy replaces the policy from the next packet on. Flows that were answered go on as they are,
// as in Linux; [Firewall.Flush] cuts them. On a policy with mistakes it fails and changes nothing.
func (f *Firewall) SetPolicy(p Policy) error {
	if err := p.check(); err != nil {
		return err
	}
	f.policies++
	f.policy = p.clone()
	f.index = newIndex(f.policy.Rules)
	return nil
}

// Decide says what becomes of a packet and why, and remembers what it needs to recognise the next one
// of its flow.
func (f *Firewall) Decide(now time.Time, p Packet) Verdict {
	p.Src, p.Dst = plain(p.Src), plain(p.Dst)
	v, fl := f.consider(now, p)
	switch {
	case v.Action != Allow || v.Rule == RuleRelated: // leaves nothing behind
	case fl != nil:
		fl.note(now, p)
	default:
		f.open(now, p, v.Rule)
	}
	return v
}

// consider is the verdict on a packet and the flow that it belongs to, if there is one. It changes nothing.
func (f *Firewall) consider(now time.Time, p Packet) (Verdict, *flow) {
	if !p.Src.IsValid() || p.Src.Addr().BitLen() != p.Dst.Addr().BitLen() {
		return Verdict{Action: Drop, Rule: RuleInvalid}, nil
	}
	if p.About != nil {
		return f.relate(now, p)
	}
	fl := f.alive(now, keyOf(p))
	if fl != nil && fl.over() && p.Flags.opensTCP() {
		fl = nil // the ports are used again
	}
	switch {
	case p.Direction == Inbound && slices.Contains(f.policy.NoReplies, p.Proto):
		return Verdict{Action: Drop, Rule: RuleNoReplies}, nil
	case fl == nil && p.Direction == Inbound:
		return Verdict{Action: Drop, Rule: RuleUnsolicited}, nil
	case fl == nil && p.Proto == TCP && !p.Flags.opensTCP():
		return f.outOfState(p), nil
	case fl != nil && (p.Direction == Inbound || fl.answered):
		return Verdict{Action: Allow, Rule: RuleEstablished, Opened: fl.rule}, fl
	}
	v := f.judge(p) // it is the first, or nobody has answered yet
	if v.Action == Allow {
		v.Opened = v.Rule
		if fl != nil {
			v.Opened = fl.rule
		}
	}
	return v, fl
}

// open begins a flow with a packet that a rule let through.
func (f *Firewall) open(now time.Time, p Packet, rule string) {
	if len(f.flows) >= f.sweepAt {
		f.Expire(now)
		f.sweepAt = max(sweepMin, 2*len(f.flows))
	}
	key := keyOf(p)
	f.forget(key) // one that was idle too long, or has ended
	fl := &flow{rule: rule}
	fl.note(now, p)
	f.flows[key] = fl
}

// alive is the flow of a key, unless there is none or it was idle too long.
func (f *Firewall) alive(now time.Time, key flowKey) *flow {
	fl := f.flows[key]
	if fl != nil && fl.expired(now, key.proto, &f.timeouts) {
		return nil
	}
	return fl
}

// forget takes a flow out of the table, if it is there.
func (f *Firewall) forget(key flowKey) {
	if fl := f.flows[key]; fl != nil {
		fl.gone = true
		delete(f.flows, key)
	}
}

// relate judges an ICMP error by the packet that it is about, which its receiver must have sent.
func (f *Firewall) relate(now time.Time, p Packet) (Verdict, *flow) {
	if p.Dst.Addr() == plain(p.About.Src).Addr() {
		if fl := f.alive(now, keyOfQuoted(p)); fl != nil {
			return Verdict{Action: Allow, Rule: RuleRelated, Opened: fl.rule}, fl
		}
	}
	if p.Direction == Inbound {
		return Verdict{Action: Drop, Rule: RuleUnsolicited}, nil
	}
	return Verdict{Action: Drop, Rule: RuleInvalid}, nil
}

// judge asks the policy alone.
func (f *Firewall) judge(p Packet) Verdict {
	if r := f.index.match(p); r != nil {
		return Verdict{Action: r.Action, Rule: r.ID}
	}
	return Verdict{Action: f.policy.Default, Rule: RuleDefault}
}

// outOfState is the verdict on a TCP segment from inside that no flow knows. Nobody answers a RST with
// a RST (RFC 9293, section 3.10.7.1), so that one is always dropped.
func (f *Firewall) outOfState(p Packet) Verdict {
	if p.Flags&RST != 0 {
		return Verdict{Action: Drop, Rule: RuleInvalid}
	}
	return Verdict{Action: f.policy.Invalid, Rule: RuleInvalid}
}

// Expire forgets the flows that have been idle too long. Decide never believes such a flow; this is
// for counting, and for memory.
func (f *Firewall) Expire(now time.Time) {
	for key, fl := range f.flows {
		if fl.expired(now, key.proto, &f.timeouts) {
			f.forget(key)
		}
	}
}

// Flows is the number of flows in memory. Call [Firewall.Expire] first to leave out idle ones.
func (f *Firewall) Flows() int { return len(f.flows) }

// Flush forgets all flows, as a firewall does that starts again.
func (f *Firewall) Flush() {
	for key := range f.flows {
		f.forget(key)
	}
}

// plain writes an address as the rules do: IPv4 as IPv4, and without a zone.
func plain(a netip.AddrPort) netip.AddrPort {
	addr := a.Addr()
	if addr.Is4() {
		return a
	}
	return netip.AddrPortFrom(addr.Unmap().WithZone(""), a.Port())
}
