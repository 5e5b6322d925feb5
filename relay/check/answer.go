package check

import (
	"bytes"
	"unicode/utf8"

	"github.com/pion/stun/v3"
)

// mostCharacters is what a text of an answer can have (RFC 8489, sections 14.8 to 14.10 and 14.14): a client need not read
// a longer one.
const mostCharacters = 127

// lastRequired is the last comprehension-required attribute that IANA has assigned or reserved.
const lastRequired stun.AttrType = 0x0030

// answerRows is the form of answers (RFC 8489, section 14): what clients may rely on to read them at all.
func answerRows() []Row {
	challenge := about("01")
	attributes := about("08")

	challenge.row("an offer that the NONCE tells of", "Allocate without MESSAGE-INTEGRITY", "401 with PASSWORD-ALGORITHMS and a NONCE whose cookie has their bit, or with neither", func(p *probe) {
		c := p.known()
		switch offered := len(c.algorithms) > 0; {
		case offered && !c.tellsOfAlgorithms():
			p.fail("401 with PASSWORD-ALGORITHMS, but the NONCE %.20q doesn't tell of them", c.nonce)
		case !offered && c.tellsOfAlgorithms():
			p.fail("401 whose NONCE %.20q tells of PASSWORD-ALGORITHMS, but without any, which ends a client's attempt", c.nonce)
		case !offered:
			p.notOffered(noAlgorithms)
		}
		p.see("401 with PASSWORD-ALGORITHMS and a NONCE that tells of them")
	})
	challenge.rows[0].Optional = true
	challenge.row("texts that aren't too long", "Allocate without MESSAGE-INTEGRITY",
		"401 whose reason, REALM, NONCE and SOFTWARE have fewer than 128 characters each", func(p *probe) {
			c := p.client()
			m := c.ask(c.build(request(stun.MethodAllocate), requestedTransport(udp)))
			c.wantError(m, stun.CodeUnauthorized)
			for _, kind := range []stun.AttrType{stun.AttrErrorCode, stun.AttrRealm, stun.AttrNonce, stun.AttrSoftware} {
				b, _ := m.Get(kind)
				if kind == stun.AttrErrorCode {
					b = b[4:] // of codeOf, which has read it
				}
				if n := utf8.RuneCount(b); n > mostCharacters {
					p.fail("401 whose %v has %d characters", kind, n)
				}
			}
		})
	challenge.in("RFC 8489 §14.8, §14.9, §14.10, §14.14")
	challenge.row("padding of zeros", "Allocate without MESSAGE-INTEGRITY", "401 whose attributes are padded with zeros", func(p *probe) {
		c := p.client()
		m := c.ask(c.build(request(stun.MethodAllocate), requestedTransport(udp)))
		c.wantError(m, stun.CodeUnauthorized)
		at, padding := 20, 0
		for _, a := range m.Attributes {
			end := at + 4 + int(a.Length)
			at += 4 + padded(int(a.Length))
			if b := m.Raw[end:min(at, len(m.Raw))]; len(bytes.Trim(b, "\x00")) > 0 {
				p.fail("401 whose %v is padded with %x", a.Type, b)
			}
			padding += at - end
		}
		if padding == 0 {
			p.notOffered("its 401 needs no padding")
		}
	})
	challenge.in("RFC 8489 §14")

	for _, a := range authenticated {
		name := a.method.String()
		// A client takes the request for failed (RFC 8489, section 6.3.3).
		attributes.row("none in the answer to "+name, "a good "+name, "a success with no comprehension-required attribute that nobody assigned", func(p *probe) {
			c := p.ready(a.method)
			m := c.do(a.method, a.good(p)...)
			c.wantSuccess(m)
			for _, got := range m.Attributes {
				if got.Type > lastRequired && got.Type.Required() {
					p.fail("%s with the attribute %#04x", describe(m), uint16(got.Type))
				}
			}
		})
		attributes.in("RFC 8489 §6.3.3")
	}
	return append(challenge.rows, attributes.rows...)
}
