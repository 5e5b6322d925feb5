// Package region computes with sets of ports and with sets of addresses and ports: what a list opens, what
// another one closes, and what is left.
//
// Ports is a set of ports; Reach is what is open at which address. Both are canonical, sorted and merged as far
// as they go, so that equal sets are equal values and print alike. The package owns the arithmetic and knows
// nothing of rows, rules or protocols: one Reach is about one protocol. Nothing here changes an argument.
package region

import (
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// Ports is a set of ports: ranges in ascending order that neither overlap nor touch.
type Ports []firewall.PortRange

// AllPorts is every port that a service can have: 0 is reserved (RFC 6335, section 6).
func AllPorts() Ports { return Ports{{First: 1, Last: 65535}} }

// NewPorts is the set that ranges in any order make together. Reversed ranges are empty.
func NewPorts(ranges ...firewall.PortRange) Ports {
	sorted := slices.DeleteFunc(slices.Clone(ranges), func(r firewall.PortRange) bool { return r.First > r.Last })
	slices.SortFunc(sorted, func(a, b firewall.PortRange) int { return int(a.First) - int(b.First) })
	var out Ports
	for _, r := range sorted {
		if n := len(out); n > 0 && int(r.First) <= int(out[n-1].Last)+1 {
			out[n-1].Last = max(out[n-1].Last, r.Last)
			continue
		}
		out = append(out, r)
	}
	return out
}

// Union is the ports of either set.
func (p Ports) Union(q Ports) Ports {
	switch {
	case len(p) == 0:
		return q
	case len(q) == 0:
		return p
	}
	return NewPorts(append(slices.Clone(p), q...)...)
}

// Minus is the ports of p that aren't in q.
func (p Ports) Minus(q Ports) Ports {
	var out Ports
	j := 0
	for _, r := range p {
		first := int(r.First)
		for j < len(q) && q[j].Last < r.First {
			j++
		}
		for k := j; k < len(q) && q[k].First <= r.Last; k++ {
			if first < int(q[k].First) {
				out = append(out, firewall.PortRange{First: uint16(first), Last: q[k].First - 1})
			}
			first = int(q[k].Last) + 1
		}
		if first <= int(r.Last) {
			out = append(out, firewall.PortRange{First: uint16(first), Last: r.Last})
		}
	}
	return out
}

// Intersect is the ports that are in both sets.
func (p Ports) Intersect(q Ports) Ports {
	var out Ports
	for i, j := 0, 0; i < len(p) && j < len(q); {
		first, last := max(p[i].First, q[j].First), min(p[i].Last, q[j].Last)
		if first <= last {
			out = append(out, firewall.PortRange{First: first, Last: last})
		}
		if p[i].Last < q[j].Last {
			i++
		} else {
			j++
		}
	}
	return out
}

// Count is how many ports there are.
func (p Ports) Count() int {
	n := 0
	for _, r := range p {
		n += int(r.Last) - int(r.First) + 1
	}
	return n
}

// String is the set as people write it: "443, 4000, 3433-3460" in ascending order, or "any".
func (p Ports) String() string {
	if len(p) == 1 && p[0].First <= 1 && p[0].Last == 65535 {
		return "any"
	}
	var b strings.Builder
	for i, r := range p {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(r.String())
	}
	return b.String()
}
