package sim

import (
	"encoding/binary"
	"math/bits"
)

// sum adds bytes to an Internet checksum that is being built (RFC 1071); an odd byte may only be the
// last of all. Whole words are added with their carries and folded at the end, as the RFC's section 2 allows:
// captures sum every packet.
func sum(s uint64, b []byte) uint64 {
	var carry uint64
	for len(b) >= 32 {
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b), carry)
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b[8:]), carry)
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b[16:]), carry)
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b[24:]), carry)
		b = b[32:]
	}
	for len(b) >= 8 {
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b), carry)
		b = b[8:]
	}
	s, carry = bits.Add64(s, carry, 0)
	s += carry
	s = s>>32 + s&0xffffffff
	for len(b) >= 2 {
		s += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		s += uint64(b[0]) << 8
	}
	return s
}

// fold ends it: a header's checksum is the complement.
func fold(s uint64) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// amend changes a checksum in place for a part of what it counts, whose own sum changed (RFC 1624).
func amend(checksum []byte, was, now uint16) {
	c := binary.BigEndian.Uint16(checksum)
	if c == 0 {
		return // UDP without one
	}
	binary.BigEndian.PutUint16(checksum, ^fold(uint64(^c)+uint64(^was)+uint64(now)))
}
