package ruleset

import (
	"encoding/binary"
	"net/netip"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy/internal/region"
)

// num is an address or a port, so that one arithmetic serves both.
type num struct{ hi, lo uint64 }

func (n num) less(m num) bool { return n.hi < m.hi || n.hi == m.hi && n.lo < m.lo }

func (n num) next() num {
	n.lo++
	if n.lo == 0 {
		n.hi++
	}
	return n
}

func (n num) prev() num {
	if n.lo == 0 {
		n.hi--
	}
	n.lo--
	return n
}

// span is the numbers from first to last.
type span struct{ first, last num }

// dim is what a packet has of interest, beside what its context fixes.
type dim uint8

const (
	srcAddr dim = iota
	dstAddr
	srcPort
	dstPort
	dims
)

// box is a region of packets: those whose every number is in its span.
type box [dims]span

// meets tells whether two regions have a packet in common.
func (b *box) meets(c *box) bool {
	for d := range b {
		if b[d].last.less(c[d].first) || c[d].last.less(b[d].first) {
			return false
		}
	}
	return true
}

func (b box) intersect(c box) (box, bool) {
	if !b.meets(&c) {
		return box{}, false
	}
	for d := range b {
		if b[d].first.less(c[d].first) {
			b[d].first = c[d].first
		}
		if c[d].last.less(b[d].last) {
			b[d].last = c[d].last
		}
	}
	return b, true
}

// minus is b without c, as boxes that don't overlap.
func (b box) minus(c box) (out []box) {
	if !b.meets(&c) {
		return []box{b}
	}
	for d := range b {
		if b[d].first.less(c[d].first) {
			part := b
			part[d].last = c[d].first.prev()
			out = append(out, part)
			b[d].first = c[d].first
		}
		if c[d].last.less(b[d].last) {
			part := b
			part[d].first = c[d].last.next()
			out = append(out, part)
			b[d].last = c[d].last
		}
	}
	return out
}

// swapped is the region of the answers to a region's packets.
func (b box) swapped() box { return box{b[dstAddr], b[srcAddr], b[dstPort], b[srcPort]} }

// ephemeral are the ports from which clients send. Linux, Windows and macOS begin above 1023, and rules often say
// so; what they say of lower ones concerns no client.
var ephemeral = portSpan(firewall.PortRange{First: 1024, Last: 65535})

// everything is the region of all packets of a family from clients' ports.
func everything(six bool) box {
	return box{allAddrs(six), allAddrs(six), ephemeral, allPorts}
}

// allPorts are those that a service can have: nobody needs port 0, nor is anything open by it.
var allPorts = portSpan(region.AllPorts()[0])

func allAddrs(six bool) span {
	if six {
		return span{num{}, num{^uint64(0), ^uint64(0)}}
	}
	return span{num{}, num{0, 1<<32 - 1}}
}

func portSpan(r firewall.PortRange) span {
	return span{num{0, uint64(r.First)}, num{0, uint64(r.Last)}}
}

func (s span) ports() firewall.PortRange {
	return firewall.PortRange{First: uint16(s.first.lo), Last: uint16(s.last.lo)}
}

func addrNum(a netip.Addr) num {
	if a.Is4() {
		raw := a.As4()
		return num{0, uint64(binary.BigEndian.Uint32(raw[:]))}
	}
	raw := a.As16()
	return num{binary.BigEndian.Uint64(raw[:8]), binary.BigEndian.Uint64(raw[8:])}
}

func (n num) addr(six bool) netip.Addr {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], n.hi)
	binary.BigEndian.PutUint64(raw[8:], n.lo)
	if six {
		return netip.AddrFrom16(raw)
	}
	return netip.AddrFrom4([4]byte(raw[12:]))
}
