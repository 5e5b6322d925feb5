package check

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"strings"

	"github.com/pion/stun/v3"
)

// Password algorithms (RFC 8489, section 18.5).
const (
	algorithmMD5    = 1
	algorithmSHA256 = 2
)

// nonceCookie begins a nonce that says, in four characters after it, what the server can do (RFC 8489, section 9.2).
const nonceCookie = "obMatJos2"

// algorithmRows is how a key is agreed on (RFC 8489, section 9.2.4): a client says what it was offered, so that nobody
// between the two can take the better ones out of the offer.
func algorithmRows() []Row {
	partial := about("03")

	md5 := raw(stun.AttrPasswordAlgorithm, []byte{0, algorithmMD5, 0, 0})
	refused := func(id, sends string, attributes ...stun.Setter) {
		partial.row(id, "Allocate with "+sends, "400, if the server offers password algorithms", func(p *probe) {
			c := p.offered()
			c.wantError(c.do(stun.MethodAllocate, append(attributes, requestedTransport(udp))...), stun.CodeBadRequest)
		})
	}
	refused("PASSWORD-ALGORITHM without PASSWORD-ALGORITHMS", "PASSWORD-ALGORITHM but without PASSWORD-ALGORITHMS", md5)
	refused("another offer", "PASSWORD-ALGORITHMS that the server didn't offer", md5,
		raw(stun.AttrPasswordAlgorithms, []byte{0, algorithmMD5, 0, 0, 0x7F, 0xF1, 0, 0}))
	for _, a := range []struct {
		name   string
		number uint16
	}{{"MD5", algorithmMD5}, {"SHA-256", algorithmSHA256}} {
		partial.row(a.name+" of the offer", "Allocate with PASSWORD-ALGORITHMS as offered and "+a.name, "a success, if the server offers it", func(p *probe) {
			c := p.offered()
			c.wantSuccess(c.current(func() *stun.Message {
				if !c.offers(a.number) {
					p.notOffered("the server doesn't offer %s", a.name)
				}
				key := c.key()
				if a.number == algorithmSHA256 {
					sum := sha256.Sum256([]byte(strings.Join([]string{c.user.Username, string(c.realm), c.user.Password}, ":")))
					key = sum[:]
				}
				return c.build(request(stun.MethodAllocate), requestedTransport(udp), text(stun.AttrUsername, c.user.Username),
					raw(stun.AttrRealm, c.realm), raw(stun.AttrNonce, c.nonce), raw(stun.AttrPasswordAlgorithms, c.algorithms),
					raw(stun.AttrPasswordAlgorithm, binary.BigEndian.AppendUint32(nil, uint32(a.number)<<16)), key)
			}))
		})
	}
	for i := range partial.rows {
		partial.rows[i].Optional = true
	}
	return partial.rows
}

// offered is a client whom the server offers password algorithms: its nonce's cookie has their bit.
func (p *probe) offered() *client {
	c := p.known()
	if !c.tellsOfAlgorithms() || len(c.algorithms) == 0 {
		p.notOffered(noAlgorithms)
	}
	return c
}

const noAlgorithms = "the server offers no password algorithms"

// tellsOfAlgorithms says whether the nonce's cookie has the bit of password algorithms.
func (c *client) tellsOfAlgorithms() bool {
	cookie, bits, _ := bytes.Cut(c.nonce, []byte(nonceCookie))
	const set = "ghijklmnopqrstuvwxyz0123456789+/" // Base64 with the first bit set
	return len(cookie) == 0 && len(bits) >= 4 && strings.ContainsRune(set, rune(bits[0]))
}

// offers says whether an algorithm was offered.
func (c *client) offers(number uint16) bool {
	for list := c.algorithms; len(list) >= 4; {
		if binary.BigEndian.Uint16(list) == number {
			return true
		}
		list = list[min(len(list), 4+padded(int(binary.BigEndian.Uint16(list[2:])))):]
	}
	return false
}
