package sim

import (
	"encoding/binary"
	"math/bits"
)

// sum adds bytes to an Internet checksum that is being built (RFC 1071); an odd byte may only be the last of all.
// As the RFC's section 2 allows, whole words are added in the order of this machine's kind, with their carries, and
// turned round at the end: captures sum every packet.
func sum(s uint64, b []byte) uint64 {
	var t, carry uint64
	for len(b) >= 64 {
		t, carry = bits.Add64(t, binary.LittleEndian.Uint64(b), carry)
		t, carry = bits.Add64(t, binary.LittleEndian.Uint64(b[8:]), carry)
		t, carry = bits.Add64(t, binary.LittleEndian.Uint64(b[16:]), carry)
		t, carry = bits.Add64(t, binary.LittleEndian.Uint64(b[24:]), carry)
		t, carry = bits.Add64(t, binary.LittleEndian.Uint64(b[32:]), carry)
		t, carry = bits.Add64(t, binary.LittleEndian.Uint64(b[40:]), carry)
		t, carry = bits.Add64(t, binary.LittleEndian.Uint64(b[48:]), carry)
		t, carry = bits.Add64(t, binary.LittleEndian.Uint64(b[56:]), carry)
		b = b[64:]
	}
	for len(b) >= 8 {
		t, carry = bits.Add64(t, binary.LittleEndian.Uint64(b), carry)
		b = b[8:]
	}
	t, carry = bits.Add64(t, 0, carry)
	t += carry
	s += uint64(bits.ReverseBytes16(fold(t>>32 + t&0xffffffff)))
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
