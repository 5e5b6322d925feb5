package check

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
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
			m := c.do(a.method, a.good(p)...)
			c.user = right
			c.wantChallenge(m, stun.CodeUnauthorized)
		})
		wrong.row(name+" of an unknown user", name+" with a USERNAME that nobody has", "401 with REALM and NONCE", func(p *probe) {
			c := p.ready(a.method)
			right := c.user
			c.user.Username = "nobody-has-this-name"
			m := c.do(a.method, a.good(p)...)
			c.user = right
			c.wantChallenge(m, stun.CodeUnauthorized)
		})
		for _, missing := range []stun.AttrType{stun.AttrUsername, stun.AttrRealm, stun.AttrNonce} {
			partial.row(fmt.Sprint(name, " without ", missing), fmt.Sprintf("%s with MESSAGE-INTEGRITY but without %v", name, missing), "400", func(p *probe) {
				c := p.ready(a.method)
				good := a.good(p)
				c.wantError(c.current(func() *stun.Message {
					attributes := slices.Clone(good)
					for _, part := range []stun.RawAttribute{
						{Type: stun.AttrUsername, Value: []byte(c.user.Username)}, {Type: stun.AttrRealm, Value: c.realm}, {Type: stun.AttrNonce, Value: c.nonce},
					} {
						if part.Type != missing {
							attributes = append(attributes, part)
						}
					}
					return c.build(request(a.method), append(attributes, c.key())...)
				}), stun.CodeBadRequest)
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
		c.wantSuccess(c.do(stun.MethodAllocate, requestedTransport(udp)))
	})
	without.row("Binding needs none", "Binding without credentials", "a success with XOR-MAPPED-ADDRESS", func(p *probe) {
		m := p.client().binding()
		if !m.Contains(stun.AttrXORMappedAddress) {
			p.fail("a success without XOR-MAPPED-ADDRESS")
		}
		p.see("%s", describe(m))
	})

	wrong.row("one bit of MESSAGE-INTEGRITY", "Allocate with one bit of MESSAGE-INTEGRITY inverted", "401 with REALM and NONCE", func(p *probe) {
		c := p.known()
		c.wantChallenge(c.current(func() *stun.Message {
			m := c.signed(stun.MethodAllocate, requestedTransport(udp))
			m.Raw[len(m.Raw)-1] ^= 1
			return m
		}), stun.CodeUnauthorized)
	})
	for _, size := range []int{0, 4} {
		for _, i := range []integrity{{stun.AttrMessageIntegrity, sha1.New, size}, {stun.AttrMessageIntegritySHA256, sha256.New, size}} {
			wrong.row(fmt.Sprintf("%d bytes of %v", size, i.kind), fmt.Sprintf("Allocate with the first %d bytes of %v alone", size, i.kind), "an error or silence", func(p *probe) {
				c := p.known()
				m := c.current(func() *stun.Message {
					return i.sign(c.build(request(stun.MethodAllocate), requestedTransport(udp), text(stun.AttrUsername, c.user.Username),
						raw(stun.AttrRealm, c.realm), raw(stun.AttrNonce, c.nonce)), c.key())
				})
				if m != nil && m.Type.Class == stun.ClassSuccessResponse {
					p.fail("%s", describe(m))
				}
				p.see("%s", describe(m))
			})
		}
	}
	wrong.row("a wrong key changes nothing", "Refresh with LIFETIME 0, signed with another password", "an error, and the allocation goes on", func(p *probe) {
		c := p.allocated()
		right := c.user
		c.user.Password += "x"
		m := c.do(stun.MethodRefresh, lifetime(0))
		c.user = right
		if codeOf(m) == 0 {
			p.fail("%s", describe(m))
		}
		c.wantSuccess(c.do(stun.MethodRefresh))
	})
	wrong.row("a wrong key permits nothing", "CreatePermission signed with another password, and Send", "401, and nothing reaches the peer", func(p *probe) {
		c, peer := p.allocated(), p.peer()
		right := c.user
		c.user.Password += "x"
		m := c.do(stun.MethodCreatePermission, peerAddress(peer.at))
		c.user = right
		c.wantError(m, stun.CodeUnauthorized)
		c.reachesNot(peer)
	})
	wrong.row("another user's password", "Allocate with one user's name, signed with another's key", "401 with REALM and NONCE", func(p *probe) {
		other := p.other()
		c := p.known()
		c.wantChallenge(c.current(func() *stun.Message {
			return c.build(request(stun.MethodAllocate), requestedTransport(udp), text(stun.AttrUsername, c.user.Username),
				raw(stun.AttrRealm, c.realm), raw(stun.AttrNonce, c.nonce), stun.NewLongTermIntegrity(other.Username, string(c.realm), other.Password))
		}), stun.CodeUnauthorized)
	})
	wrong.row("the right key after a wrong one", "Allocate with the right password, after one with a wrong one", "a success", func(p *probe) {
		c := p.known()
		right := c.user
		c.user.Password += "x"
		c.wantError(c.do(stun.MethodAllocate, requestedTransport(udp)), stun.CodeUnauthorized)
		c.user = right
		c.wantSuccess(c.do(stun.MethodAllocate, requestedTransport(udp)))
	})

	partial.row("all of them", "Allocate with USERNAME, REALM, NONCE and MESSAGE-INTEGRITY", "a success", func(p *probe) {
		c := p.known()
		c.wantSuccess(c.do(stun.MethodAllocate, requestedTransport(udp)))
	})

	stale.row("a NONCE of the server's form", "Allocate with the server's NONCE, but with other letters and digits", "438 with REALM and a new NONCE", func(p *probe) {
		c := p.known()
		given := string(c.nonce)
		c.nonce = otherNonce(c.nonce)
		if string(c.nonce) == given {
			p.notOffered("the server's NONCE has no letters and digits")
		}
		c.wantChallenge(c.ask(c.signed(stun.MethodAllocate, requestedTransport(udp))), stun.CodeStaleNonce)
	})
	stale.row("an empty NONCE", "Allocate with an empty NONCE", "438 with REALM and a new NONCE, or 400 as if there were none", func(p *probe) {
		c := p.known()
		c.nonce = nil
		m := c.ask(c.signed(stun.MethodAllocate, requestedTransport(udp)))
		if codeOf(m) == stun.CodeBadRequest {
			p.see("%s", describe(m))
			return
		}
		c.wantChallenge(m, stun.CodeStaleNonce)
	})
	stale.row("a forged NONCE permits nothing", "CreatePermission with a NONCE that the server never gave, and Send", "438, and nothing reaches the peer", func(p *probe) {
		c, peer := p.allocated(), p.peer()
		c.nonce = []byte("0123456789abcdef")
		m := c.ask(c.signed(stun.MethodCreatePermission, peerAddress(peer.at)))
		c.wantChallenge(m, stun.CodeStaleNonce)
		c.learn(m)
		c.reachesNot(peer)
	})
	stale.row("a forged NONCE ends nothing", "Refresh with LIFETIME 0 and a NONCE that the server never gave, and Send", "438, and the peer hears it", func(p *probe) {
		c, peer := p.permitted()
		c.nonce = []byte("0123456789abcdef")
		m := c.ask(c.signed(stun.MethodRefresh, lifetime(0)))
		c.wantChallenge(m, stun.CodeStaleNonce)
		c.learn(m)
		c.reaches(peer, pattern(20))
	})
	stale.row("the new NONCE is good", "Allocate with the NONCE of a 438", "a success", func(p *probe) {
		c := p.known()
		c.nonce = []byte("0123456789abcdef")
		m := c.ask(c.signed(stun.MethodAllocate, requestedTransport(udp)))
		c.wantChallenge(m, stun.CodeStaleNonce)
		c.learn(m)
		c.wantSuccess(c.ask(c.signed(stun.MethodAllocate, requestedTransport(udp))))
	})
	stale.row("every new NONCE is good", "Refresh three times, each with the NONCE of the last 438 if there was one", "three successes", func(p *probe) {
		c := p.allocated()
		for range 3 {
			c.wantSuccess(c.do(stun.MethodRefresh))
		}
	})
	stale.add(clock, "an old NONCE", "Refresh with a NONCE that is 61 minutes old", "438 with REALM and a new NONCE", func(p *probe) {
		c := p.lasting()
		old := c.nonce
		p.sleep(50 * time.Minute)
		c.wantSuccess(c.do(stun.MethodRefresh, lifetime(3600)))
		p.sleep(11 * time.Minute)
		c.nonce = old
		c.wantChallenge(c.ask(c.signed(stun.MethodRefresh)), stun.CodeStaleNonce)
	})
	stale.recommended() // RFC 8656, section 5: it SHOULD be ended at least once every hour
	return append(append(append(without.rows, wrong.rows...), partial.rows...), stale.rows...)
}

// otherNonce is of the same form: a digit is another digit, and a letter another letter, of hexadecimal numbers where it
// may be of one. A nonce cookie and what it says stay, for they say how the request is read.
func otherNonce(nonce []byte) []byte {
	other := slices.Clone(nonce)
	rest := other
	if said := len(nonceCookie) + 4; len(rest) > said && bytes.HasPrefix(rest, []byte(nonceCookie)) {
		rest = rest[said:]
	}
	for i, b := range rest {
		for _, run := range []string{"0123456789", "abcdef", "ABCDEF", "ghijklmnopqrstuvwxyz", "GHIJKLMNOPQRSTUVWXYZ"} {
			if at := strings.IndexByte(run, b); at >= 0 {
				rest[i] = run[(at+1)%len(run)]
			}
		}
	}
	return other
}
