// Package inet computes the Internet checksum (RFC 1071). It owns the arithmetic; what is summed is its callers' affair.
package inet

import (
	"encoding/binary"
	"math/bits"
)

// Sum adds bytes to an Internet checksum that is being built (RFC 1071); an odd byte may only be the last of all.
//
// Captures sum every packet, so most of it goes in words of 64 bits in this machine's order, which section 2 of the RFC
// allows. Of such words the upper halves are summed, and the whole: what overflows of that is known from the upper
// halves, and no addition waits for the carry of another.
func Sum(s uint64, b []byte) uint64 {
	var upper, all, more uint64
	for len(b) >= 64 {
		w0, w1 := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
		w2, w3 := binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint64(b[24:])
		w4, w5 := binary.LittleEndian.Uint64(b[32:]), binary.LittleEndian.Uint64(b[40:])
		w6, w7 := binary.LittleEndian.Uint64(b[48:]), binary.LittleEndian.Uint64(b[56:])
		all += w0 + w2 + w4 + w6
		more += w1 + w3 + w5 + w7
		upper += w0>>32 + w1>>32 + w2>>32 + w3>>32 + w4>>32 + w5>>32 + w6>>32 + w7>>32
		b = b[64:]
	}
	for len(b) >= 8 {
		w := binary.LittleEndian.Uint64(b)
		all += w
		upper += w >> 32
		b = b[8:]
	}
	lower := all + more - upper<<32
	s += uint64(bits.ReverseBytes16(Fold(upper + lower)))
	for len(b) >= 2 {
		s += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		s += uint64(b[0]) << 8
	}
	return s
}

// Fold ends it: a header's checksum is the complement.
func Fold(s uint64) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
