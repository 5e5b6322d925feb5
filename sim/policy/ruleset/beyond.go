package ruleset

import (
	"fmt"
	"slices"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// beyond finds what is open for certain and that no row needs.
func (c *checker) beyond(compiled firewall.Policy) ([]Opening, error) {
	out := []Opening{}
	for _, six := range []bool{false, true} {
		if !c.rs.covers[family(six)] {
			continue
		}
		for _, proto := range c.protocols(six) {
			fate, err := c.fate(fateKey{six, proto.number, opening(proto.number)})
			if err != nil {
				return nil, err
			}
			var needed []box
			for _, r := range compiled.Rules {
				if uint8(r.Proto) == proto.number {
					needed = append(needed, c.boxes(r, six)...)
				}
			}
			out = append(out, excess(proto.name, six, fate, needed)...)
		}
	}
	return out, nil
}

// mostParts is how many parts of what a rule opens are listed one by one. Of a rule for every destination, the rows
// would cut out so many that nobody could read what is left.
const mostParts = 3

// excess is what is accepted and not needed, rule by rule.
func excess(proto string, six bool, fate []outcome, needed []box) (out []Opening) {
	var rules []string
	by := make(map[string][]outcome)
	for _, o := range fate {
		if o.verdict != canAccept {
			continue
		}
		if by[o.by] == nil {
			rules = append(rules, o.by)
		}
		by[o.by] = append(by[o.by], o)
	}
	for _, rule := range rules {
		var all, left gatherer
		for _, o := range by[rule] {
			all.add(proto, six, o.box, nil, o, false)
			_, rest := divide(piece{box: o.box}, needed)
			for _, r := range rest {
				left.add(proto, six, r.box, nil, o, false)
			}
		}
		parts := left.openings()
		if whole := all.lumps(); len(parts) > mostParts && len(whole) < len(parts) {
			for _, w := range whole {
				w.PartNeeded = slices.ContainsFunc(w.boxes, func(b box) bool {
					return slices.ContainsFunc(needed, func(n box) bool { return b.meets(&n) })
				})
				out = append(out, w.Opening)
			}
			continue
		}
		out = append(out, parts...)
	}
	return out
}

type protocol struct {
	name   string
	number uint8
}

// protocols are those that are tried: TCP, UDP, ICMP, those that rules name, and one that stands for all others.
func (c *checker) protocols(six bool) []protocol {
	out := []protocol{{"TCP", uint8(firewall.TCP)}, {"UDP", uint8(firewall.UDP)}}
	icmp := protocol{"ICMP", uint8(firewall.ICMP)}
	if six {
		icmp = protocol{"ICMPv6", 58}
	}
	out = append(out, icmp)
	other := uint8(253) // for experiments (RFC 3692)
	for n := range 256 {
		if !c.rs.protos[uint8(n)] {
			continue
		}
		if uint8(n) == other {
			other++
		}
		if !slices.ContainsFunc(out, func(p protocol) bool { return p.number == uint8(n) }) && n != 1 && n != 58 {
			out = append(out, protocol{fmt.Sprintf("protocol %d", n), uint8(n)})
		}
	}
	return append(out, protocol{"every other protocol", other})
}
