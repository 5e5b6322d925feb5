package tcp

import (
	"encoding/binary"
	"fmt"
)

// Kinds of TCP options (RFC 9293, 3.1, and RFC 7323).
const (
	optionEnd   = 0
	optionNop   = 1
	optionMSS   = 2
	optionScale = 3
)

// OptionsLen is how many bytes of options the segment's header has: a multiple of four.
func (s *Segment) OptionsLen() int {
	if s.Options != nil {
		return len(s.Options)
	}
	n := 0
	if s.MSS != 0 {
		n += 4
	}
	if s.Scale != NoScale {
		n += 4 // with the NOP that aligns it
	}
	return n
}

// AppendOptions appends the header's options as on the wire.
func (s *Segment) AppendOptions(b []byte) []byte {
	if s.Options != nil {
		return append(b, s.Options...)
	}
	if s.MSS != 0 {
		b = binary.BigEndian.AppendUint16(append(b, optionMSS, 4), s.MSS)
	}
	if s.Scale != NoScale {
		b = append(b, optionNop, optionScale, 3, byte(s.Scale))
	}
	return b
}

// ParseOptions sets MSS and Scale from a header's options, and Options if those two don't say
// everything. The segment refers to b.
func (s *Segment) ParseOptions(b []byte) error {
	s.MSS, s.Scale, s.Options = 0, NoScale, nil
	for rest := b; len(rest) > 0; {
		kind := rest[0]
		if kind == optionEnd {
			break
		}
		if kind == optionNop {
			rest = rest[1:]
			continue
		}
		if len(rest) < 2 || rest[1] < 2 || int(rest[1]) > len(rest) {
			return fmt.Errorf("TCP option %d runs past the header's end", kind)
		}
		value := rest[2:rest[1]]
		switch {
		case kind == optionMSS && len(value) == 2:
			s.MSS = binary.BigEndian.Uint16(value)
		case kind == optionScale && len(value) == 1 && value[0] < 128:
			s.Scale = int8(value[0])
		}
		rest = rest[rest[1]:]
	}
	var own [40]byte
	if string(s.AppendOptions(own[:0])) != string(b) {
		s.Options = b
	}
	return nil
}
