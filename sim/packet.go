package sim

import (
	"fmt"
	"net/netip"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/tcp"
)

// Packet is an IP packet, of version 4 or 6 as its addresses are. Whoever is shown one must not change
// it, nor keep it: its memory is used again. Marshal makes a copy to keep.
type Packet struct {
	Proto    firewall.Proto
	Src, Dst netip.AddrPort // ICMP: the identifier of an echo is the port of both, any other has none
	TTL      uint8          // or hop limit

	// What only packets from a wire have.
	TOS        uint8  // or traffic class: DSCP and ECN
	ID         uint16 // IPv4: identification
	FlowLabel  uint32 // IPv6
	MayBeSplit bool   // IPv4: don't-fragment is off; nobody splits it for all that

	pooled bool   // it goes back to the pool
	memory []byte // of a pooled packet's Payload
	journey

	Payload []byte      // neither TCP's nor ICMP's
	ICMP    *ICMP       // of an ICMP packet
	TCP     tcp.Segment // of a TCP packet, payload included
}

// journey is what a packet has of its way, from who sends it to who receives it.
type journey struct {
	// Who sent it, and which of the sender's packets it is: this orders the packets of one instant, and
	// decides what is drawn for it.
	flow, number uint64

	damaged bool   // a link has flipped a bit: its checksum is wrong
	summed  bool   // somebody has asked for
	sum     uint16 // that of the payload

	next   *Packet // of a socket's
	noting *path   // it goes hop by hop and notes the path
	voyage voyage  // it is on a path
}

const (
	ipv4Header = 20
	ipv6Header = 40
	udpHeader  = 8
	tcpHeader  = 20
	icmpHeader = 8

	// MTU of every link: what a packet may be long, headers included.
	MTU        = 1500
	initialTTL = 64
)

// ipHeader is how long the IP header is.
func ipHeader(a netip.Addr) int {
	if a.Is4() {
		return ipv4Header
	}
	return ipv6Header
}

// Length is the length of the IP packet in bytes.
func (p *Packet) Length() int {
	n := ipHeader(p.Src.Addr())
	switch {
	case p.Proto == firewall.TCP:
		return n + tcpHeader + p.TCP.OptionsLen() + len(p.TCP.Payload)
	case p.Proto == firewall.UDP:
		return n + udpHeader + len(p.Payload)
	case p.ICMP != nil:
		return n + icmpHeader + len(p.ICMP.Body)
	}
	return n + len(p.Payload)
}

// Damaged tells whether a link has changed a bit of the packet: its receiver will find the checksum
// wrong and drop it.
func (p *Packet) Damaged() bool { return p.damaged }

// String is the packet in a line: "TCP 10.0.0.2:49152 > 192.0.2.1:443 SYN, 52 bytes".
func (p *Packet) String() string {
	switch {
	case p.Proto == firewall.TCP:
		return fmt.Sprintf("TCP %v > %v %v, %d bytes", p.Src, p.Dst, p.TCP.Flags, p.Length())
	case p.Proto == firewall.UDP:
		return fmt.Sprintf("UDP %v > %v, %d bytes", p.Src, p.Dst, p.Length())
	case p.ICMP != nil:
		return fmt.Sprintf("%v %v > %v %v", p.Proto, p.Src.Addr(), p.Dst.Addr(), p.ICMP.describe(p))
	}
	return fmt.Sprintf("%v %v > %v, %d bytes", p.Proto, p.Src.Addr(), p.Dst.Addr(), p.Length())
}

// quote is what an ICMP error is about; nil for any other packet.
func (p *Packet) quote() *firewall.Quote {
	if p.ICMP == nil {
		return nil
	}
	return p.ICMP.About
}

// refusal is the RST that answers a TCP packet; nil for one that must not be answered.
func (p *Packet) refusal() *Packet {
	reset, ok := tcp.ResetFor(&p.TCP)
	if !ok {
		return nil
	}
	return &Packet{Proto: firewall.TCP, Src: p.Dst, Dst: p.Src, TTL: initialTTL, TCP: reset}
}
