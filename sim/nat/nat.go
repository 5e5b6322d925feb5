package nat

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// Behavior says on what a mapping or a filter depends (RFC 4787, 4.1 and 5).
type Behavior uint8

// The behaviors.
const (
	EndpointIndependent Behavior = iota
	AddressDependent
	AddressAndPortDependent
)

func (b Behavior) String() string {
	return [...]string{"endpoint-independent", "address-dependent", "address-and-port-dependent"}[b]
}

// Config describes a NAT. Only Outside is required.
type Config struct {
	Outside   []netip.Addr // its addresses on the internet
	Mapping   Behavior
	Filtering Behavior

	// FirstPort and LastPort bound the outside ports of UDP and TCP. Default: 1024 to 65535.
	FirstPort, LastPort uint16
	// NewPorts gives an inside port another one outside even where its own is free.
	NewPorts bool
	// NoHairpin drops what insiders send to the outside address, against REQ-9.
	NoHairpin bool
	// InboundRefresh lets packets from outside keep a UDP mapping alive, as REQ-6 permits.
	InboundRefresh bool

	Timeouts Timeouts
}

// Timeouts are how long a mapping lives without traffic.
type Timeouts struct {
	UDP            time.Duration // default 5 min, RFC 4787 REQ-5
	TCPEstablished time.Duration // default 2 h 4 min, RFC 5382 REQ-5
	TCPTransitory  time.Duration // default 4 min, likewise: opening, closing or reset
	ICMP           time.Duration // default 60 s, RFC 5508 REQ-2
}

// Packet is what a NAT looks at and rewrites. The port of an ICMP echo is its identifier, at both ends.
type Packet struct {
	Proto    firewall.Proto
	Src, Dst netip.AddrPort
	Flags    firewall.TCPFlags
	About    *firewall.Quote // of an ICMP error
}

// Outcome says what became of a packet.
type Outcome uint8

// The outcomes. Those before NotOurs are the ends of packets.
const (
	NoMapping   Outcome = iota // from outside, to a port that nobody has
	Filtered                   // from outside, by somebody whom the inside endpoint has not sent to
	OutOfPorts                 // from inside, and no outside port is left
	NoHairpin                  // from inside to the outside address, and it doesn't turn round
	Unsupported                // from inside, of a protocol that can't be translated: nobody could answer it
	NotOurs                    // goes on as it is: IPv6, or from outside to an address that isn't the NAT's
	Translated
	Hairpinned // from inside to the outside address: it turns round
)

func (o Outcome) String() string {
	return [...]string{
		"no mapping", "filtered", "out of ports", "no hairpinning", "protocol not supported", "not ours", "translated", "hairpinned",
	}[o]
}

// Ends tells whether the packet goes no further.
func (o Outcome) Ends() bool { return o < NotOurs }

// NAT is the table.
type NAT struct {
	cfg     Config
	inside  map[insideKey]*mapping
	outside map[outsideKey]*mapping
	home    map[netip.Addr]netip.Addr // an inside host's outside address
	next    int                       // outside address for the next new host
	sweepAt int                       // number of mappings at which the next one makes it look for expired ones
}

// sweepMin is the least number of mappings for which a search for expired ones is worth the walk.
const sweepMin = 64

// insideKey finds the mapping of an outbound packet: remote is what the mapping behavior looks at.
type insideKey struct {
	proto  firewall.Proto
	inner  netip.AddrPort
	remote netip.AddrPort
}

type outsideKey struct {
	proto firewall.Proto
	outer netip.AddrPort
}

// New makes a NAT with an empty table.
func New(c Config) (*NAT, error) {
	if len(c.Outside) == 0 {
		return nil, errors.New("nat: it needs at least one outside address")
	}
	for _, a := range c.Outside {
		if !a.Is4() {
			return nil, fmt.Errorf("nat: outside address %v is not IPv4", a)
		}
	}
	if c.FirstPort == 0 {
		c.FirstPort = 1024
	}
	if c.LastPort == 0 {
		c.LastPort = 65535
	}
	if c.FirstPort > c.LastPort {
		return nil, fmt.Errorf("nat: the ports %d to %d are reversed", c.FirstPort, c.LastPort)
	}
	if c.Mapping > AddressAndPortDependent || c.Filtering > AddressAndPortDependent {
		return nil, errors.New("nat: unknown mapping or filtering behavior")
	}
	for d, standard := range map[*time.Duration]time.Duration{
		&c.Timeouts.UDP: 5 * time.Minute, &c.Timeouts.TCPEstablished: 124 * time.Minute, &c.Timeouts.TCPTransitory: 4 * time.Minute,
		&c.Timeouts.ICMP: time.Minute,
	} {
		if *d < 0 {
			return nil, fmt.Errorf("nat: a timeout of %v", *d)
		}
		if *d == 0 {
			*d = standard
		}
	}
	return &NAT{
		cfg: c, inside: map[insideKey]*mapping{}, outside: map[outsideKey]*mapping{}, home: map[netip.Addr]netip.Addr{},
	}, nil
}

// Outbound translates a packet from inside. A Hairpinned one goes back inside, everything else out.
func (n *NAT) Outbound(now time.Time, p Packet) (Packet, Outcome) {
	turns := n.Owns(p.Dst.Addr())
	switch {
	case !p.Src.Addr().Is4():
		return p, NotOurs
	case p.About == nil && !translatable(p):
		return p, Unsupported
	case turns && n.cfg.NoHairpin:
		return p, NoHairpin
	}
	p, outcome := n.leave(now, p)
	if !turns || outcome != Translated {
		return p, outcome
	}
	if p, outcome = n.Inbound(now, p); outcome == Translated {
		outcome = Hairpinned
	}
	return p, outcome
}

// leave gives a packet from inside its outside address; for an ICMP error it is the one that it is about (RFC 5508, REQ-4
// and, where it comes round, REQ-7).
func (n *NAT) leave(now time.Time, p Packet) (Packet, Outcome) {
	if p.About != nil {
		return n.outboundError(now, p)
	}
	m := n.mappingFor(now, p)
	if m == nil {
		return p, OutOfPorts
	}
	m.sent(now, p, &n.cfg.Timeouts)
	return p.from(m.outer), Translated
}

// Inbound translates a packet from outside.
func (n *NAT) Inbound(now time.Time, p Packet) (Packet, Outcome) {
	switch {
	case !n.Owns(p.Dst.Addr()):
		return p, NotOurs
	case p.About != nil:
		return n.inboundError(now, p)
	case !translatable(p):
		return p, NoMapping
	}
	m := n.find(now, outsideKey{p.Proto, p.Dst})
	if m == nil {
		return p, NoMapping
	}
	if !m.admits(p.Src, n.cfg.Filtering) {
		return p, Filtered
	}
	m.received(now, p, n.cfg.InboundRefresh, &n.cfg.Timeouts)
	return p.to(m.inner), Translated
}

// translatable tells whether a packet has a port, or an echo's identifier.
func translatable(p Packet) bool {
	return p.Proto == firewall.UDP || p.Proto == firewall.TCP || p.Proto == firewall.ICMP && p.Src.Port() != 0
}

// from is the packet with another sender. The identifier of an echo is the same at both ends.
func (p Packet) from(sender netip.AddrPort) Packet {
	p.Src = sender
	if p.Proto == firewall.ICMP {
		p.Dst = netip.AddrPortFrom(p.Dst.Addr(), sender.Port())
	}
	return p
}

// to is from for the receiver.
func (p Packet) to(receiver netip.AddrPort) Packet {
	p.Dst = receiver
	if p.Proto == firewall.ICMP {
		p.Src = netip.AddrPortFrom(p.Src.Addr(), receiver.Port())
	}
	return p
}

// outboundError translates an ICMP error that an insider sends about a packet that came from outside.
func (n *NAT) outboundError(now time.Time, p Packet) (Packet, Outcome) {
	m := n.inside[n.key(p.About.Proto, p.About.Dst, p.About.Src)]
	if m == nil || m.expired(now) {
		return p, NoMapping
	}
	p.About = quoted(p.About, Packet.to, m.outer)
	p.Src = netip.AddrPortFrom(m.outer.Addr(), p.Src.Port())
	return p, Translated
}

// inboundError translates an ICMP error about a packet that went out (RFC 5508, REQ-4).
func (n *NAT) inboundError(now time.Time, p Packet) (Packet, Outcome) {
	m := n.find(now, outsideKey{p.About.Proto, p.About.Src})
	if m == nil {
		return p, NoMapping
	}
	p.About = quoted(p.About, Packet.from, m.inner)
	p.Dst = netip.AddrPortFrom(m.inner.Addr(), p.Dst.Port())
	return p, Translated
}

// quoted is the packet that an error quotes, from or to somebody else.
func quoted(q *firewall.Quote, turn func(Packet, netip.AddrPort) Packet, end netip.AddrPort) *firewall.Quote {
	p := turn(Packet{Proto: q.Proto, Src: q.Src, Dst: q.Dst}, end)
	return &firewall.Quote{Proto: p.Proto, Src: p.Src, Dst: p.Dst}
}

// Mappings counts the mappings that are alive.
func (n *NAT) Mappings(now time.Time) int {
	n.sweep(now)
	return len(n.outside)
}

// Flush forgets everything, as a NAT that reboots.
func (n *NAT) Flush() {
	for _, m := range n.outside {
		m.gone = true
	}
	clear(n.inside)
	clear(n.outside)
	clear(n.home)
}

// Owns tells whether an address is one of the NAT's outside addresses.
func (n *NAT) Owns(a netip.Addr) bool {
	for _, o := range n.cfg.Outside {
		if o == a {
			return true
		}
	}
	return false
}

// key is what a mapping is found by: as much of the remote end as the mapping behavior looks at.
func (n *NAT) key(proto firewall.Proto, inner, remote netip.AddrPort) insideKey {
	switch n.cfg.Mapping {
	case EndpointIndependent:
		remote = netip.AddrPort{}
	case AddressDependent:
		remote = netip.AddrPortFrom(remote.Addr(), 0)
	}
	return insideKey{proto, inner, remote}
}
