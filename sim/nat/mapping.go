package nat

import (
	"net/netip"
	"time"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// mapping is an inside endpoint's outside endpoint.
type mapping struct {
	expires      time.Time
	ahead        time.Time // the same, for packets that took a pass
	gone         bool      // no longer in the table
	key          insideKey
	inner, outer netip.AddrPort
	peers        map[netip.AddrPort]*peer // whom the inside endpoint has sent to
	hosts        map[netip.Addr]bool      // their addresses
}

// peer is one session of a mapping: for TCP its state decides how long the mapping lives.
type peer struct {
	synIn, synOut bool
	finIn, finOut bool
	reset         bool
}

func (p *peer) established() bool {
	return p.synIn && p.synOut && !p.reset && !(p.finIn && p.finOut)
}

func (m *mapping) expired(now time.Time) bool {
	return !now.Before(m.expires) && !now.Before(m.ahead)
}

// admits tells whether a packet from this source may come in.
func (m *mapping) admits(from netip.AddrPort, filtering Behavior) bool {
	switch filtering {
	case EndpointIndependent:
		return true
	case AddressDependent:
		return m.hosts[from.Addr()]
	}
	return m.peers[m.remote(from)] != nil
}

// remote is the other end of a session. That of an echo has no port: its identifier is the mapping's own.
func (m *mapping) remote(end netip.AddrPort) netip.AddrPort {
	if m.key.proto == firewall.ICMP {
		return netip.AddrPortFrom(end.Addr(), 0)
	}
	return end
}

// sent notes an outbound packet, which always keeps the mapping alive.
func (m *mapping) sent(now time.Time, p Packet, t *Timeouts) {
	s := m.session(p.Dst)
	m.hosts[p.Dst.Addr()] = true
	s.synOut = s.synOut || p.Flags&firewall.SYN != 0
	s.finOut = s.finOut || p.Flags&firewall.FIN != 0
	s.note(p)
	m.live(now, s, t)
}

// received notes an inbound packet. TCP's state keeps the mapping alive in both directions; without one only if the
// NAT is made so.
func (m *mapping) received(now time.Time, p Packet, refresh bool, t *Timeouts) {
	if m.key.proto != firewall.TCP {
		if end := now.Add(m.life(nil, t)); refresh && end.After(m.expires) {
			m.expires = end
		}
		return
	}
	s := m.session(p.Src)
	s.synIn = s.synIn || p.Flags&firewall.SYN != 0
	s.finIn = s.finIn || p.Flags&firewall.FIN != 0
	s.note(p)
	m.live(now, s, t)
}

func (s *peer) note(p Packet) {
	switch {
	case p.Flags&firewall.RST != 0:
		s.reset = true
	case p.Flags&(firewall.SYN|firewall.ACK) == firewall.SYN:
		s.reset = false // a new connection between the same endpoints
	}
}

func (m *mapping) session(remote netip.AddrPort) *peer {
	remote = m.remote(remote)
	s := m.peers[remote]
	if s == nil {
		s = &peer{}
		m.peers[remote] = s
	}
	return s
}

// live sets the mapping's end. A session that is closing never shortens the life that another one gave.
func (m *mapping) live(now time.Time, s *peer, t *Timeouts) {
	end := now.Add(m.life(s, t))
	if end.After(m.expires) || m.key.proto == firewall.TCP && !m.anyEstablished() {
		m.expires = end
	}
}

// life is how long a packet of a session keeps the mapping.
func (m *mapping) life(s *peer, t *Timeouts) time.Duration {
	switch {
	case m.key.proto == firewall.UDP:
		return t.UDP
	case m.key.proto == firewall.ICMP:
		return t.ICMP
	case s.established():
		return t.TCPEstablished
	}
	return t.TCPTransitory
}

func (m *mapping) anyEstablished() bool {
	for _, s := range m.peers {
		if s.established() {
			return true
		}
	}
	return false
}

// find is the mapping of an outside endpoint, unless it has expired.
func (n *NAT) find(now time.Time, k outsideKey) *mapping {
	m := n.outside[k]
	if m != nil && m.expired(now) {
		n.drop(m)
		return nil
	}
	return m
}

func (n *NAT) drop(m *mapping) {
	m.gone = true
	delete(n.inside, m.key)
	delete(n.outside, outsideKey{m.key.proto, m.outer})
}

// mappingFor finds or makes the mapping of an outbound packet; nil when no port is left.
func (n *NAT) mappingFor(now time.Time, p Packet) *mapping {
	key := n.key(p.Proto, p.Src, p.Dst)
	if m := n.inside[key]; m != nil {
		if !m.expired(now) {
			return m
		}
		n.drop(m)
	}
	if len(n.outside) >= n.sweepAt {
		n.sweep(now)
		n.sweepAt = max(sweepMin, 2*len(n.outside))
	}
	outer, ok := n.allocate(now, p.Proto, p.Src)
	if !ok {
		return nil
	}
	m := &mapping{key: key, inner: p.Src, outer: outer, peers: map[netip.AddrPort]*peer{}, hosts: map[netip.Addr]bool{}}
	n.inside[key] = m
	n.outside[outsideKey{p.Proto, outer}] = m
	return m
}

// allocate finds a free outside endpoint: the inside port itself, else the next free one of the same parity
// (RFC 4787, REQ-4), else any. The identifiers of echoes know no range.
func (n *NAT) allocate(now time.Time, proto firewall.Proto, inner netip.AddrPort) (netip.AddrPort, bool) {
	addr := n.addressFor(inner.Addr())
	free := func(port uint16) bool { return n.find(now, outsideKey{proto, netip.AddrPortFrom(addr, port)}) == nil }
	first, last := uint32(n.cfg.FirstPort), uint32(n.cfg.LastPort)
	if proto == firewall.ICMP {
		first, last = 1, 0xffff
	}
	want := uint32(inner.Port())
	if !n.cfg.NewPorts && want >= first && want <= last && free(uint16(want)) {
		return netip.AddrPortFrom(addr, uint16(want)), true
	}
	size := last - first + 1
	start := want % size // a place that depends on the inside port alone, so that runs repeat
	for _, parity := range []bool{true, false} {
		for i := uint32(1); i <= size; i++ {
			port := first + (start+i)%size
			if (port%2 == want%2) == parity && (!n.cfg.NewPorts || port != want) && free(uint16(port)) {
				return netip.AddrPortFrom(addr, uint16(port)), true
			}
		}
	}
	return netip.AddrPort{}, false
}

// addressFor keeps an inside host on one outside address (RFC 4787, REQ-2).
func (n *NAT) addressFor(host netip.Addr) netip.Addr {
	if a, ok := n.home[host]; ok {
		return a
	}
	a := n.cfg.Outside[n.next%len(n.cfg.Outside)]
	n.next++
	n.home[host] = a
	return a
}

// sweep drops every mapping that has expired.
func (n *NAT) sweep(now time.Time) {
	for _, m := range n.outside {
		if m.expired(now) {
			n.drop(m)
		}
	}
}
