package firewall

import (
	"net/netip"
	"slices"
	"sort"
)

// index finds the first rule that matches a packet without trying them all. The rules stand under their protocol
// and each pair of their destinations and sources; under such a key only the port is left to look at, and each
// port has one first rule. A lookup visits one key for every pair of prefix lengths that the policy uses, so ten
// thousand rules cost about as much as ten, whether they differ in hosts, sources or ports.
type index struct {
	rules  []Rule
	shapes []shape
	rows   map[bucket]row
}

// bucket is a protocol (zero: rules for any), a destination and a source (the zero prefix: rules for any).
type bucket struct {
	proto     Proto
	dest, src netip.Prefix
}

// shape is a pair of prefix lengths; the zero prefix has the length -1.
type shape struct{ dest, src int }

const anyLength = -1

// row tells the first rule for each port: from each place in first on, until the next, it is rules' number.
type row struct {
	first []uint16
	rule  []int32 // or none
}

const none int32 = -1

func newIndex(rules []Rule) index {
	x := index{rules: rules, rows: make(map[bucket]row)}
	under := make(map[bucket][]int32) // numbers of rules, ascending
	for i, r := range rules {
		for _, dest := range orAny(r.Destinations) {
			for _, src := range orAny(r.Sources) {
				b := bucket{r.Proto, dest, src}
				under[b] = append(under[b], int32(i))
				if s := (shape{dest.Bits(), src.Bits()}); !slices.Contains(x.shapes, s) {
					x.shapes = append(x.shapes, s)
				}
			}
		}
	}
	for b, numbers := range under {
		x.rows[b] = newRow(rules, numbers)
	}
	return x
}

func orAny(prefixes []netip.Prefix) []netip.Prefix {
	if len(prefixes) == 0 {
		return []netip.Prefix{{}}
	}
	return prefixes
}

// newRow paints the ports with rules, the first rule first, each on what is bare yet.
func newRow(rules []Rule, numbers []int32) row {
	starts := []uint16{0}
	for _, n := range numbers {
		for _, r := range rules[n].Ports {
			starts = append(starts, r.First)
			if r.Last < 65535 {
				starts = append(starts, r.Last+1)
			}
		}
	}
	slices.Sort(starts)
	starts = slices.Compact(starts)
	w := row{first: starts, rule: slices.Repeat([]int32{none}, len(starts))}
	// next[i] is the first bare piece at or after i, as far as is known.
	next := make([]int, len(starts)+1)
	for i := range next {
		next[i] = i
	}
	bare := func(i int) int {
		for next[i] != i {
			next[i] = next[next[i]]
			i = next[i]
		}
		return i
	}
	for _, n := range numbers {
		ports := rules[n].Ports
		if len(ports) == 0 {
			ports = []PortRange{{0, 65535}}
		}
		for _, r := range ports {
			for i := bare(w.piece(r.First)); i < len(starts) && starts[i] <= r.Last; i = bare(i) {
				w.rule[i] = n
				next[i] = i + 1
			}
		}
	}
	return w
}

// piece is the place of the last piece that begins at or before a port.
func (w *row) piece(port uint16) int {
	return sort.Search(len(w.first), func(i int) bool { return w.first[i] > port }) - 1
}

// match is the first rule that matches a packet, or nil.
func (x *index) match(p Packet) *Rule {
	best := int32(len(x.rules))
	for _, s := range x.shapes {
		dest, ok := cut(p.Dst.Addr(), s.dest)
		if !ok {
			continue
		}
		src, ok := cut(p.Src.Addr(), s.src)
		if !ok {
			continue
		}
		for _, proto := range [...]Proto{p.Proto, 0} {
			if w, ok := x.rows[bucket{proto, dest, src}]; ok {
				if n := w.rule[w.piece(p.Dst.Port())]; n != none && n < best {
					best = n
				}
			}
			if p.Proto == 0 {
				break
			}
		}
	}
	if int(best) == len(x.rules) {
		return nil
	}
	return &x.rules[best]
}

// cut is the prefix of an address; false if the address has fewer bits.
func cut(a netip.Addr, length int) (netip.Prefix, bool) {
	if length == anyLength {
		return netip.Prefix{}, true
	}
	p, err := a.Prefix(length)
	return p, err == nil
}
