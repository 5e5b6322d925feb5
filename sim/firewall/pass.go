package firewall

import "time"

// Pass is the way of one UDP flow's packets in one direction through the firewall, for a caller that moves
// many of them. As long as Open says so, Decide would let a packet through by the same verdict and do no more
// than remember when; Take does that. The zero value is that of a firewall that isn't there.
//
// The time of Take may lie ahead of that of Decide: the caller has then worked out when a packet will pass.
// Settle takes such a look ahead back.
type Pass struct {
	wall     *Firewall
	flow     *flow
	in       Direction
	answered bool
	policies int
}

// Pass is the pass of a packet that was just let through, if its flow can have one.
func (f *Firewall) Pass(p Packet) (Pass, bool) {
	p.Src, p.Dst = plain(p.Src), plain(p.Dst)
	fl := f.flows[keyOf(p)]
	if fl == nil || p.Proto != UDP || p.About != nil {
		return Pass{}, false
	}
	return Pass{f, fl, p.Direction, fl.answered, f.policies}, true
}

// Open tells whether a packet at this time may take the pass.
func (p *Pass) Open(at time.Time) bool {
	return p.flow == nil || !p.flow.gone && p.flow.answered == p.answered && p.wall.policies == p.policies &&
		!p.flow.expired(at, UDP, &p.wall.timeouts)
}

// Take lets a packet through.
func (p *Pass) Take(at time.Time) {
	if p.flow != nil && at.After(p.flow.ahead) {
		p.flow.ahead = at
	}
}

// Settle ends the look ahead: of all passes of the flow that were taken only those up to this time count.
func (p *Pass) Settle(at time.Time) {
	if p.flow == nil {
		return
	}
	if at.After(p.flow.lastSeen) {
		p.flow.lastSeen = at
	}
	p.flow.ahead = time.Time{}
}
