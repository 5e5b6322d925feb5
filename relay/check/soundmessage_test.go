package check_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"net/netip"
	"slices"
	"unicode/utf8"
)

// What a message may be (RFC 8489, section 5): methods, and the bits of the classes.
const (
	binding, allocating, refreshing, sending, receiving, permitting, channelling = 1, 3, 4, 6, 7, 8, 9

	indication, succeeding, failing = 0x0010, 0x0100, 0x0110
)

// Attributes.
const (
	username, integrity, errorCode, unknownAttributes = 0x0006, 0x0008, 0x0009, 0x000A
	channel, life, peerAt, data                       = 0x000C, 0x000D, 0x0012, 0x0013
	realmIs, nonceIs, relayedAt, wantedFamily         = 0x0014, 0x0015, 0x0016, 0x0017
	even, transport, whole, integrity256              = 0x0018, 0x0019, 0x001A, 0x001C
	algorithm, mappedAt, reserved                     = 0x001D, 0x0020, 0x0022
	alsoFamily, familyError, algorithms               = 0x8000, 0x8001, 0x8002
	software, fingerprint                             = 0x8022, 0x8028
)

var understood = []uint16{
	username, integrity, channel, life, peerAt, data, realmIs, nonceIs, wantedFamily, even, transport, whole, integrity256,
	algorithm, reserved,
}

type attribute struct {
	kind  uint16
	value []byte
}

// message is a STUN message.
type message struct {
	kind       uint16
	id         [16]byte // with the magic cookie
	attributes []attribute
	raw        []byte
	at         map[uint16]int // where integrity, integrity256 and fingerprint begin
}

const cookie = 0x2112A442

// parse reads a message that fills b. It is nil if b is none.
func (s *soundServer) parse(b []byte) *message {
	if len(b) < 20 || b[0]>>6 != 0 && !s.is("looks at no first bits") {
		return nil
	}
	length := int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case length > len(b)-20 && s.is("reads a message that is longer than its datagram"):
		length = len(b) - 20
	case length%4 != 0 && s.is("takes a length that is no multiple of 4"):
		length = len(b) - 20
	case length%4 != 0, length > len(b)-20, length < len(b)-20 && !s.is("reads a message that is shorter than its datagram"):
		return nil
	case binary.BigEndian.Uint32(b[4:]) != cookie && !s.is("looks at no magic cookie"):
		return nil
	}
	b = b[:20+length]
	m := &message{kind: binary.BigEndian.Uint16(b) & 0x3FFF, raw: b, at: map[uint16]int{}}
	copy(m.id[:], b[4:])
	for at := 20; at < len(b); {
		kind, n := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		if at+4+n > len(b) {
			if s.is("answers 400 to attributes beyond their message") && m.kind&failing == 0 {
				m.attributes = nil
				m.at[0] = at
				return m
			}
			return nil
		}
		behind := m.at[fingerprint] != 0 || m.at[integrity256] != 0 && kind != fingerprint ||
			m.at[integrity] != 0 && kind != fingerprint && kind != integrity256
		if !behind || s.is("reads what stands behind MESSAGE-INTEGRITY") {
			m.attributes = append(m.attributes, attribute{kind, b[at+4 : at+4+n]})
			if kind == integrity || kind == integrity256 || kind == fingerprint {
				m.at[kind] = at
			}
		}
		for i := at + 4 + n; i < min(len(b), at+4+(n+3)&^3); i++ {
			if b[i] != 0 && s.is("wants padding of zeros") {
				return nil
			}
		}
		at += 4 + (n+3)&^3
	}
	if marked := m.at[fingerprint] != 0; marked && s.is("drops what has FINGERPRINT") || !marked && s.is("drops what has no FINGERPRINT") {
		return nil
	}
	if at := m.at[fingerprint]; at != 0 && !s.is("knows no FINGERPRINT") && !s.is("uses FINGERPRINT and checks none") &&
		binary.BigEndian.Uint32(b[at+4:]) != crc32.ChecksumIEEE(b[:at])^0x5354554E {
		return nil
	}
	return m
}

// malformed says whether an attribute hasn't the length that it must have, or isn't text.
func (m *message) malformed() bool {
	sizes := map[uint16]int{life: 4, channel: 4, reserved: 8, even: 1, wantedFamily: 4, alsoFamily: 4, algorithm: 4}
	return slices.ContainsFunc(m.attributes, func(a attribute) bool {
		size, ok := sizes[a.kind]
		return ok && len(a.value) != size || a.kind == algorithms && len(a.value)%4 != 0 || len(a.value) == 0 && a.kind == algorithms ||
			a.kind == peerAt && !m.peer(a.value).IsValid() || (a.kind == software || a.kind == username) && !utf8.Valid(a.value) ||
			a.kind == username && len(a.value) > 508
	})
}

func (m *message) method() uint16 { return m.kind &^ failing }

func (m *message) find(kind uint16) ([]byte, bool) {
	for _, a := range m.attributes {
		if a.kind == kind {
			return a.value, true
		}
	}
	return nil, false
}

func (m *message) has(kind uint16) bool {
	_, ok := m.find(kind)
	return ok
}

func (m *message) add(kind uint16, value []byte) {
	m.attributes = append(m.attributes, attribute{kind, value})
}

// address is a transport address, in the clear or made as XOR-MAPPED-ADDRESS is.
func (m *message) address(at netip.AddrPort) []byte {
	family := byte(1)
	if at.Addr().Is6() {
		family = 2
	}
	b := binary.BigEndian.AppendUint16([]byte{0, family}, at.Port()^cookie>>16)
	for i, x := range at.Addr().AsSlice() {
		b = append(b, x^m.id[i])
	}
	return b
}

// peer reads a transport address. It isn't valid if the attribute is malformed.
func (m *message) peer(value []byte) netip.AddrPort {
	if !(len(value) == 8 && value[1] == 1) && !(len(value) == 20 && value[1] == 2) {
		return netip.AddrPort{}
	}
	ip := slices.Clone(value[4:])
	for i := range ip {
		ip[i] ^= m.id[i]
	}
	addr, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(addr, binary.BigEndian.Uint16(value[2:])^cookie>>16)
}

// wire is the message as it goes out, signed with a key if there is one.
func (s *soundServer) wire(m *message, key []byte, longer bool) []byte {
	attributes := m.attributes
	if s.is("another order of attributes") {
		attributes = slices.Clone(attributes)
		slices.Reverse(attributes)
	}
	b := binary.BigEndian.AppendUint16(nil, m.kind)
	b = append(append(b, 0, 0), m.id[:]...)
	put := func(kind uint16, value []byte) {
		b = binary.BigEndian.AppendUint16(b, kind)
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(value))), value...)
		for len(b)%4 != 0 {
			if b = append(b, 0); s.is("pads with what isn't zero") {
				b[len(b)-1] = 0xA5
			}
		}
	}
	extent := func(more int) { binary.BigEndian.PutUint16(b[2:], uint16(len(b)-20+more)) }
	var last []attribute
	if s.is("signs before it is complete") && key != nil && len(attributes) > 0 {
		attributes, last = attributes[:len(attributes)-1], attributes[len(attributes)-1:]
	}
	for _, a := range attributes {
		put(a.kind, a.value)
	}
	if s.is("SOFTWARE and unknown optional attributes") {
		put(software, []byte("a sound server"))
		put(0xC0DE, []byte("?"))
	}
	switch {
	case key == nil:
	case longer:
		extent(36)
		put(integrity256, sha256Of(key, b))
	default:
		extent(24)
		put(integrity, sha1Of(key, b))
	}
	for _, a := range last {
		put(a.kind, a.value)
	}
	if s.is("FINGERPRINT everywhere") || s.is("uses FINGERPRINT and checks none") || s.is("makes FINGERPRINT before it is complete") {
		if !s.is("makes FINGERPRINT before it is complete") {
			extent(8)
		}
		put(fingerprint, binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(b)^0x5354554E))
	}
	extent(0)
	return b
}

func sha1Of(key, b []byte) []byte {
	h := hmac.New(sha1.New, key)
	h.Write(b)
	return h.Sum(nil)
}

func sha256Of(key, b []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(b)
	return h.Sum(nil)
}

// signedBy says whether the message is signed with a key (RFC 8489, sections 14.5 and 14.6).
func (s *soundServer) signedBy(m *message, key []byte) bool {
	kind, size, hash := uint16(integrity256), sha256.Size, sha256Of
	if !m.has(integrity256) {
		kind, size, hash = integrity, sha1.Size, sha1Of
	}
	got, _ := m.find(kind)
	if kind == integrity && s.is("compares as much of MESSAGE-INTEGRITY as there is") ||
		kind == integrity256 && s.is("compares as much of MESSAGE-INTEGRITY-SHA256 as there is") {
		size = len(got)
	}
	b := slices.Clone(m.raw[:m.at[kind]])
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)+4+size-20))
	want := hash(key, b)
	if s.is("compares half of MESSAGE-INTEGRITY") {
		return len(got) == size && hmac.Equal(got[:size/2], want[:size/2])
	}
	return hmac.Equal(got, want[:size])
}

func sha256Sum(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

func longTermKey(user, realm, password string) []byte {
	key := md5.Sum([]byte(user + ":" + realm + ":" + password))
	return key[:]
}
