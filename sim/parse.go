package sim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/internal/inet"
	"github.com/proxyspec/proxyspec/sim/tcp"
)

// Parse reads a packet from its IP header on, and checks its checksums. Bytes after the packet's end are
// padding. The packet refers to wire, which must not change any more.
//
// It refuses what has no form here: fragments, IPv4 options and IPv6 extension headers.
func Parse(wire []byte) (*Packet, error) {
	p := &Packet{}
	rest, err := p.parseIP(wire, false)
	if err != nil {
		return nil, fmt.Errorf("parse packet: %w", err)
	}
	switch {
	case p.Proto == firewall.TCP:
		err = p.parseTCP(rest)
	case p.Proto == firewall.UDP:
		err = p.parseUDP(rest)
	case isICMP(p.Proto):
		err = p.parseICMP(rest)
	default:
		p.Payload = rest
	}
	if err != nil {
		return nil, fmt.Errorf("parse packet from %v to %v: %w", p.Src.Addr(), p.Dst.Addr(), err)
	}
	return p, nil
}

// parseIP reads the header and returns what follows. A quoted packet may be cut short, and its checksum
// is its sender's affair.
func (p *Packet) parseIP(b []byte, quoted bool) (rest []byte, err error) {
	if len(b) == 0 {
		return nil, errors.New("it is empty")
	}
	switch b[0] >> 4 {
	case 4:
		return p.parseIPv4(b, quoted)
	case 6:
		return p.parseIPv6(b, quoted)
	}
	return nil, fmt.Errorf("IP version %d, neither 4 nor 6", b[0]>>4)
}

func (p *Packet) parseIPv4(b []byte, quoted bool) ([]byte, error) {
	if len(b) < ipv4Header {
		return nil, fmt.Errorf("%d bytes are no IPv4 header", len(b))
	}
	header, length := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	fragment := binary.BigEndian.Uint16(b[6:])
	switch {
	case header < ipv4Header || header > len(b):
		return nil, fmt.Errorf("an IPv4 header of %d bytes in %d", header, len(b))
	case quoted:
		length = max(header, min(length, len(b)))
	case header != ipv4Header:
		return nil, errors.New("it has IPv4 options, which this network doesn't know")
	case length < header || length > len(b):
		return nil, fmt.Errorf("its IPv4 header says %d bytes, there are %d", length, len(b))
	case fragment&0x3fff != 0:
		return nil, errors.New("it is a fragment, and nobody here puts fragments together")
	case inet.Fold(inet.Sum(0, b[:header])) != 0xffff:
		return nil, errors.New("the IPv4 header's checksum is wrong")
	}
	p.TOS, p.ID, p.TTL, p.Proto = b[1], binary.BigEndian.Uint16(b[4:]), b[8], firewall.Proto(b[9])
	p.MayBeSplit = fragment&0x4000 == 0
	p.Src = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[12:])), 0)
	p.Dst = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[16:])), 0)
	if p.Proto == firewall.ICMPv6 {
		return nil, errors.New("ICMPv6 over IPv4")
	}
	return b[header:length], nil
}

func (p *Packet) parseIPv6(b []byte, quoted bool) ([]byte, error) {
	if len(b) < ipv6Header {
		return nil, fmt.Errorf("%d bytes are no IPv6 header", len(b))
	}
	length := ipv6Header + int(binary.BigEndian.Uint16(b[4:]))
	if quoted {
		length = min(length, len(b))
	}
	if length > len(b) {
		return nil, fmt.Errorf("its IPv6 header says %d bytes, there are %d", length, len(b))
	}
	word := binary.BigEndian.Uint32(b)
	p.TOS, p.FlowLabel = uint8(word>>20), word&0xfffff
	p.Proto, p.TTL = firewall.Proto(b[6]), b[7]
	p.Src = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:])), 0)
	p.Dst = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[24:])), 0)
	switch {
	case p.Src.Addr().Is4In6() || p.Dst.Addr().Is4In6():
		return nil, errors.New("an IPv4 address in an IPv6 header, which no wire may carry (RFC 4291, 2.5.5.2)")
	case p.Proto == firewall.ICMP:
		return nil, errors.New("ICMP over IPv6")
	}
	switch p.Proto {
	case 0, 43, 44, 60, 135, 139, 140:
		return nil, fmt.Errorf("IPv6 extension header %d, which this network doesn't know", p.Proto)
	}
	return b[ipv6Header:length], nil
}

func (p *Packet) ports(b []byte) {
	p.Src = netip.AddrPortFrom(p.Src.Addr(), binary.BigEndian.Uint16(b))
	p.Dst = netip.AddrPortFrom(p.Dst.Addr(), binary.BigEndian.Uint16(b[2:]))
}

func (p *Packet) parseTCP(b []byte) error {
	if len(b) < tcpHeader {
		return fmt.Errorf("%d bytes are no TCP header", len(b))
	}
	header := int(b[12]>>4) * 4
	switch {
	case header < tcpHeader || header > len(b):
		return fmt.Errorf("a TCP header of %d bytes in %d", header, len(b))
	case p.checksum(b) != 0:
		return errors.New("the TCP checksum is wrong")
	}
	p.ports(b)
	p.TCP = tcp.Segment{
		Seq: binary.BigEndian.Uint32(b[4:]), Ack: binary.BigEndian.Uint32(b[8:]), Flags: tcp.Flags(b[13]),
		Window: binary.BigEndian.Uint16(b[14:]), Urgent: binary.BigEndian.Uint16(b[18:]), Payload: b[header:],
	}
	return p.TCP.ParseOptions(b[tcpHeader:header])
}

func (p *Packet) parseUDP(b []byte) error {
	switch {
	case len(b) < udpHeader:
		return fmt.Errorf("%d bytes are no UDP header", len(b))
	case int(binary.BigEndian.Uint16(b[4:])) != len(b):
		return fmt.Errorf("its UDP header says %d bytes, there are %d", binary.BigEndian.Uint16(b[4:]), len(b))
	}
	unchecked := binary.BigEndian.Uint16(b[6:]) == 0 && p.Src.Addr().Is4() // RFC 8200, 8.1: only IPv4 may do without
	if !unchecked && p.checksum(b) != 0 {
		return errors.New("the UDP checksum is wrong")
	}
	p.ports(b)
	p.Payload = b[udpHeader:]
	return nil
}

func (p *Packet) parseICMP(b []byte) error {
	switch {
	case len(b) < icmpHeader:
		return fmt.Errorf("%d bytes are no %v message", len(b), p.Proto)
	case p.checksum(b) != 0:
		return fmt.Errorf("the %v checksum is wrong", p.Proto)
	}
	v4 := p.Src.Addr().Is4()
	m := &ICMP{Type: b[0], Code: b[1], Rest: binary.BigEndian.Uint32(b[4:]), Body: b[icmpHeader:]}
	p.ICMP = m
	switch {
	case isEcho(m.kind(v4)):
		p.identify(uint16(m.Rest >> 16))
		m.Rest &= 0xffff
	case isError(m.Type, v4):
		return m.parseQuoted(v4)
	}
	return nil
}

// identify gives an echo its identifier.
func (p *Packet) identify(id uint16) {
	p.Src, p.Dst = netip.AddrPortFrom(p.Src.Addr(), id), netip.AddrPortFrom(p.Dst.Addr(), id)
}

// parseQuoted finds out which flow an error is about.
func (m *ICMP) parseQuoted(v4 bool) error {
	var about Packet
	rest, err := about.parseIP(m.Body, true)
	if err != nil {
		return fmt.Errorf("the packet that the ICMP error is about: %w", err)
	}
	if about.Src.Addr().Is4() != v4 {
		return errors.New("the ICMP error is about a packet of the other IP version")
	}
	switch {
	case len(rest) < 8: // too short for ports: RFC 792 asks for 8 bytes
	case about.Proto == firewall.TCP || about.Proto == firewall.UDP:
		about.ports(rest)
	case isICMP(about.Proto) && isEcho((&ICMP{Type: rest[0], Code: rest[1]}).kind(v4)):
		about.identify(binary.BigEndian.Uint16(rest[4:]))
	}
	m.About = &firewall.Quote{Proto: about.Proto, Src: about.Src, Dst: about.Dst}
	return nil
}
