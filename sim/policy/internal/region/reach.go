package region

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
)

// Stripe is a block of addresses, both ends included and of one family, that have the same open ports.
type Stripe struct {
	First, Last netip.Addr
	Ports       Ports
}

func (s Stripe) String() string { return fmt.Sprint(Addresses(s.First, s.Last), " ", s.Ports) }

// Reach is what is open where: stripes in ascending order, IPv4 first, that don't overlap, each with a port at
// least, and different from its neighbour if they touch.
type Reach []Stripe

// NewReach is what stripes that may overlap, in any order, open together.
func NewReach(stripes []Stripe) Reach {
	sorted := slices.DeleteFunc(slices.Clone(stripes), func(s Stripe) bool { return len(s.Ports) == 0 || s.Last.Less(s.First) })
	slices.SortFunc(sorted, func(a, b Stripe) int {
		return cmp.Or(a.First.Compare(b.First), a.Last.Compare(b.Last))
	})
	var b builder
	var active []Stripe // all of them cover at
	var at netip.Addr
	for len(sorted) > 0 || len(active) > 0 {
		if len(active) == 0 {
			at = sorted[0].First
		}
		for len(sorted) > 0 && sorted[0].First == at {
			active, sorted = append(active, sorted[0]), sorted[1:]
		}
		last, ports := active[0].Last, Ports(nil)
		for _, s := range active {
			if s.Last.Less(last) {
				last = s.Last
			}
			ports = ports.Union(s.Ports)
		}
		if len(sorted) > 0 && sorted[0].First.Compare(last) <= 0 {
			last = sorted[0].First.Prev()
		}
		b.add(at, last, ports)
		at = last.Next()
		active = slices.DeleteFunc(active, func(s Stripe) bool { return s.Last == last })
	}
	return b.out
}

// builder appends stripes in ascending order and merges those that touch and are alike.
type builder struct{ out Reach }

func (b *builder) add(first, last netip.Addr, ports Ports) {
	if len(ports) == 0 {
		return
	}
	if n := len(b.out); n > 0 && b.out[n-1].Last.Next() == first && slices.Equal(b.out[n-1].Ports, ports) {
		b.out[n-1].Last = last
		return
	}
	b.out = append(b.out, Stripe{first, last, ports})
}

// overlay walks two reaches together and keeps of each address what f makes of its ports.
func overlay(r, s Reach, f func(p, q Ports) Ports) Reach {
	var b builder
	var at netip.Addr // everything below is done
	for len(r) > 0 || len(s) > 0 {
		at = later(at, firstOf(r, s))
		var p, q Ports
		last := netip.Addr{}
		for _, x := range []struct {
			reach Reach
			ports *Ports
		}{{r, &p}, {s, &q}} {
			if len(x.reach) == 0 {
				continue
			}
			end := x.reach[0].First.Prev()
			if x.reach[0].First.Compare(at) <= 0 {
				*x.ports, end = x.reach[0].Ports, x.reach[0].Last
			}
			// A stripe that begins with its family has nothing before it, and then isn't ahead of at in this one.
			if end.IsValid() && end.BitLen() == at.BitLen() && (!last.IsValid() || end.Less(last)) {
				last = end
			}
		}
		b.add(at, last, f(p, q))
		r, s = passed(r, last), passed(s, last)
		at = last.Next() // invalid after the family's last address: then the other family's stripe is next
	}
	return b.out
}

func firstOf(r, s Reach) netip.Addr {
	if len(r) == 0 || len(s) > 0 && s[0].First.Less(r[0].First) {
		return s[0].First
	}
	return r[0].First
}

func later(a, b netip.Addr) netip.Addr {
	if a.Less(b) {
		return b
	}
	return a
}

// passed leaves out the first stripe if it ends here.
func passed(r Reach, last netip.Addr) Reach {
	if len(r) > 0 && r[0].Last == last {
		return r[1:]
	}
	return r
}

// Union is what either opens.
func (r Reach) Union(s Reach) Reach { return overlay(r, s, Ports.Union) }

// Minus is what r opens and s doesn't.
func (r Reach) Minus(s Reach) Reach { return overlay(r, s, Ports.Minus) }

// Intersect is what both open.
func (r Reach) Intersect(s Reach) Reach { return overlay(r, s, Ports.Intersect) }

// Count is how many pairs of address and port are open; math.MaxUint64 stands for that many and more.
func (r Reach) Count() uint64 {
	var sum uint64
	for _, s := range r {
		addresses := span(s.First, s.Last)
		ports := uint64(s.Ports.Count())
		if addresses > (math.MaxUint64-sum)/ports {
			return math.MaxUint64
		}
		sum += addresses * ports
	}
	return sum
}

// span is the number of addresses of a block, at most math.MaxUint64.
func span(first, last netip.Addr) uint64 {
	a, b := first.As16(), last.As16()
	var difference [2]uint64
	borrow := uint64(0)
	for i := 15; i >= 0; i-- {
		d := uint64(b[i]) - uint64(a[i]) - borrow
		borrow = d >> 63
		difference[i/8] |= (d & 0xff) << (8 * (7 - i%8))
	}
	if difference[0] != 0 || difference[1] == math.MaxUint64 {
		return math.MaxUint64
	}
	return difference[1] + 1
}

// Addresses is a block as people write it: an address, a network, or a range.
func Addresses(first, last netip.Addr) string {
	if first == last {
		return first.String()
	}
	for bits := first.BitLen() - 1; bits >= 0; bits-- {
		p := netip.PrefixFrom(first, bits)
		if p.Masked().Addr() != first {
			break
		}
		if LastOf(p) == last {
			return p.String()
		}
	}
	return first.String() + "-" + last.String()
}

// LastOf is a network's last address.
func LastOf(p netip.Prefix) netip.Addr {
	raw := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < 8*len(raw); i++ {
		raw[i/8] |= 0x80 >> (i % 8)
	}
	addr, _ := netip.AddrFromSlice(raw)
	return addr
}

// Prefixes is a block as the fewest networks.
func Prefixes(first, last netip.Addr) []netip.Prefix {
	var out []netip.Prefix
	for at := first; at.IsValid() && at.Compare(last) <= 0; {
		bits := at.BitLen()
		for bits > 0 {
			wider := netip.PrefixFrom(at, bits-1)
			if wider.Masked().Addr() != at || last.Less(LastOf(wider)) {
				break
			}
			bits--
		}
		p := netip.PrefixFrom(at, bits)
		out = append(out, p)
		at = LastOf(p).Next()
	}
	return out
}
