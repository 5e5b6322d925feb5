package check

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/pion/stun/v3"
)

// authenticated is the methods that need credentials, each with attributes that make a good request.
var authenticated = []struct {
	method stun.Method
	good   func(*probe) []stun.Setter
}{
	{stun.MethodAllocate, func(*probe) []stun.Setter { return []stun.Setter{requestedTransport(udp)} }},
	{stun.MethodRefresh, func(*probe) []stun.Setter { return nil }},
	{stun.MethodCreatePermission, func(p *probe) []stun.Setter { return []stun.Setter{peerAddress(p.peer().at)} }},
	{stun.MethodChannelBind, func(p *probe) []stun.Setter {
		return []stun.Setter{channelNumber(firstChannel), peerAddress(p.peer().at)}
	}},
}

// ready is a client for a request of a method: one with an allocation, unless the method makes one.
func (p *probe) ready(method stun.Method) *client {
	if method == stun.MethodAllocate {
		return p.known()
	}
	return p.allocated()
}

// challengeRows is RFC 8489, section 9.2.4, as far as a request is refused.
func challengeRows() []Row {
	without := about("01")
	wrong := about("02")
	partial := about("03")
	stale := about("04")

	for _, a := range authenticated {
		name := a.method.String()
		without.row(name+" without MESSAGE-INTEGRITY", name+" without MESSAGE-INTEGRITY", "401 with REALM and NONCE", func(p *probe) {
			c := p.ready(a.method)
			c.wantChallenge(c.ask(c.build(request(a.method), a.good(p)...)), stun.CodeUnauthorized)
		})
		wrong.row(name+" with a wrong password", name+" signed with another password", "401 with REALM and NONCE", func(p *probe) {
			c := p.ready(a.method)
			right := c.user
			c.user.Password += "x"
			m := c.ask(c.signed(a.method, a.good(p)...))
			c.user = right
			c.wantChallenge(m, stun.CodeUnauthorized)
		})
		wrong.row(name+" of an unknown user", name+" with a USERNAME that nobody has", "401 with REALM and NONCE", func(p *probe) {
			c := p.ready(a.method)
			right := c.user
			c.user.Username = "nobody-has-this-name"
			m := c.ask(c.signed(a.method, a.good(p)...))
			c.user = right
			c.wantChallenge(m, stun.CodeUnauthorized)
		})
		for _, missing := range []stun.AttrType{stun.AttrUsername, stun.AttrRealm, stun.AttrNonce} {
			partial.row(fmt.Sprint(name, " without ", missing), fmt.Sprintf("%s with MESSAGE-INTEGRITY but without %v", name, missing), "400", func(p *probe) {
				c := p.ready(a.method)
				attributes := a.good(p)
				for _, part := range []stun.RawAttribute{
					{Type: stun.AttrUsername, Value: []byte(c.user.Username)}, {Type: stun.AttrRealm, Value: c.realm}, {Type: stun.AttrNonce, Value: c.nonce},
				} {
					if part.Type != missing {
						attributes = append(attributes, part)
					}
				}
				c.wantError(c.ask(c.build(request(a.method), append(attributes, c.key())...)), stun.CodeBadRequest)
			})
		}
		stale.row(name+" with a forged NONCE", name+" with a NONCE that the server never gave", "438 with REALM and a new NONCE", func(p *probe) {
			c := p.ready(a.method)
			forged := []byte("0123456789abcdef")
			right := c.nonce
			c.nonce = forged
			m := c.ask(c.signed(a.method, a.good(p)...))
			c.nonce = right
			c.wantChallenge(m, stun.CodeStaleNonce)
			if nonce, _ := m.Get(stun.AttrNonce); string(nonce) == string(forged) {
				p.fail("%s with the forged NONCE", describe(m))
			}
		})
	}

	without.should("no MESSAGE-INTEGRITY in a 401", "Allocate without MESSAGE-INTEGRITY", "401 without MESSAGE-INTEGRITY", func(p *probe) {
		c := p.client()
		m := c.ask(c.build(request(stun.MethodAllocate), requestedTransport(udp)))
		c.wantError(m, stun.CodeUnauthorized)
		if m.Contains(stun.AttrMessageIntegrity) {
			p.fail("%s with MESSAGE-INTEGRITY", describe(m))
		}
	})
	without.row("another NONCE for another source", "Allocate without MESSAGE-INTEGRITY from two sources", "two different NONCEs", func(p *probe) {
		a, b := p.known(), p.known()
		if string(a.nonce) == string(b.nonce) {
			p.fail("the same NONCE twice")
		}
		p.see("two different NONCEs")
	})
	without.row("USERNAME alone is no credential", "Allocate with USERNAME, REALM and NONCE but without MESSAGE-INTEGRITY", "401 with REALM and NONCE", func(p *probe) {
		c := p.known()
		c.wantChallenge(c.ask(c.build(request(stun.MethodAllocate), requestedTransport(udp),
			text(stun.AttrUsername, c.user.Username), raw(stun.AttrRealm, c.realm), raw(stun.AttrNonce, c.nonce))), stun.CodeUnauthorized)
	})
	without.row("Allocate with credentials", "Allocate with what the 401 named", "a success", func(p *probe) {
		c := p.known()
		c.wantSuccess(c.ask(c.signed(stun.MethodAllocate, requestedTransport(udp))))
	})
	without.row("Binding needs none", "Binding without credentials", "a success with XOR-MAPPED-ADDRESS", func(p *probe) {
		c := p.client()
		m := c.ask(c.build(request(stun.MethodBinding)))
		if codeOf(m) == stun.CodeUnauthorized {
			p.notOffered("%s", describe(m))
		}
		c.wantSuccess(m)
		if !m.Contains(stun.AttrXORMappedAddress) {
			p.fail("a success without XOR-MAPPED-ADDRESS")
		}
	})

	wrong.row("one bit of MESSAGE-INTEGRITY", "Allocate with one bit of MESSAGE-INTEGRITY inverted", "401 with REALM and NONCE", func(p *probe) {
		c := p.known()
		m := c.signed(stun.MethodAllocate, requestedTransport(udp))
		m.Raw[len(m.Raw)-1] ^= 1
		c.wantChallenge(c.ask(m), stun.CodeUnauthorized)
	})
	wrong.row("a wrong key changes nothing", "Refresh with LIFETIME 0, signed with another password", "an error, and the allocation goes on", func(p *probe) {
		c := p.allocated()
		right := c.user
		c.user.Password += "x"
		m := c.ask(c.signed(stun.MethodRefresh, lifetime(0)))
		c.user = right
		if codeOf(m) == 0 {
			p.fail("%s", describe(m))
		}
		c.wantSuccess(c.do(stun.MethodRefresh))
	})
	wrong.row("the right key after a wrong one", "Allocate with the right password, after one with a wrong one", "a success", func(p *probe) {
		c := p.known()
		right := c.user
		c.user.Password += "x"
		c.wantError(c.ask(c.signed(stun.MethodAllocate, requestedTransport(udp))), stun.CodeUnauthorized)
		c.user = right
		c.wantSuccess(c.do(stun.MethodAllocate, requestedTransport(udp)))
	})

	partial.row("all of them", "Allocate with USERNAME, REALM, NONCE and MESSAGE-INTEGRITY", "a success", func(p *probe) {
		c := p.known()
		c.wantSuccess(c.ask(c.signed(stun.MethodAllocate, requestedTransport(udp))))
	})

	stale.row("an empty NONCE", "Allocate with an empty NONCE", "438 with REALM and a new NONCE", func(p *probe) {
		c := p.known()
		c.nonce = nil
		c.wantChallenge(c.ask(c.signed(stun.MethodAllocate, requestedTransport(udp))), stun.CodeStaleNonce)
	})
	stale.row("the new NONCE is good", "Allocate with the NONCE of a 438", "a success", func(p *probe) {
		c := p.known()
		c.nonce = []byte("0123456789abcdef")
		m := c.ask(c.signed(stun.MethodAllocate, requestedTransport(udp)))
		c.wantChallenge(m, stun.CodeStaleNonce)
		c.learn(m)
		c.wantSuccess(c.ask(c.signed(stun.MethodAllocate, requestedTransport(udp))))
	})
	stale.row("a NONCE serves more than once", "Refresh three times with one NONCE", "three successes", func(p *probe) {
		c := p.allocated()
		for range 3 {
			c.wantSuccess(c.ask(c.signed(stun.MethodRefresh)))
		}
	})
	stale.add(clock, "an old NONCE", "Refresh with a NONCE that is 61 minutes old", "438 with REALM and a new NONCE", func(p *probe) {
		c := p.allocated(lifetime(3600))
		p.sleep(50 * time.Minute)
		c.wantSuccess(c.do(stun.MethodRefresh, lifetime(3600)))
		p.sleep(11 * time.Minute)
		c.wantChallenge(c.ask(c.signed(stun.MethodRefresh)), stun.CodeStaleNonce)
	})
	return append(append(append(without.rows, wrong.rows...), partial.rows...), stale.rows...)
}

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
		{"442", func(p *probe) (*client, *stun.Message) {
			c := p.known()
			return c, c.do(stun.MethodAllocate, requestedTransport(132))
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
	answers.row("MESSAGE-INTEGRITY-SHA256", "Allocate with MESSAGE-INTEGRITY-SHA256 in place of MESSAGE-INTEGRITY", "a success with a valid MESSAGE-INTEGRITY-SHA256", func(p *probe) {
		c := p.known()
		m := c.ask(c.build(request(stun.MethodAllocate), requestedTransport(udp), text(stun.AttrUsername, c.user.Username),
			raw(stun.AttrRealm, c.realm), raw(stun.AttrNonce, c.nonce), sha256Integrity(c.key())))
		if code := codeOf(m); code == stun.CodeUnauthorized || code == stun.CodeBadRequest || code == stun.CodeUnknownAttribute {
			p.notOffered("%s", describe(m))
		}
		c.wantSuccess(m)
		if !sha256Integrity(c.key()).valid(m) {
			p.fail("%s without a valid MESSAGE-INTEGRITY-SHA256", describe(m))
		}
	})

	ignored := func(id, sends, expects string, run func(*probe)) {
		behind.row(id, sends+" behind MESSAGE-INTEGRITY", expects, run)
	}
	ignored("LIFETIME 0 in Refresh", "Refresh with LIFETIME 0", "a success, and the allocation goes on", func(p *probe) {
		c := p.allocated()
		c.wantSuccess(c.ask(c.tailed(stun.MethodRefresh, lifetime(0))))
		c.wantSuccess(c.do(stun.MethodRefresh))
	})
	ignored("LIFETIME in Allocate", "Allocate with LIFETIME 1800", "a success with the default lifetime", func(p *probe) {
		c := p.known()
		m := c.ask(c.tailed(stun.MethodAllocate, lifetime(1800), requestedTransport(udp)))
		if got := c.lifetimeOf(m); got != 600 {
			p.fail("%s", describe(m))
		}
	})
	ignored("the only peer", "CreatePermission with its only XOR-PEER-ADDRESS", "400", func(p *probe) {
		c := p.allocated()
		c.wantError(c.ask(c.tailed(stun.MethodCreatePermission, peerAddress(p.peer().at))), stun.CodeBadRequest)
	})
	ignored("a second peer", "CreatePermission with one XOR-PEER-ADDRESS before and another one", "a success, and no permission for the second", func(p *probe) {
		c, first, second := p.allocated(), p.peer(), p.stranger()
		c.wantSuccess(c.ask(c.tailed(stun.MethodCreatePermission, peerAddress(second.at), peerAddress(first.at))))
		c.reaches(first, pattern(20))
		c.reachesNot(second)
	})
	ignored("an unknown attribute", "Allocate with an unknown comprehension-required attribute", "a success", func(p *probe) {
		c := p.known()
		c.wantSuccess(c.ask(c.tailed(stun.MethodAllocate, raw(attrUnknown, nil), requestedTransport(udp))))
	})
	ignored("the only REQUESTED-TRANSPORT", "Allocate with its only REQUESTED-TRANSPORT", "400", func(p *probe) {
		c := p.known()
		c.wantError(c.ask(c.tailed(stun.MethodAllocate, requestedTransport(udp))), stun.CodeBadRequest)
	})
	ignored("the only CHANNEL-NUMBER", "ChannelBind with its only CHANNEL-NUMBER", "400", func(p *probe) {
		c := p.allocated()
		c.wantError(c.ask(c.tailed(stun.MethodChannelBind, channelNumber(firstChannel), peerAddress(p.peer().at))), stun.CodeBadRequest)
	})
	ignored("EVEN-PORT", "Allocate with EVEN-PORT and R", "a success without RESERVATION-TOKEN", func(p *probe) {
		c := p.known()
		m := c.ask(c.tailed(stun.MethodAllocate, evenPort(true), requestedTransport(udp)))
		c.wantSuccess(m)
		if m.Contains(stun.AttrReservationToken) {
			p.fail("%s and RESERVATION-TOKEN", describe(m))
		}
	})
	ignored("the only USERNAME", "Allocate with its only USERNAME", "400", func(p *probe) {
		c := p.known()
		m := c.build(request(stun.MethodAllocate), requestedTransport(udp), raw(stun.AttrRealm, c.realm), raw(stun.AttrNonce, c.nonce),
			c.key(), text(stun.AttrUsername, c.user.Username))
		c.wantError(c.ask(m), stun.CodeBadRequest)
	})
	behind.row("a right FINGERPRINT", "Allocate with FINGERPRINT behind MESSAGE-INTEGRITY", "a success", func(p *probe) {
		c := p.known()
		c.wantSuccess(c.ask(c.tailed(stun.MethodAllocate, stun.Fingerprint, requestedTransport(udp))))
	})
	behind.row("a wrong FINGERPRINT", "Allocate with a wrong FINGERPRINT behind MESSAGE-INTEGRITY", "silence", func(p *probe) {
		c := p.known()
		m := c.tailed(stun.MethodAllocate, stun.Fingerprint, requestedTransport(udp))
		m.Raw[len(m.Raw)-1] ^= 1
		c.write(m.Raw)
		c.wantSilence()
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

// sha256Integrity makes MESSAGE-INTEGRITY-SHA256 (RFC 8489, section 14.6) with a long-term key.
type sha256Integrity []byte

// AddTo implements stun.Setter.
func (k sha256Integrity) AddTo(m *stun.Message) error {
	m.Add(stun.AttrMessageIntegritySHA256, make([]byte, sha256.Size))
	copy(m.Raw[len(m.Raw)-sha256.Size:], k.mac(m.Raw[:len(m.Raw)-4-sha256.Size]))
	return nil
}

func (k sha256Integrity) mac(before []byte) []byte {
	h := hmac.New(sha256.New, k)
	h.Write(before[:2])
	h.Write(binary.BigEndian.AppendUint16(nil, uint16(len(before)+4+sha256.Size-20)))
	h.Write(before[4:])
	return h.Sum(nil)
}

// valid says whether a message that ends with the attribute has it right.
func (k sha256Integrity) valid(m *stun.Message) bool {
	got, err := m.Get(stun.AttrMessageIntegritySHA256)
	if err != nil || len(got) != sha256.Size {
		return false
	}
	last := m.Attributes[len(m.Attributes)-1]
	return last.Type == stun.AttrMessageIntegritySHA256 && hmac.Equal(got, k.mac(m.Raw[:len(m.Raw)-4-sha256.Size]))
}
