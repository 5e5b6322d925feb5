package tcp

import "strings"

// Flags are the control bits of a segment, as in the header's byte.
type Flags uint8

// The control bits.
const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
)

// String lists the bits as tshark does: "SYN", "SYN ACK".
func (f Flags) String() string {
	var names []string
	for _, bit := range [...]struct {
		flag Flags
		name string
	}{{SYN, "SYN"}, {FIN, "FIN"}, {RST, "RST"}, {PSH, "PSH"}, {ACK, "ACK"}} {
		if f&bit.flag != 0 {
			names = append(names, bit.name)
		}
	}
	return strings.Join(names, " ")
}

// Segment is a TCP segment without its ports.
type Segment struct {
	Flags    Flags
	Seq, Ack uint32
	Window   uint16 // as on the wire, before scaling
	MSS      uint16 // option of a SYN; 0: absent
	Scale    int8   // option of a SYN, the shift count; NoScale: absent
	Payload  []byte

	SACKPermitted bool    // option of a SYN
	SACK          []Range // option: what has come early, the newest first; at most four

	// What only segments from a wire have.
	Urgent  uint16 // the urgent pointer
	Options []byte // all options, as they came, where the fields above don't say all, or they lie in another order
}

// NoScale is the Scale of a segment without the window scale option.
const NoScale int8 = -1

// length is how many sequence numbers the segment takes.
func (s *Segment) length() uint32 {
	n := uint32(len(s.Payload))
	if s.Flags&SYN != 0 {
		n++
	}
	if s.Flags&FIN != 0 {
		n++
	}
	return n
}

// ResetFor is the RST that answers a segment for which there is no connection (RFC 9293, 3.10.7.1).
// It reports false for a segment that must not be answered.
func ResetFor(s *Segment) (Segment, bool) {
	switch {
	case s.Flags&RST != 0:
		return Segment{}, false
	case s.Flags&ACK != 0:
		return Segment{Flags: RST, Seq: s.Ack, Scale: NoScale}, true
	default:
		return Segment{Flags: RST | ACK, Ack: s.Seq + s.length(), Scale: NoScale}, true
	}
}

// before reports whether a comes before b in sequence space.
func before(a, b uint32) bool { return int32(a-b) < 0 }
