package sim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/internal/inet"
)

// Marshal is the packet as bytes on the wire, from the IP header on, checksums included. The loop itself
// never needs them: they are for captures and ports.
func (p *Packet) Marshal() ([]byte, error) { return p.Append(nil) }

// Append appends what Marshal returns.
func (p *Packet) Append(b []byte) ([]byte, error) {
	src, dst, length := p.Src.Addr(), p.Dst.Addr(), p.Length()
	switch {
	case !src.IsValid() || src.BitLen() != dst.BitLen():
		return b, fmt.Errorf("marshal %v packet: from %v to %v is not of one family", p.Proto, src, dst)
	case length > 0xffff:
		return b, fmt.Errorf("marshal %v: longer than an IP packet may be", p)
	}
	b = slices.Grow(b, length)
	start, addresses := len(b), p.addresses()
	if src.Is4() {
		b = p.appendIPv4(b, length, addresses)
	} else {
		b = p.appendIPv6(b, length)
	}
	body := len(b)
	var err error
	if b, err = p.appendTransport(b, addresses); err != nil {
		return b[:start], err
	}
	if p.damaged && len(b) > body {
		b[body+(len(b)-body)/2] ^= 1
	}
	return b, nil
}

func (p *Packet) appendIPv4(b []byte, length int, addresses uint64) []byte {
	fragment := uint32(0x4000) // don't fragment
	if p.MayBeSplit {
		fragment = 0
	}
	first, second := 0x45<<24|uint32(p.TOS)<<16|uint32(length), uint32(p.ID)<<16|fragment
	third := uint32(p.TTL)<<24 | uint32(p.Proto)<<16
	third |= uint32(^inet.Fold(uint64(first) + uint64(second) + uint64(third) + addresses))
	at := len(b)
	b = b[:at+ipv4Header]
	h := (*[ipv4Header]byte)(b[at:])
	binary.BigEndian.PutUint32(h[0:], first)
	binary.BigEndian.PutUint32(h[4:], second)
	binary.BigEndian.PutUint32(h[8:], third)
	binary.BigEndian.PutUint32(h[12:], ipv4Number(p.Src.Addr()))
	binary.BigEndian.PutUint32(h[16:], ipv4Number(p.Dst.Addr()))
	return b
}

func (p *Packet) appendIPv6(b []byte, length int) []byte {
	b = binary.BigEndian.AppendUint32(b, 6<<28|uint32(p.TOS)<<20|p.FlowLabel&0xfffff)
	b = binary.BigEndian.AppendUint16(b, uint16(length-ipv6Header))
	b = append(b, byte(p.Proto), p.TTL)
	return appendAddr(appendAddr(b, p.Src.Addr()), p.Dst.Addr())
}

func appendAddr(b []byte, a netip.Addr) []byte {
	if a.Is4() {
		return binary.BigEndian.AppendUint32(b, ipv4Number(a))
	}
	sixteen := a.As16()
	return append(b, sixteen[:]...)
}

// ipv4Number is an IPv4 address as a number.
func ipv4Number(a netip.Addr) uint32 {
	four := a.As4()
	return binary.BigEndian.Uint32(four[:])
}

func (p *Packet) appendTransport(b []byte, addresses uint64) ([]byte, error) {
	at := len(b)
	switch {
	case p.Proto == firewall.TCP:
		options := p.TCP.OptionsLen()
		if options%4 != 0 || options > 40 {
			return b, fmt.Errorf("marshal %v: %d bytes of TCP options, not a multiple of 4 up to 40", p, options)
		}
		b = binary.BigEndian.AppendUint16(b, p.Src.Port())
		b = binary.BigEndian.AppendUint16(b, p.Dst.Port())
		b = binary.BigEndian.AppendUint32(b, p.TCP.Seq)
		b = binary.BigEndian.AppendUint32(b, p.TCP.Ack)
		b = append(b, byte((tcpHeader+options)/4<<4), byte(p.TCP.Flags))
		b = binary.BigEndian.AppendUint16(b, p.TCP.Window)
		b = binary.BigEndian.AppendUint16(b, 0)
		b = binary.BigEndian.AppendUint16(b, p.TCP.Urgent)
		b = append(p.TCP.AppendOptions(b), p.TCP.Payload...)
		binary.BigEndian.PutUint16(b[at+16:], p.checksum(b[at:]))
	case p.Proto == firewall.UDP:
		length := udpHeader + len(p.Payload)
		ports := uint64(p.Src.Port())<<16 | uint64(p.Dst.Port())
		b = append(b[:at+udpHeader], p.Payload...) // before it is summed, which is slower where the cache hasn't got it
		checksum := ^inet.Fold(p.pseudoHeader(length, addresses) + ports + uint64(length) + p.payloadSum())
		if checksum == 0 {
			checksum = 0xffff // RFC 768: zero would say that there is none
		}
		binary.BigEndian.PutUint64(b[at:], ports<<32|uint64(length)<<16|uint64(checksum))
	case isICMP(p.Proto):
		if p.ICMP == nil {
			return b, errors.New("marshal ICMP packet: it has no message")
		}
		rest := p.ICMP.Rest
		if isEcho(p.ICMP.kind(p.Src.Addr().Is4())) {
			rest = uint32(p.Src.Port())<<16 | rest&0xffff
		}
		b = append(b, p.ICMP.Type, p.ICMP.Code, 0, 0)
		b = binary.BigEndian.AppendUint32(b, rest)
		b = append(b, p.ICMP.Body...)
		binary.BigEndian.PutUint16(b[at+2:], p.checksum(b[at:]))
	default:
		b = append(b, p.Payload...)
	}
	return b, nil
}

func isICMP(p firewall.Proto) bool { return p == firewall.ICMP || p == firewall.ICMPv6 }

// checksum is that of a transport header and its payload.
func (p *Packet) checksum(transport []byte) uint16 {
	return ^inet.Fold(inet.Sum(p.pseudoHeader(len(transport), p.addresses()), transport))
}

// pseudoHeader is the sum over that of a transport header and payload of so many bytes, to which the sum over both
// addresses is known. ICMP over IPv4 has none.
func (p *Packet) pseudoHeader(length int, addresses uint64) uint64 {
	if p.Proto == firewall.ICMP {
		return 0
	}
	return addresses + uint64(p.Proto) + uint64(length)
}

// addresses is the sum over both.
func (p *Packet) addresses() uint64 {
	if src, dst := p.Src.Addr(), p.Dst.Addr(); src.Is4() {
		return uint64(ipv4Number(src)) + uint64(ipv4Number(dst))
	}
	from, to := p.Src.Addr().As16(), p.Dst.Addr().As16()
	return inet.Sum(inet.Sum(0, from[:]), to[:])
}

// payloadSum is the sum over a payload. Of a packet that a socket has sent it is kept: the capture of a firewall
// writes that down twice, and the payload is most of its sum.
func (p *Packet) payloadSum() uint64 {
	if !p.pooled {
		return inet.Sum(0, p.Payload)
	}
	if !p.summed {
		p.sum, p.summed = inet.Fold(inet.Sum(0, p.Payload)), true
	}
	return uint64(p.sum)
}
