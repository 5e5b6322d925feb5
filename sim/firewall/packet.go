package firewall

import (
	"fmt"
	"net/netip"
	"strings"
)

// Proto is an IP protocol number. In a rule, zero is any protocol.
type Proto uint8

// The protocols that the firewall knows by name.
const (
	ICMP   Proto = 1 // over IPv4
	TCP    Proto = 6
	UDP    Proto = 17
	ICMPv6 Proto = 58
)

func (p Proto) String() string {
	switch p {
	case 0:
		return "any"
	case ICMP:
		return "ICMP"
	case TCP:
		return "TCP"
	case UDP:
		return "UDP"
	case ICMPv6:
		return "ICMPv6"
	}
	return fmt.Sprintf("protocol %d", uint8(p))
}

// hasPorts tells whether packets of this protocol carry ports that a rule can name.
func (p Proto) hasPorts() bool { return p == TCP || p == UDP }

// Direction says from which side a packet comes.
type Direction uint8

// The two directions.
const (
	Outbound Direction = iota // from the local network to the internet
	Inbound                   // from the internet to the local network
)

func (d Direction) String() string {
	switch d {
	case Outbound:
		return "outbound"
	case Inbound:
		return "inbound"
	}
	return fmt.Sprintf("direction %d", uint8(d))
}

// TCPFlags are the control bits of a TCP header (RFC 9293, section 3.1), at the places that they have
// in its fourteenth byte.
type TCPFlags uint8

// The control bits that the firewall looks at. A segment may have others; they make no difference.
const (
	FIN TCPFlags = 1 << 0
	SYN TCPFlags = 1 << 1
	RST TCPFlags = 1 << 2
	ACK TCPFlags = 1 << 4
)

// flagNames is in the order in which people say them: "SYN ACK", "FIN ACK".
var flagNames = []struct {
	flag TCPFlags
	name string
}{
	{SYN, "SYN"}, {FIN, "FIN"}, {RST, "RST"}, {1 << 3, "PSH"}, {ACK, "ACK"}, {1 << 5, "URG"}, {1 << 6, "ECE"}, {1 << 7, "CWR"},
}

func (f TCPFlags) String() string {
	var names []string
	for _, n := range flagNames {
		if f&n.flag != 0 {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, " ")
}

// Packet is what the firewall looks at. Src is the sender and Dst the receiver, whatever the
// direction. A protocol without ports has port 0, or the identifier of an ICMP echo in both.
type Packet struct {
	Proto     Proto
	Src, Dst  netip.AddrPort
	Direction Direction
	Flags     TCPFlags // of a TCP segment
	About     *Quote   // of an ICMP error: the packet that it is about
}

// Quote is what an ICMP error repeats of the packet that caused it, as that packet was sent.
type Quote struct {
	Proto    Proto
	Src, Dst netip.AddrPort
}

// opensTCP tells whether a segment asks for a new connection: SYN, and nothing that contradicts it.
func (f TCPFlags) opensTCP() bool { return f&(SYN|ACK|FIN|RST) == SYN }
