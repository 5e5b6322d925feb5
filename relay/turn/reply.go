package turn

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"net/netip"

	"github.com/pion/stun/v3"
)

// reply is a STUN message under way, at the end of an Output's bytes.
type reply struct {
	out   *Output
	begin int
}

func (o *Output) reply(method stun.Method, class stun.MessageClass, transaction []byte) reply {
	r := reply{o, len(o.bytes)}
	o.bytes = binary.BigEndian.AppendUint16(o.bytes, stun.NewType(method, class).Value())
	o.bytes = binary.BigEndian.AppendUint16(o.bytes, 0)
	o.bytes = binary.BigEndian.AppendUint32(o.bytes, cookie)
	o.bytes = append(o.bytes, transaction...)
	return r
}

func (r reply) len() int { return len(r.out.bytes) - r.begin }

// head begins an attribute of a length, which the caller then appends.
func (r reply) head(kind stun.AttrType, length int) {
	r.out.bytes = binary.BigEndian.AppendUint16(r.out.bytes, uint16(kind))
	r.out.bytes = binary.BigEndian.AppendUint16(r.out.bytes, uint16(length))
}

func (r reply) pad() {
	for r.len()%4 != 0 {
		r.out.bytes = append(r.out.bytes, 0)
	}
}

func (r reply) add(kind stun.AttrType, value []byte) {
	r.head(kind, len(value))
	r.out.bytes = append(r.out.bytes, value...)
	r.pad()
}

func (r reply) addText(kind stun.AttrType, value string) {
	r.head(kind, len(value))
	r.out.bytes = append(r.out.bytes, value...)
	r.pad()
}

func (r reply) addUint32(kind stun.AttrType, value uint32) {
	r.head(kind, 4)
	r.out.bytes = binary.BigEndian.AppendUint32(r.out.bytes, value)
}

// addError writes an ERROR-CODE (RFC 8489, section 14.8), or an ADDRESS-ERROR-CODE (RFC 8656, section 18.12),
// which begins with the family.
func (r reply) addError(kind stun.AttrType, family byte, code stun.ErrorCode, reason string) {
	r.head(kind, 4+len(reason))
	r.out.bytes = append(r.out.bytes, family, 0, byte(code/100), byte(code%100))
	r.out.bytes = append(r.out.bytes, reason...)
	r.pad()
}

// addXOR writes an address as XOR-MAPPED-ADDRESS has it (RFC 8489, section 14.2).
func (r reply) addXOR(kind stun.AttrType, at netip.AddrPort) {
	ip, family := at.Addr(), byte(familyIPv6)
	if ip.Is4() {
		family = familyIPv4
	}
	r.head(kind, 4+ip.BitLen()/8)
	r.out.bytes = append(r.out.bytes, 0, family)
	r.out.bytes = binary.BigEndian.AppendUint16(r.out.bytes, at.Port()^cookie>>16)
	key := r.begin + 4 // the cookie and the transaction
	if ip.Is4() {
		for i, b := range ip.As4() {
			r.out.bytes = append(r.out.bytes, b^r.out.bytes[key+i])
		}
		return
	}
	for i, b := range ip.As16() {
		r.out.bytes = append(r.out.bytes, b^r.out.bytes[key+i])
	}
}

// setLength writes the header's length as if more bytes followed.
func (r reply) setLength(more int) {
	binary.BigEndian.PutUint16(r.out.bytes[r.begin+2:], uint16(r.len()+more-headerSize))
}

// sign ends the message with the integrity attribute that its request had.
func (r reply) sign(kind stun.AttrType, key []byte) {
	hash, size := sha1.New, sha1.Size
	if kind == stun.AttrMessageIntegritySHA256 {
		hash, size = sha256.New, sha256.Size
	}
	r.setLength(attrHeaderSize + size)
	mac := hmac.New(hash, key)
	mac.Write(r.out.bytes[r.begin:])
	r.head(kind, size)
	r.out.bytes = mac.Sum(r.out.bytes)
}

func (r reply) addFingerprint() {
	r.setLength(attrHeaderSize + 4)
	r.addUint32(stun.AttrFingerprint, crc32.ChecksumIEEE(r.out.bytes[r.begin:])^fingerprintXOR)
}

// done is the whole message.
func (r reply) done() []byte {
	r.setLength(0)
	return r.out.bytes[r.begin:len(r.out.bytes):len(r.out.bytes)]
}
