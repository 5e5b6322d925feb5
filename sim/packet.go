package sim

import (
	"fmt"
	"net/netip"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/tcp"
)

// Packet is an IPv4 packet. Whoever is shown one must not change it.
type Packet struct {
	Proto    firewall.Proto
	Src, Dst netip.AddrPort // ports are zero for ICMP
	TTL      uint8
	TCP      tcp.Segment // of a TCP packet, payload included
	Payload  []byte      // of a UDP packet
	ICMP     *ICMP       // of an ICMP packet
}

// ICMP is a destination-unreachable message (RFC 792) about a packet that its receiver sent.
type ICMP struct {
	Code     uint8
	About    firewall.Proto // of the packet that could not be delivered
	Src, Dst netip.AddrPort // of that packet
}

// Codes of destination-unreachable.
const (
	HostUnreachable = 1
	PortUnreachable = 3
	AdminProhibited = 13
)

const (
	ipHeader  = 20
	udpHeader = 8
	tcpHeader = 20
	icmpBody  = 8 + ipHeader + 8

	// MTU of every link: what a packet may be long, headers included.
	MTU        = 1500
	maxUDP     = MTU - ipHeader - udpHeader
	initialTTL = 64
)

// Length is the length of the IP packet in bytes.
func (p *Packet) Length() int {
	switch p.Proto {
	case firewall.TCP:
		n := ipHeader + tcpHeader + len(p.TCP.Payload)
		if p.TCP.MSS != 0 {
			n += 4
		}
		if p.TCP.Scale != tcp.NoScale {
			n += 4 // with the NOP that aligns it
		}
		return n
	case firewall.UDP:
		return ipHeader + udpHeader + len(p.Payload)
	}
	return ipHeader + icmpBody
}

// String is the packet in a line: "TCP 10.0.0.2:49152 > 192.0.2.1:443 SYN, 48 bytes".
func (p *Packet) String() string {
	switch p.Proto {
	case firewall.TCP:
		return fmt.Sprintf("TCP %v > %v %v, %d bytes", p.Src, p.Dst, p.TCP.Flags, p.Length())
	case firewall.UDP:
		return fmt.Sprintf("UDP %v > %v, %d bytes", p.Src, p.Dst, p.Length())
	}
	return fmt.Sprintf("ICMP %v > %v unreachable, code %d, about %v %v > %v",
		p.Src.Addr(), p.Dst.Addr(), p.ICMP.Code, p.ICMP.About, p.ICMP.Src, p.ICMP.Dst)
}

// quote is what an ICMP packet is about; nil for any other.
func (p *Packet) quote() *firewall.Quote {
	if p.ICMP == nil {
		return nil
	}
	return &firewall.Quote{Proto: p.ICMP.About, Src: p.ICMP.Src, Dst: p.ICMP.Dst}
}

// unreachable is the ICMP message that tells the sender of p that it went nowhere; nil for a packet
// that must not be answered (RFC 1122, 3.2.2).
func (p *Packet) unreachable(from netip.Addr, code uint8) *Packet {
	if p.Proto == firewall.ICMP {
		return nil
	}
	return &Packet{
		Proto: firewall.ICMP,
		Src:   netip.AddrPortFrom(from, 0),
		Dst:   netip.AddrPortFrom(p.Src.Addr(), 0),
		TTL:   initialTTL,
		ICMP:  &ICMP{Code: code, About: p.Proto, Src: p.Src, Dst: p.Dst},
	}
}

// refusal is the RST that answers a TCP packet; nil for one that must not be answered.
func (p *Packet) refusal() *Packet {
	reset, ok := tcp.ResetFor(&p.TCP)
	if !ok {
		return nil
	}
	return &Packet{Proto: firewall.TCP, Src: p.Dst, Dst: p.Src, TTL: initialTTL, TCP: reset}
}
