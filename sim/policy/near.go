package policy

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// miss is how an entry fails to match a packet.
type miss struct {
	entry *Entry
	proto firewall.Proto // the entry's own

	wrongSource, wrongProto bool
	ports                   []firewall.PortRange // none: the port matches
	portDistance            int                  // to ports[0]
	wrongDest               bool
	dest                    Destination // the closest
	destDistance            uint64
	stale                   string // why a domain that matched once no longer does
}

// differences is how many of source, protocol, destination and port are wrong.
func (m *miss) differences() (n int) {
	for _, wrong := range []bool{m.wrongSource, m.wrongProto, m.wrongDest, len(m.ports) > 0} {
		if wrong {
			n++
		}
	}
	return n
}

// neighbourhood is how far apart two addresses, or two ports, may be to be called neighbours: one network of old.
const neighbourhood = 256

// compare puts the entry first that is closer: fewer differences, then a name that was right a moment ago, then
// neighbouring ports, protocols, other ports, addresses, each by their distance.
func (m *miss) compare(o *miss) int {
	rank := func(m *miss) int {
		switch {
		case m.stale != "":
			return 0
		case m.wrongDest:
			return 4
		case m.wrongProto:
			return 2
		case m.portDistance > neighbourhood: // UDP 443 is rather TCP's port than 3478's neighbour
			return 3
		}
		return 1
	}
	far := func(m *miss) uint64 {
		if m.destDistance > neighbourhood {
			return neighbourhood + 1 // numbers of strangers mean nothing
		}
		return m.destDistance
	}
	return cmp.Or(
		cmp.Compare(m.differences(), o.differences()),
		cmp.Compare(rank(m), rank(o)),
		cmp.Compare(far(m), far(o)),
		cmp.Compare(m.portDistance, o.portDistance),
	)
}

// nearest finds the entry that would have matched if the packet differed least. None is near if all of them differ
// in three things, or in a far address and something else.
func (p *Policy) nearest(q Question, u Use) (Near, bool) {
	wrongSource := len(u.Sources) > 0 && !slices.ContainsFunc(u.Sources, func(x netip.Prefix) bool { return x.Contains(q.Src) })
	var best *miss
	for i := range p.Entries {
		for _, proto := range p.Entries[i].Protocols {
			m := missOf(&p.Entries[i], proto, q, u)
			m.wrongSource = wrongSource
			if best == nil || m.compare(best) < 0 {
				best = &m
			}
		}
	}
	if best == nil {
		return Near{}, false
	}
	differences := best.differences() - btoi(wrongSource) // that one is the same for all
	stranger := best.wrongDest && best.destDistance > neighbourhood
	if differences > 2 || differences == 2 && stranger {
		return Near{}, false
	}
	return Near{Rule: best.entry.ruleID(best.proto), Words: best.words(q, u), Stale: best.stale != ""}, true
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func missOf(e *Entry, proto firewall.Proto, q Question, u Use) miss {
	m := miss{entry: e, proto: proto, wrongProto: proto != q.Proto, wrongDest: true, destDistance: math.MaxUint64}
	port := q.Dst.Port()
	m.portDistance = math.MaxInt
	for _, g := range e.Ports {
		for _, r := range g.Ranges {
			d := max(int(r.First)-int(port), int(port)-int(r.Last), 0)
			if d < m.portDistance {
				m.portDistance, m.ports = d, append(m.ports[:0], r.PortRange)
			}
		}
	}
	if len(e.Ports) == 0 || m.portDistance == 0 {
		m.portDistance, m.ports = 0, nil
	}
	for _, d := range e.Destinations {
		m.approach(d, q.Dst.Addr(), u)
	}
	return m
}

// approach takes a destination into account.
func (m *miss) approach(d Destination, a netip.Addr, u Use) {
	switch {
	case d.Domain != "":
		if slices.Contains(u.Names.Addresses(u.Now, d.Domain), a) {
			m.wrongDest, m.dest, m.destDistance = false, d, 0
		} else if words, stale := u.Names.Explain(u.Now, d.Domain, a); stale {
			m.stale, m.dest, m.destDistance = words, d, 0
		}
	case d.contains(a):
		m.wrongDest, m.dest, m.destDistance = false, d, 0
	case d.First.BitLen() == a.BitLen():
		if away := min(distance(a, d.First), distance(a, d.Last)); away < m.destDistance {
			m.dest, m.destDistance = d, away
		}
	}
}

// distance is how far apart two addresses of one family are, at most math.MaxUint64.
func distance(a, b netip.Addr) uint64 {
	if b.Less(a) {
		a, b = b, a
	}
	x, y := a.As16(), b.As16()
	hi := binary.BigEndian.Uint64(y[:8]) - binary.BigEndian.Uint64(x[:8])
	low, high := binary.BigEndian.Uint64(x[8:]), binary.BigEndian.Uint64(y[8:])
	if hi > 1 || hi == 1 && high >= low {
		return math.MaxUint64
	}
	return high - low // modulo 2^64, which is right for the carry too
}

// words says what a packet would have needed.
func (m *miss) words(q Question, u Use) string {
	row := "row " + m.entry.ID
	port := q.Dst.Port()
	switch {
	case m.wrongSource && m.differences() == 1:
		return fmt.Sprintf("%s would match, but the source %v is none of the clients (%v)", row, q.Src, joined(u.Sources))
	case m.stale != "":
		return fmt.Sprintf("%s opens %v %s at %s, and %s", row, m.proto, m.entry.PortText(), m.dest.Domain, m.stale)
	case m.wrongDest && m.destDistance <= neighbourhood && !m.wrongProto && len(m.ports) == 0:
		return fmt.Sprintf("%v is %s %s's %s", q.Dst.Addr(), m.aside(q.Dst.Addr()), row, noun(m.dest))
	case m.wrongDest && !m.wrongProto && len(m.ports) == 0:
		return fmt.Sprintf("%s opens %v %d, but at %s, not at %v", row, q.Proto, port, m.places(), q.Dst.Addr())
	case m.wrongDest:
		return fmt.Sprintf("%s opens %v %s at %s", row, m.proto, m.entry.PortText(), m.places())
	case m.wrongProto && len(m.ports) == 0:
		return fmt.Sprintf("%s opens %v %d there, not %v", row, m.proto, port, q.Proto)
	case m.wrongProto:
		return fmt.Sprintf("%s opens %v %s there", row, m.proto, m.entry.PortText())
	}
	r := m.ports[0]
	side := "above"
	if port < r.First {
		side = "below"
	}
	kind := "range"
	if r.First == r.Last {
		kind = "port"
	}
	return fmt.Sprintf("%v %d is %s %s %s's %s %v", q.Proto, port, number(m.portDistance), side, row, kind, r)
}

// places is the entry's destinations, the first few of them.
func (m *miss) places() string {
	all := m.entry.Destinations
	if len(all) > 3 {
		return joined(all[:3]) + " and others"
	}
	return joined(all)
}

// aside is where an address lies beside the destination: "one above".
func (m *miss) aside(a netip.Addr) string {
	if a.Less(m.dest.First) {
		return number(distance(a, m.dest.First)) + " below"
	}
	return number(distance(a, m.dest.Last)) + " above"
}

func noun(d Destination) string {
	switch {
	case d.First == d.Last:
		return "address " + d.String()
	}
	return "addresses " + d.String()
}

// number is a small number in words, as one says it.
func number[N int | uint64](n N) string {
	if words := []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}; n < N(len(words)) {
		return words[n]
	}
	return fmt.Sprint(n)
}
