package firewall

import (
	"net/netip"
	"slices"
)

// index finds the first rule that matches a packet without trying them all: the rules stand under
// their protocol and each of their destinations, in the policy's order. A lookup visits one short
// list for every length of prefix that the policy uses, so ten thousand rules for different hosts
// cost as much as one.
type index struct {
	rules   []Rule
	lengths []int              // of the prefixes in use, anyDestination among them
	rows    map[bucket][]int32 // numbers of rules, ascending
}

// bucket is a protocol (zero: rules for any) and a destination (the zero prefix: rules for any).
type bucket struct {
	proto Proto
	dest  netip.Prefix
}

// anyDestination is the length under which rules without destinations stand.
const anyDestination = -1

func newIndex(rules []Rule) index {
	x := index{rules: rules, rows: make(map[bucket][]int32)}
	for i, r := range rules {
		dests := r.Destinations
		if len(dests) == 0 {
			dests = []netip.Prefix{{}}
		}
		for _, dest := range dests {
			b := bucket{r.Proto, dest}
			x.rows[b] = append(x.rows[b], int32(i))
			if n := dest.Bits(); !slices.Contains(x.lengths, n) { // the zero prefix has -1 bits: anyDestination
				x.lengths = append(x.lengths, n)
			}
		}
	}
	return x
}

// match is the first rule that matches a packet, or nil.
func (x *index) match(p Packet) *Rule {
	best := int32(len(x.rules))
	for _, n := range x.lengths {
		var dest netip.Prefix
		if n != anyDestination {
			var err error
			if dest, err = p.Dst.Addr().Prefix(n); err != nil {
				continue // longer than an address of this family
			}
		}
		best = x.first(bucket{p.Proto, dest}, p, best)
		best = x.first(bucket{0, dest}, p, best)
	}
	if int(best) == len(x.rules) {
		return nil
	}
	return &x.rules[best]
}

// first is the number of the first rule of a bucket that matches, if it comes before best, else best.
func (x *index) first(b bucket, p Packet, best int32) int32 {
	for _, i := range x.rows[b] {
		if i >= best {
			break
		}
		if x.rules[i].matches(p) {
			return i
		}
	}
	return best
}
