package tcp

import (
	"encoding/binary"
	"fmt"
)

// Kinds of TCP options (RFC 9293, 3.1, RFC 7323 and RFC 2018).
const (
	optionEnd           = 0
	optionNop           = 1
	optionMSS           = 2
	optionScale         = 3
	optionSACKPermitted = 4
	optionSACK          = 5
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
	if s.SACKPermitted {
		n += 4 // with the NOPs that align it, as all below
	}
	if s.Scale != NoScale {
		n += 4
	}
	return n + sackLen(len(s.SACK))
}

// sackLen is how many bytes so many ranges take.
func sackLen(ranges int) int {
	if ranges == 0 {
		return 0
	}
	return 4 + 8*ranges
}

// AppendOptions appends the header's options as on the wire.
func (s *Segment) AppendOptions(b []byte) []byte {
	if s.Options != nil {
		return append(b, s.Options...)
	}
	if s.MSS != 0 {
		b = binary.BigEndian.AppendUint16(append(b, optionMSS, 4), s.MSS)
	}
	if s.SACKPermitted {
		b = append(b, optionNop, optionNop, optionSACKPermitted, 2)
	}
	if s.Scale != NoScale {
		b = append(b, optionNop, optionScale, 3, byte(s.Scale))
	}
	if len(s.SACK) > 0 {
		b = append(b, optionNop, optionNop, optionSACK, byte(2+8*len(s.SACK)))
		for _, r := range s.SACK {
			b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, r.From), r.To)
		}
	}
	return b
}

// ParseOptions sets the fields of options from a header's, and Options if they don't say everything. The segment
// refers to b.
func (s *Segment) ParseOptions(b []byte) error {
	s.MSS, s.Scale, s.SACKPermitted, s.SACK, s.Options = 0, NoScale, false, nil, nil
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
		case kind == optionSACKPermitted && len(value) == 0:
			s.SACKPermitted = true
		case kind == optionSACK && len(value)%8 == 0:
			s.SACK = nil // of two such options the last counts, as of all others
			for ; len(value) > 0; value = value[8:] {
				s.SACK = append(s.SACK, Range{binary.BigEndian.Uint32(value), binary.BigEndian.Uint32(value[4:])})
			}
		}
		rest = rest[rest[1]:]
	}
	var own [40]byte
	if string(s.AppendOptions(own[:0])) != string(b) {
		s.Options = b
	}
	return nil
}
