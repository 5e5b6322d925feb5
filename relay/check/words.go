package check

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/pion/stun/v3"
)

// describe says what an answer is, in words.
func describe(m *stun.Message) string {
	if m == nil {
		return "silence"
	}
	if m.Type.Class == stun.ClassErrorResponse {
		value, _ := m.Get(stun.AttrErrorCode)
		if len(value) < 4 {
			return fmt.Sprintf("a %v error without a code", m.Type.Method)
		}
		return strings.TrimRight(fmt.Sprintf("%d %s", codeOf(m), value[4:]), " \x00")
	}
	var parts []string
	if at, ok := xorAddress(m, stun.AttrXORRelayedAddress); ok {
		parts = append(parts, fmt.Sprintf("relayed %v", at))
	}
	if b, err := m.Get(stun.AttrLifetime); err == nil && len(b) == 4 {
		parts = append(parts, fmt.Sprintf("lifetime %d s", binary.BigEndian.Uint32(b)))
	}
	words := fmt.Sprintf("%v %v", m.Type.Method, m.Type.Class)
	if len(parts) > 0 {
		words += " with " + strings.Join(parts, ", ")
	}
	return words
}

// describeRaw is likewise for any message.
func describeRaw(b []byte) string {
	m := &stun.Message{Raw: b}
	switch {
	case b == nil:
		return "silence"
	case len(b) >= 4 && b[0]>>6 == 1:
		return fmt.Sprintf("ChannelData on %#x with %d bytes", binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]))
	case m.Decode() != nil:
		return fmt.Sprintf("%d bytes that are no message", len(b))
	}
	return describe(m)
}

// codeOf is an error's code, 0 if there is none. The bits beside it are reserved, and nobody's business (RFC 8489,
// section 14.8).
func codeOf(m *stun.Message) stun.ErrorCode {
	if m == nil || m.Type.Class != stun.ClassErrorResponse {
		return 0
	}
	value, _ := m.Get(stun.AttrErrorCode)
	if len(value) < 4 {
		return 0
	}
	return stun.ErrorCode(value[2]&7)*100 + stun.ErrorCode(value[3])
}
