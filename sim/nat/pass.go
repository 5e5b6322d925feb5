package nat

import (
	"time"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// Pass is the way of one UDP flow's packets in one direction through the NAT, for a caller that moves many of
// them. As long as Open says so, Outbound or Inbound would translate a packet as it did the last one, and do no
// more than remember when; Take does that. The zero value is that of a NAT that isn't there.
//
// The time of Take may lie ahead of that of the others: the caller has then worked out when a packet will pass.
// Settle takes such a look ahead back.
type Pass struct {
	nat       *NAT
	mapping   *mapping
	refreshes bool
}

// OutboundPass is the pass of a packet that Outbound has just translated, as it was before.
func (n *NAT) OutboundPass(p Packet) (Pass, bool) {
	m := n.inside[n.key(p.Proto, p.Src, p.Dst)]
	return n.pass(p, m, true)
}

// InboundPass is the pass of a packet that Inbound has just translated, as it was before.
func (n *NAT) InboundPass(p Packet) (Pass, bool) {
	m := n.outside[outsideKey{p.Proto, p.Dst}]
	return n.pass(p, m, n.cfg.InboundRefresh)
}

func (n *NAT) pass(p Packet, m *mapping, refreshes bool) (Pass, bool) {
	if m == nil || p.Proto != firewall.UDP || p.About != nil {
		return Pass{}, false
	}
	return Pass{n, m, refreshes}, true
}

// Open tells whether a packet at this time may take the pass.
func (p *Pass) Open(at time.Time) bool {
	return p.mapping == nil || !p.mapping.gone && !p.mapping.expired(at)
}

// Take translates a packet.
func (p *Pass) Take(at time.Time) {
	if !p.refreshes {
		return
	}
	if end := at.Add(p.nat.cfg.Timeouts.UDP); end.After(p.mapping.ahead) {
		p.mapping.ahead = end
	}
}

// Settle ends the look ahead: of all passes of the mapping that were taken only those up to this time count.
func (p *Pass) Settle(at time.Time) {
	if p.mapping == nil {
		return
	}
	if end := at.Add(p.nat.cfg.Timeouts.UDP); p.refreshes && !at.IsZero() && end.After(p.mapping.expires) {
		p.mapping.expires = end
	}
	p.mapping.ahead = time.Time{}
}
