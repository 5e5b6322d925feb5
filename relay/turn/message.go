package turn

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"hash/crc32"
	"net/netip"

	"github.com/pion/stun/v3"
)

// Sizes of RFC 8489, section 5 and 14.
const (
	headerSize     = 20
	attrHeaderSize = 4
	cookie         = 0x2112A442
	fingerprintXOR = 0x5354554e
)

// Attributes that are younger than pion/stun (RFC 8656, section 18).
const (
	attrAdditionalAddressFamily stun.AttrType = 0x8000
	attrAddressErrorCode        stun.AttrType = 0x8001
)

// Address families of RFC 8489, section 14.1.
const (
	familyIPv4 = 0x01
	familyIPv6 = 0x02
)

// attribute is one of a message; value is part of the message's bytes.
type attribute struct {
	kind  stun.AttrType
	value []byte
	at    int // where its header begins
}

// message is a STUN message that was read in place: nothing is copied, and reading another into the same
// message allocates nothing. pion/stun's own decoder keeps no offsets, which the rule about attributes
// behind MESSAGE-INTEGRITY needs.
type message struct {
	raw         []byte
	kind        stun.MessageType
	attributes  []attribute
	integrity   *attribute // MESSAGE-INTEGRITY-SHA256 if it is there, else MESSAGE-INTEGRITY
	fingerprint bool

	integrityBuffer attribute
}

// read reads a message that fills raw. It reports false for whatever RFC 8489, section 6.3, has discarded
// in silence: not a STUN message, a length that isn't sensible, a wrong FINGERPRINT.
//
// Of what follows MESSAGE-INTEGRITY only MESSAGE-INTEGRITY-SHA256 and FINGERPRINT are kept (section 14.5),
// of what follows MESSAGE-INTEGRITY-SHA256 only FINGERPRINT (section 14.6).
func (m *message) read(raw []byte) bool {
	*m = message{raw: raw, attributes: m.attributes[:0]}
	if len(raw) < headerSize || raw[0]&0xC0 != 0 || binary.BigEndian.Uint32(raw[4:]) != cookie ||
		headerSize+int(binary.BigEndian.Uint16(raw[2:])) != len(raw) || len(raw)%4 != 0 {
		return false
	}
	m.kind.ReadValue(binary.BigEndian.Uint16(raw))
	for at := headerSize; at < len(raw); {
		if m.fingerprint {
			return false // it must be the last (section 14.7)
		}
		kind := stun.AttrType(binary.BigEndian.Uint16(raw[at:]))
		length := int(binary.BigEndian.Uint16(raw[at+2:]))
		begin := at + attrHeaderSize
		end := begin + padded(length)
		if end > len(raw) {
			return false
		}
		a := attribute{kind: kind, value: raw[begin : begin+length], at: at}
		at = end
		switch {
		case kind == stun.AttrFingerprint:
			if length != 4 || binary.BigEndian.Uint32(a.value) != crc32.ChecksumIEEE(raw[:a.at])^fingerprintXOR {
				return false
			}
			m.fingerprint = true
		case m.integrity != nil && m.integrity.kind == stun.AttrMessageIntegritySHA256:
		case kind == stun.AttrMessageIntegritySHA256, kind == stun.AttrMessageIntegrity && m.integrity == nil:
			m.integrityBuffer = a
			m.integrity = &m.integrityBuffer
		case m.integrity == nil:
			m.attributes = append(m.attributes, a)
		}
	}
	return true
}

// find is the value of the first attribute of a kind: later ones don't count (section 14).
func (m *message) find(kind stun.AttrType) (value []byte, ok bool) {
	for i := range m.attributes {
		if m.attributes[i].kind == kind {
			return m.attributes[i].value, true
		}
	}
	return nil, false
}

func (m *message) has(kind stun.AttrType) bool {
	_, ok := m.find(kind)
	return ok
}

func (m *message) transaction() []byte { return m.raw[8:headerSize] }

// authentic checks the integrity attribute, which must be there, in constant time.
func (m *message) authentic(key []byte) bool {
	a := m.integrity
	var mac []byte
	switch {
	case a.kind == stun.AttrMessageIntegrity:
		if len(a.value) != sha1.Size {
			return false
		}
		mac = m.mac(hmac.New(sha1.New, key))
	case len(a.value) < 16 || len(a.value) > sha256.Size || len(a.value)%4 != 0: // section 14.6
		return false
	default:
		mac = m.mac(hmac.New(sha256.New, key))[:len(a.value)]
	}
	return hmac.Equal(mac, a.value)
}

// mac is that of the message up to the integrity attribute, with the length that the header had when it was
// the last (section 14.5).
func (m *message) mac(h hash.Hash) []byte {
	var head [4]byte
	copy(head[:2], m.raw)
	binary.BigEndian.PutUint16(head[2:], uint16(m.integrity.at+attrHeaderSize+padded(len(m.integrity.value))-headerSize))
	h.Write(head[:])
	h.Write(m.raw[4:m.integrity.at])
	return h.Sum(nil)
}

// unknown lists the comprehension-required attributes that the server doesn't know.
func (m *message) unknown(dontFragment bool) (kinds []stun.AttrType) {
	for _, a := range m.attributes {
		if a.kind >= 0x8000 || known(a.kind) && (a.kind != stun.AttrDontFragment || dontFragment) {
			continue
		}
		kinds = append(kinds, a.kind)
	}
	return kinds
}

func known(kind stun.AttrType) bool {
	switch kind {
	case stun.AttrMappedAddress, stun.AttrUsername, stun.AttrErrorCode, stun.AttrUnknownAttributes,
		stun.AttrChannelNumber, stun.AttrLifetime, stun.AttrXORPeerAddress, stun.AttrData, stun.AttrRealm,
		stun.AttrNonce, stun.AttrXORRelayedAddress, stun.AttrRequestedAddressFamily, stun.AttrEvenPort,
		stun.AttrRequestedTransport, stun.AttrDontFragment, stun.AttrPasswordAlgorithm, stun.AttrUserhash,
		stun.AttrXORMappedAddress, stun.AttrReservationToken:
		return true
	}
	return false
}

// peer reads an XOR-PEER-ADDRESS (section 14.2).
func (m *message) peer(value []byte) (at netip.AddrPort, ok bool) {
	if len(value) < 4 {
		return at, false
	}
	port := binary.BigEndian.Uint16(value[2:]) ^ cookie>>16
	switch {
	case value[1] == familyIPv4 && len(value) == 8:
		var ip [4]byte
		xor(ip[:], value[4:], m.raw[4:])
		return netip.AddrPortFrom(netip.AddrFrom4(ip), port), true
	case value[1] == familyIPv6 && len(value) == 20:
		var ip [16]byte
		xor(ip[:], value[4:], m.raw[4:])
		return netip.AddrPortFrom(netip.AddrFrom16(ip), port), true
	}
	return at, false
}

func xor(to, a, b []byte) {
	for i := range to {
		to[i] = a[i] ^ b[i]
	}
}

func padded(n int) int { return (n + 3) &^ 3 }
