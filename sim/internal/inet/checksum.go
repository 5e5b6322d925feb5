// Package inet computes the Internet checksum (RFC 1071). It owns the arithmetic; what is summed is its callers' affair.
package inet

import (
	"encoding/binary"
	"math/bits"
)

// Sum adds bytes to an Internet checksum that is being built (RFC 1071); an odd byte may only be the last of all.
//
// Captures sum every packet, so most of it goes in words of 64 bits in this machine's order, which section 2 of the RFC
// allows. Eight of them are one chain of additions with carry, which needn't wait for the chain before. An index costs
// less than a slice that gets shorter: 30 ns instead of 34 for 1200 bytes.
func Sum(s uint64, b []byte) uint64 {
	var words, over uint64
	i := 0
	for ; i+64 <= len(b); i += 64 {
		w := (*[64]byte)(b[i : i+64])
		chain, carry := bits.Add64(word(w[0:]), word(w[8:]), 0)
		chain, carry = bits.Add64(chain, word(w[16:]), carry)
		chain, carry = bits.Add64(chain, word(w[24:]), carry)
		chain, carry = bits.Add64(chain, word(w[32:]), carry)
		chain, carry = bits.Add64(chain, word(w[40:]), carry)
		chain, carry = bits.Add64(chain, word(w[48:]), carry)
		chain, carry = bits.Add64(chain, word(w[56:]), carry)
		words, carry = bits.Add64(words, chain, carry)
		over += carry
	}
	for ; i+8 <= len(b); i += 8 {
		sum, carry := bits.Add64(words, word(b[i:]), 0)
		words, over = sum, over+carry
	}
	s += uint64(bits.ReverseBytes16(Fold(words>>32 + words&0xffffffff + over)))
	for ; i+2 <= len(b); i += 2 {
		s += uint64(binary.BigEndian.Uint16(b[i:]))
	}
	if i < len(b) {
		s += uint64(b[i]) << 8
	}
	return s
}

func word(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// Fold ends it: a header's checksum is the complement.
func Fold(s uint64) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
