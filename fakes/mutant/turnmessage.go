package mutant

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"slices"

	"github.com/pion/stun/v3"
)

// turnMessage is a STUN message taken apart, so that it can be put together otherwise.
type turnMessage struct {
	kind        stun.MessageType
	transaction [stun.TransactionIDSize]byte
	attributes  []stun.RawAttribute // up to the integrity, which isn't among them
	behind      []stun.RawAttribute // it
	signed      bool
	marked      bool // with FINGERPRINT
}

// takeApart reports false for what isn't STUN, and for what has MESSAGE-INTEGRITY-SHA256, which mutants leave alone.
func takeApart(p []byte) (*turnMessage, bool) {
	raw := &stun.Message{Raw: slices.Clone(p)}
	if len(p) == 0 || p[0]>>6 != 0 || raw.Decode() != nil || raw.Contains(stun.AttrMessageIntegritySHA256) {
		return nil, false
	}
	m := &turnMessage{kind: raw.Type, transaction: raw.TransactionID}
	for _, a := range raw.Attributes {
		switch {
		case a.Type == stun.AttrFingerprint:
			m.marked = true
		case a.Type == stun.AttrMessageIntegrity:
			m.signed = true
		case m.signed:
			m.behind = append(m.behind, a)
		default:
			m.attributes = append(m.attributes, a)
		}
	}
	return m, true
}

// bytes puts the message together, signed with a key if it was signed.
func (m *turnMessage) bytes(key stun.MessageIntegrity) []byte {
	out := new(stun.Message)
	out.Type, out.TransactionID = m.kind, m.transaction
	out.WriteHeader()
	for _, a := range m.attributes {
		out.Add(a.Type, a.Value)
	}
	if m.signed {
		_ = key.AddTo(out) // it fails only after a FINGERPRINT
	}
	for _, a := range m.behind {
		out.Add(a.Type, a.Value)
	}
	if m.marked {
		_ = stun.Fingerprint.AddTo(out)
	}
	return out.Raw
}

func (m *turnMessage) is(method stun.Method, class stun.MessageClass) bool {
	return m.kind.Method == method && m.kind.Class == class
}

func (m *turnMessage) find(kind stun.AttrType) ([]byte, bool) {
	for _, a := range m.attributes {
		if a.Type == kind {
			return a.Value, true
		}
	}
	return nil, false
}

func (m *turnMessage) has(kind stun.AttrType) bool {
	_, ok := m.find(kind)
	return ok
}

// drop takes attributes out.
func (m *turnMessage) drop(which func(stun.AttrType) bool) {
	m.attributes = slices.DeleteFunc(m.attributes, func(a stun.RawAttribute) bool { return which(a.Type) })
}

func only(kind stun.AttrType) func(stun.AttrType) bool {
	return func(k stun.AttrType) bool { return k == kind }
}

// set changes the value of an attribute.
func (m *turnMessage) set(kind stun.AttrType, value []byte) {
	for i := range m.attributes {
		if m.attributes[i].Type == kind {
			m.attributes[i].Value = value
		}
	}
}

// code is that of an error, 0 if it is none.
func (m *turnMessage) code() int {
	v, _ := m.find(stun.AttrErrorCode)
	if m.kind.Class != stun.ClassErrorResponse || len(v) < 4 {
		return 0
	}
	return int(v[2])*100 + int(v[3])
}

func (m *turnMessage) recode(code int) {
	m.set(stun.AttrErrorCode, append([]byte{0, 0, byte(code / 100), byte(code % 100)}, "Mutant"...))
}

func number(v []byte) uint16 {
	if len(v) < 2 {
		return 0
	}
	return binary.BigEndian.Uint16(v)
}

// key is that of a user's, by the contract in relay's documentation.
func turnKey(secret []byte, username []byte, realm string) stun.MessageIntegrity {
	h := hmac.New(sha1.New, secret)
	h.Write(username)
	return stun.NewLongTermIntegrity(string(username), realm, base64.StdEncoding.EncodeToString(h.Sum(nil)))
}
