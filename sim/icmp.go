package sim

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/internal/inet"
)

// ICMP is a message of ICMP (RFC 792) in an IPv4 packet, or of ICMPv6 (RFC 4443) in an IPv6 packet.
type ICMP struct {
	Type, Code uint8
	Rest       uint32          // an echo's sequence number; of an error: the word before the quoted packet, such as an MTU
	Body       []byte          // an echo's payload, or what an error quotes: a packet from its IP header on, cut short
	About      *firewall.Quote // of an error: the flow of the quoted packet
}

// kind is what a message means, in both versions.
type kind uint8

const (
	noRoute kind = iota + 1
	hostUnreachable
	portUnreachable
	adminProhibited
	timeExceeded
	tooBig
	echoRequest
	echoReply
)

// kinds gives each its type and code.
var kinds = [...]struct {
	name         string
	type4, code4 uint8
	type6, code6 uint8
}{
	noRoute:         {"no route", 3, 0, 1, 0},
	hostUnreachable: {"host unreachable", 3, 1, 1, 3},
	portUnreachable: {"port unreachable", 3, 3, 1, 4},
	adminProhibited: {"administratively prohibited", 3, 13, 1, 1},
	timeExceeded:    {"time exceeded", 11, 0, 3, 0},
	tooBig:          {"packet too big", 3, 4, 2, 0},
	echoRequest:     {"echo request", 8, 0, 128, 0},
	echoReply:       {"echo reply", 0, 0, 129, 0},
}

// kind is what the message of a packet means; 0 for all that nobody here sends.
func (m *ICMP) kind(v4 bool) kind {
	for k, row := range kinds {
		if k > 0 && (v4 && m.Type == row.type4 && m.Code == row.code4 || !v4 && m.Type == row.type6 && m.Code == row.code6) {
			return kind(k)
		}
	}
	return 0
}

// What is no refusal among the types of IPv4 that quote a packet.
const (
	sourceQuench = 4
	redirect     = 5
)

func isEcho(k kind) bool { return k == echoRequest || k == echoReply }

// isError tells whether messages of a type quote a packet.
func isError(kind uint8, v4 bool) bool {
	if !v4 {
		return kind < 128
	}
	switch kind {
	case 3, sourceQuench, redirect, 11, 12: // unreachable, time exceeded, parameter problem
		return true
	}
	return false
}

// errno is what Linux's sockets make of an error; nil: nothing. Every one ends an attempt to connect over TCP. A connected UDP
// socket hears of the hard ones alone: the others may be over before the next packet (RFC 1122, 3.2.2.1 and 4.2.3.9).
func (m *ICMP) errno(v4 bool) (hard bool, err error) {
	switch m.kind(v4) {
	case portUnreachable:
		return true, syscall.ECONNREFUSED
	case tooBig:
		return true, syscall.EMSGSIZE
	case adminProhibited:
		if v4 {
			return true, syscall.EHOSTUNREACH
		}
		return true, syscall.EACCES
	case noRoute:
		return false, syscall.ENETUNREACH
	}
	if v4 && (m.Type == sourceQuench || m.Type == redirect) {
		return false, nil
	}
	return false, syscall.EHOSTUNREACH
}

// newICMP is a message from one address to another, without its body.
func newICMP(k kind, src, dst netip.Addr) *Packet {
	row := &kinds[k]
	p := &Packet{
		Proto: firewall.ICMP, TTL: initialTTL, Src: netip.AddrPortFrom(src, 0), Dst: netip.AddrPortFrom(dst, 0),
		ICMP: &ICMP{Type: row.type4, Code: row.code4},
	}
	if !src.Is4() {
		p.Proto, p.ICMP.Type, p.ICMP.Code = firewall.ICMPv6, row.type6, row.code6
	}
	return p
}

// echo is the answer to an echo request; nil for any other packet.
func (p *Packet) echo() *Packet {
	if p.ICMP == nil || p.ICMP.kind(p.Src.Addr().Is4()) != echoRequest {
		return nil
	}
	e := newICMP(echoReply, p.Dst.Addr(), p.Src.Addr())
	e.ICMP.Rest, e.ICMP.Body = p.ICMP.Rest, p.ICMP.Body
	e.identify(p.Src.Port())
	return e
}

// What an error quotes at most: its whole packet may not be longer than these (RFC 1812, 4.3.2.3, and
// RFC 4443, 2.4).
const (
	mostICMP4 = 576
	mostICMP6 = 1280
)

// complaint is the ICMP error that tells the sender of p what became of it; nil for a packet that must
// not be answered (RFC 1122, 3.2.2), and where no address of p's family is there to speak from.
func (p *Packet) complaint(from netip.Addr, k kind) *Packet {
	if p.quote() != nil || p.damaged || from.Is4() != p.Src.Addr().Is4() {
		return nil
	}
	wire, err := p.Marshal()
	if err != nil {
		return nil // it could not have come from a wire, and has no form to quote
	}
	most := mostICMP4 - ipv4Header - icmpHeader
	if !from.Is4() {
		most = mostICMP6 - ipv6Header - icmpHeader
	}
	e := newICMP(k, from, p.Src.Addr())
	e.ICMP.Body = wire[:min(len(wire), most)]
	e.ICMP.About = &firewall.Quote{Proto: p.Proto, Src: p.Src, Dst: p.Dst}
	return e
}

// readdressed is the message with another flow in what it quotes, as a NAT rewrites it (RFC 5508,
// REQ-4 and REQ-5): addresses, ports and the checksums that count them.
func (m *ICMP) readdressed(about *firewall.Quote) *ICMP {
	c := *m
	c.About = about
	c.Body = append([]byte(nil), m.Body...)
	header := ipHeader(about.Src.Addr())
	addresses := c.Body[8:header]
	if header == ipv4Header {
		addresses = c.Body[12:header]
		header = int(c.Body[0]&15) * 4
	}
	transport := c.Body[header:]
	// What of the quoted transport header changes, and where its checksum is.
	var ports []byte
	checksum := -1
	switch {
	case len(transport) < icmpHeader:
	case about.Proto == firewall.TCP:
		ports, checksum = transport[:4], 16
	case about.Proto == firewall.UDP:
		ports, checksum = transport[:4], 6
	case isICMP(about.Proto) && about.Src.Port() != 0:
		ports, checksum = transport[4:6], 2
	}
	counted := addresses
	if about.Proto == firewall.ICMP {
		counted = nil // it has no pseudo header
	}
	was := inet.Sum(inet.Sum(0, counted), ports)
	appendAddr(appendAddr(addresses[:0], about.Src.Addr()), about.Dst.Addr())
	if len(ports) > 0 {
		binary.BigEndian.PutUint16(ports, about.Src.Port())
	}
	if len(ports) == 4 {
		binary.BigEndian.PutUint16(ports[2:], about.Dst.Port())
	}
	if checksum >= 0 && len(transport) >= checksum+2 {
		amend(transport[checksum:], inet.Fold(was), inet.Fold(inet.Sum(inet.Sum(0, counted), ports)))
	}
	if about.Src.Addr().Is4() {
		binary.BigEndian.PutUint16(c.Body[10:], 0)
		binary.BigEndian.PutUint16(c.Body[10:], ^inet.Fold(inet.Sum(0, c.Body[:header])))
	}
	return &c
}

// describe is the message in words.
func (m *ICMP) describe(p *Packet) string {
	k := m.kind(p.Src.Addr().Is4())
	text := kinds[k].name
	switch {
	case k == 0:
		text = fmt.Sprintf("type %d, code %d", m.Type, m.Code)
	case isEcho(k):
		return fmt.Sprintf("%s %d of %d, %d bytes", text, m.Rest, p.Src.Port(), p.Length())
	}
	if m.About != nil {
		text += fmt.Sprintf(", about %v %v > %v", m.About.Proto, m.About.Src, m.About.Dst)
	}
	return text
}

// amend changes a checksum in place for a part of what it counts, whose own sum changed (RFC 1624).
func amend(checksum []byte, was, now uint16) {
	c := binary.BigEndian.Uint16(checksum)
	if c == 0 {
		return // UDP without one
	}
	binary.BigEndian.PutUint16(checksum, ^inet.Fold(uint64(^c)+uint64(^was)+uint64(now)))
}
