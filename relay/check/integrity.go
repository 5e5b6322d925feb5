package check

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/pion/stun/v3"
)

// integrityRows is what MESSAGE-INTEGRITY covers, in answers and in requests.
func integrityRows() []Row {
	answers := about("05")
	behind := about("06")

	for _, a := range authenticated {
		answers.row(a.method.String()+" success", "a good "+a.method.String(), "a success with a valid MESSAGE-INTEGRITY", func(p *probe) {
			c := p.ready(a.method)
			m := c.do(a.method, a.good(p)...)
			c.wantSuccess(m)
			c.wantSigned(m)
		})
	}
	for _, a := range []struct {
		name string
		ask  func(*probe) (*client, *stun.Message)
	}{
		{"400", func(p *probe) (*client, *stun.Message) {
			c := p.known()
			return c, c.do(stun.MethodAllocate)
		}},
		{"420", func(p *probe) (*client, *stun.Message) {
			c := p.known()
			return c, c.do(stun.MethodAllocate, requestedTransport(udp), raw(attrUnknown, nil))
		}},
		{"437", func(p *probe) (*client, *stun.Message) {
			c := p.known()
			return c, c.do(stun.MethodRefresh)
		}},
		{"403", func(p *probe) (*client, *stun.Message) {
			at := p.forbidden()
			c := p.allocated()
			return c, c.do(stun.MethodCreatePermission, peerAddress(at))
		}},
		{"443", func(p *probe) (*client, *stun.Message) {
			c := p.allocated()
			return c, c.do(stun.MethodRefresh, requestedFamily(ipv6))
		}},
		{"442", func(p *probe) (*client, *stun.Message) {
			c := p.known()
			return c, c.do(stun.MethodAllocate, requestedTransport(132))
		}},
		{"440", func(p *probe) (*client, *stun.Message) {
			c := p.known()
			return c, c.do(stun.MethodAllocate, requestedTransport(udp), requestedFamily(3))
		}},
		{"508", func(p *probe) (*client, *stun.Message) {
			c := p.known()
			return c, c.do(stun.MethodAllocate, requestedTransport(udp), raw(stun.AttrReservationToken, pattern(8)))
		}},
	} {
		answers.row("a "+a.name, "a request with credentials that deserves "+a.name, "an error with a valid MESSAGE-INTEGRITY", func(p *probe) {
			c, m := a.ask(p)
			if code := codeOf(m); code == 0 || code == stun.CodeUnauthorized || code == stun.CodeStaleNonce {
				p.notOffered("%s", describe(m)) // which isn't what this row is about
			}
			c.wantSigned(m)
		})
	}
	answers.row("a 441", "Refresh with another user's credentials", "441 with a MESSAGE-INTEGRITY of that user's", func(p *probe) {
		other := p.other()
		c := p.allocated()
		var m *stun.Message
		var key stun.MessageIntegrity
		c.as(other, func() { m, key = c.do(stun.MethodRefresh), c.key() })
		c.wantError(m, stun.CodeWrongCredentials)
		if err := key.Check(m); err != nil {
			p.fail("%s whose MESSAGE-INTEGRITY is missing or wrong: %v", describe(m), err)
		}
	})
	answers.row("MESSAGE-INTEGRITY-SHA256", "Allocate with MESSAGE-INTEGRITY-SHA256 in place of MESSAGE-INTEGRITY", "a success with a valid one of the two", func(p *probe) {
		c := p.known()
		m := c.current(func() *stun.Message {
			return c.build(request(stun.MethodAllocate), requestedTransport(udp), text(stun.AttrUsername, c.user.Username),
				raw(stun.AttrRealm, c.realm), raw(stun.AttrNonce, c.nonce), sha256Integrity(c.key()))
		})
		if code := codeOf(m); code == stun.CodeUnauthorized || code == stun.CodeBadRequest || code == stun.CodeUnknownAttribute {
			p.notOffered("%s", describe(m))
		}
		c.wantSuccess(m)
		// Section 9.2.4 has a request without PASSWORD-ALGORITHM answered with MESSAGE-INTEGRITY; section 9.1.3, which
		// is about the other mechanism, answers with what was asked with.
		if !sha256Integrity(c.key()).valid(m) && c.key().Check(m) != nil {
			p.fail("%s without a valid MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256", describe(m))
		}
	})

	ignored := func(id, sends, expects string, run func(*probe)) {
		behind.row(id, sends+" behind MESSAGE-INTEGRITY", expects, run)
	}
	ignored("LIFETIME 0 in Refresh", "Refresh with LIFETIME 0", "a success, and the allocation goes on", func(p *probe) {
		c := p.allocated()
		c.wantSuccess(c.askTailed(stun.MethodRefresh, lifetime(0)))
		c.wantSuccess(c.do(stun.MethodRefresh))
	})
	ignored("LIFETIME in Allocate", "Allocate with LIFETIME 1800", "a success with the default lifetime", func(p *probe) {
		c := p.known()
		m := c.askTailed(stun.MethodAllocate, lifetime(1800), requestedTransport(udp))
		if got := c.lifetimeOf(m); got != 600 {
			p.fail("%s", describe(m))
		}
	})
	ignored("the only peer", "CreatePermission with its only XOR-PEER-ADDRESS", "400", func(p *probe) {
		c := p.allocated()
		c.wantError(c.askTailed(stun.MethodCreatePermission, peerAddress(p.peer().at)), stun.CodeBadRequest)
	})
	ignored("a second peer", "CreatePermission with one XOR-PEER-ADDRESS before and another one", "a success, and no permission for the second", func(p *probe) {
		c, first, second := p.allocated(), p.peer(), p.stranger()
		c.wantSuccess(c.askTailed(stun.MethodCreatePermission, peerAddress(second.at), peerAddress(first.at)))
		c.reaches(first, pattern(20))
		c.reachesNot(second)
	})
	ignored("an unknown attribute", "Allocate with an unknown comprehension-required attribute", "a success", func(p *probe) {
		c := p.known()
		c.wantSuccess(c.askTailed(stun.MethodAllocate, raw(attrUnknown, nil), requestedTransport(udp)))
	})
	ignored("the only REQUESTED-TRANSPORT", "Allocate with its only REQUESTED-TRANSPORT", "400", func(p *probe) {
		c := p.known()
		c.wantError(c.askTailed(stun.MethodAllocate, requestedTransport(udp)), stun.CodeBadRequest)
	})
	ignored("the only CHANNEL-NUMBER", "ChannelBind with its only CHANNEL-NUMBER", "400", func(p *probe) {
		c := p.allocated()
		c.wantError(c.askTailed(stun.MethodChannelBind, channelNumber(firstChannel), peerAddress(p.peer().at)), stun.CodeBadRequest)
	})
	ignored("EVEN-PORT", "Allocate with EVEN-PORT and R", "a success without RESERVATION-TOKEN", func(p *probe) {
		c := p.known()
		m := c.askTailed(stun.MethodAllocate, evenPort(true), requestedTransport(udp))
		c.wantSuccess(m)
		if m.Contains(stun.AttrReservationToken) {
			p.fail("%s and RESERVATION-TOKEN", describe(m))
		}
	})
	ignored("the only USERNAME", "Allocate with its only USERNAME", "400", func(p *probe) {
		c := p.known()
		c.wantError(c.current(func() *stun.Message {
			return c.build(request(stun.MethodAllocate), requestedTransport(udp), raw(stun.AttrRealm, c.realm), raw(stun.AttrNonce, c.nonce),
				c.key(), text(stun.AttrUsername, c.user.Username))
		}), stun.CodeBadRequest)
	})
	behind.row("a right FINGERPRINT", "Allocate with FINGERPRINT behind MESSAGE-INTEGRITY", "a success", func(p *probe) {
		c := p.known()
		c.wantSuccess(c.askTailed(stun.MethodAllocate, stun.Fingerprint, requestedTransport(udp)))
	})
	behind.row("a wrong FINGERPRINT", "Allocate with a wrong FINGERPRINT behind MESSAGE-INTEGRITY", "silence, if the server uses FINGERPRINT", func(p *probe) {
		c := p.known()
		m := c.tailed(stun.MethodAllocate, stun.Fingerprint, requestedTransport(udp))
		m.Raw[len(m.Raw)-1] ^= 1
		c.write(m.Raw)
		c.wantSilenceOr(withoutFingerprint)
	})
	return append(answers.rows, behind.rows...)
}

// tailed makes a request with credentials, and an attribute behind its MESSAGE-INTEGRITY.
func (c *client) tailed(method stun.Method, tail stun.Setter, attributes ...stun.Setter) *stun.Message {
	m := c.signed(method, attributes...)
	if err := tail.AddTo(m); err != nil {
		panic(err) // a mistake in a row
	}
	return m
}

// askTailed sends such a request.
func (c *client) askTailed(method stun.Method, tail stun.Setter, attributes ...stun.Setter) *stun.Message {
	return c.current(func() *stun.Message { return c.tailed(method, tail, attributes...) })
}

// integrity is an attribute that proves a message (RFC 8489, sections 14.5 and 14.6), or so many of its first bytes, which
// are too few to do so: whoever compares as many bytes as there are lets in anybody who can guess them.
type integrity struct {
	kind stun.AttrType
	hash func() hash.Hash
	size int
}

func (i integrity) sign(m *stun.Message, key []byte) *stun.Message {
	before := len(m.Raw)
	m.Add(i.kind, make([]byte, i.size))
	h := hmac.New(i.hash, key)
	h.Write(m.Raw[:before])
	copy(m.Raw[before+4:], h.Sum(nil)[:i.size])
	return m
}

// sha256Integrity makes MESSAGE-INTEGRITY-SHA256 (RFC 8489, section 14.6) with a long-term key.
type sha256Integrity []byte

// AddTo implements stun.Setter.
func (k sha256Integrity) AddTo(m *stun.Message) error {
	integrity{stun.AttrMessageIntegritySHA256, sha256.New, sha256.Size}.sign(m, k)
	return nil
}

func (k sha256Integrity) mac(before []byte) []byte {
	h := hmac.New(sha256.New, k)
	h.Write(before[:2])
	h.Write(binary.BigEndian.AppendUint16(nil, uint16(len(before)+4+sha256.Size-20)))
	h.Write(before[4:])
	return h.Sum(nil)
}

// valid says whether a message has the attribute, and has it right.
func (k sha256Integrity) valid(m *stun.Message) bool {
	at := 20
	for _, a := range m.Attributes {
		if a.Type == stun.AttrMessageIntegritySHA256 {
			return len(a.Value) == sha256.Size && hmac.Equal(a.Value, k.mac(m.Raw[:at]))
		}
		at += 4 + padded(len(a.Value))
	}
	return false
}
