package check

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/pion/stun/v3"
)

// messageRows is what a message must be to be answered (RFC 8489, sections 6.3 and 14.7), and what happens to
// attributes that the server doesn't know.
func messageRows() []Row {
	broken := about("07")
	unknown := about("08")

	rejected := func(needs need, id, sends, expects string, lacks func(*stun.Message) string, spoil func(c *client) []byte) {
		broken.add(needs, id, sends, expects+", and then an answer to what is right", func(p *probe) {
			c := p.client()
			c.write(spoil(c))
			c.wantSilenceOr(lacks)
			c.wantAlive()
			p.see("silence")
		})
	}
	silent := func(needs need, id, sends string, spoil func(c *client, m *stun.Message) []byte) {
		rejected(needs, id, sends, "silence", func(*stun.Message) string { return "" }, func(c *client) []byte {
			return spoil(c, c.build(request(stun.MethodAllocate), requestedTransport(udp)))
		})
	}
	for _, method := range []stun.Method{stun.MethodBinding, stun.MethodAllocate} {
		name := method.String()
		marked := func(id, sends string, at int) {
			rejected(anything, id, sends, "silence, if the server uses FINGERPRINT", withoutFingerprint, func(c *client) []byte {
				if method == stun.MethodBinding {
					c.binding()
				}
				m := c.build(request(method), stun.Fingerprint)
				m.Raw[(len(m.Raw)+at)%len(m.Raw)] ^= 1
				return m.Raw
			})
		}
		marked(name+" with a wrong FINGERPRINT", name+" with one bit of FINGERPRINT inverted", -1)
		marked("a bit that FINGERPRINT covers in "+name, name+" with one bit of its transaction ID inverted after FINGERPRINT was made", 19)
	}
	silent(anything, "a wrong cookie", "Allocate with another magic cookie", func(_ *client, m *stun.Message) []byte {
		binary.BigEndian.PutUint32(m.Raw[4:], 0x2112A443)
		return m.Raw
	})
	silent(datagrams, "a length beyond the packet", "Allocate whose length is 4 more than there are", func(_ *client, m *stun.Message) []byte {
		binary.BigEndian.PutUint16(m.Raw[2:], uint16(len(m.Raw)-20+4))
		return m.Raw
	})
	silent(datagrams, "a length short of the packet", "Allocate followed by 4 bytes that its length doesn't count", func(_ *client, m *stun.Message) []byte {
		return append(m.Raw, 0, 0, 0, 0)
	})
	silent(datagrams, "a length that is no multiple of 4", "Allocate whose length is 1 less than there are", func(_ *client, m *stun.Message) []byte {
		binary.BigEndian.PutUint16(m.Raw[2:], uint16(len(m.Raw)-20-1))
		return m.Raw
	})
	silent(datagrams, "a header that is cut", "the first 19 bytes of an Allocate", func(_ *client, m *stun.Message) []byte {
		return m.Raw[:19]
	})
	silent(datagrams, "an empty datagram", "an empty datagram", func(*client, *stun.Message) []byte { return nil })
	broken.row("an attribute beyond its message", "Allocate whose last attribute is longer than what is left", "silence or 400, and then an answer to what is right", func(p *probe) {
		c := p.client()
		m := c.build(request(stun.MethodAllocate), requestedTransport(udp))
		binary.BigEndian.PutUint16(m.Raw[22:], 64)
		c.write(m.Raw)
		if b := c.receive(p.quiet()); b != nil {
			answer := &stun.Message{Raw: b}
			_ = answer.Decode() // what isn't an answer has no code
			c.wantError(answer, stun.CodeBadRequest)
		}
		c.wantAlive()
		p.see("silence or 400")
	})
	for _, bits := range []byte{2, 3} {
		silent(anything, fmt.Sprintf("first bits %02b", bits), fmt.Sprintf("a message whose first two bits are %02b", bits), func(_ *client, m *stun.Message) []byte {
			m.Raw[0] |= bits << 6
			return m.Raw
		})
	}
	silent(anything, "a method that nobody has", "a request of method 0x0FF", func(c *client, _ *stun.Message) []byte {
		return c.build(request(0x0FF)).Raw
	})
	silent(anything, "an answer that nobody asked for", "a Binding success", func(c *client, _ *stun.Message) []byte {
		return c.build(stun.BindingSuccess, stun.Fingerprint).Raw
	})
	silent(anything, "an indication", "a Binding indication", func(c *client, _ *stun.Message) []byte {
		return c.build(stun.NewType(stun.MethodBinding, stun.ClassIndication)).Raw
	})
	broken.row("a right FINGERPRINT", "Allocate with a right FINGERPRINT", "401", func(p *probe) {
		c := p.client()
		c.wantError(c.ask(c.build(request(stun.MethodAllocate), requestedTransport(udp), stun.Fingerprint)), stun.CodeUnauthorized)
	})
	for _, a := range []struct {
		id, sends string
		ask       func(c *client) *stun.Message
	}{
		{"the FINGERPRINT of an error", "Allocate with FINGERPRINT", func(c *client) *stun.Message {
			return c.ask(c.build(request(stun.MethodAllocate), requestedTransport(udp), stun.Fingerprint))
		}},
		{"the FINGERPRINT of a success", "Allocate with credentials and FINGERPRINT", func(c *client) *stun.Message {
			return c.askTailed(stun.MethodAllocate, stun.Fingerprint, requestedTransport(udp))
		}},
	} {
		// Whoever sees a wrong one takes the answer for none.
		broken.row(a.id, a.sends, "an answer whose FINGERPRINT is right and comes last, if it has one", func(p *probe) {
			m := a.ask(p.known())
			if m == nil {
				p.fail("silence")
			}
			if lack := withoutFingerprint(m); lack != "" {
				p.notOffered("%s", lack)
			}
			if last := m.Attributes[len(m.Attributes)-1].Type; last != stun.AttrFingerprint || stun.Fingerprint.Check(m) != nil {
				p.fail("%s with a wrong FINGERPRINT, or one that isn't last", describe(m))
			}
			p.see("%s with a right FINGERPRINT", describe(m))
		})
	}
	broken.row("no FINGERPRINT", "Allocate without FINGERPRINT", "401", func(p *probe) {
		c := p.client()
		c.wantError(c.ask(c.build(request(stun.MethodAllocate), requestedTransport(udp))), stun.CodeUnauthorized)
	})
	broken.row("padding of any value", "Allocate whose padding isn't zero", "401", func(p *probe) {
		c := p.client()
		m := c.build(request(stun.MethodAllocate), requestedTransport(udp), text(stun.AttrSoftware, "x"))
		copy(m.Raw[len(m.Raw)-3:], "abc")
		c.wantError(c.ask(m), stun.CodeUnauthorized)
	})

	for _, a := range authenticated {
		name := a.method.String()
		unknown.row("required in "+name, name+" with an unknown comprehension-required attribute", "420 that lists it", func(p *probe) {
			c := p.ready(a.method)
			c.wantUnknown(c.do(a.method, append(a.good(p), raw(attrUnknown, []byte("what")))...), attrUnknown)
		})
		unknown.row("optional in "+name, name+" with an unknown comprehension-optional attribute", "a success", func(p *probe) {
			c := p.ready(a.method)
			c.wantSuccess(c.do(a.method, append(a.good(p), raw(attrOptional, []byte("what")))...))
		})
	}
	unknown.row("required in Binding", "Binding with an unknown comprehension-required attribute", "420 that lists it", func(p *probe) {
		c := p.client()
		c.binding()
		c.wantUnknown(c.ask(c.build(request(stun.MethodBinding), raw(attrUnknown, nil))), attrUnknown)
	})
	unknown.row("optional in Binding", "Binding with an unknown comprehension-optional attribute", "a success", func(p *probe) {
		c := p.client()
		c.binding()
		c.wantSuccess(c.ask(c.build(request(stun.MethodBinding), raw(attrOptional, nil))))
	})
	unknown.row("two required", "Allocate with two unknown comprehension-required attributes", "420 that lists both", func(p *probe) {
		c := p.known()
		c.wantUnknown(c.do(stun.MethodAllocate, requestedTransport(udp), raw(attrUnknown, nil), raw(attrUnknown2, nil)), attrUnknown, attrUnknown2)
	})
	unknown.row("nothing comes of it", "Allocate with an unknown comprehension-required attribute, and then without", "420, and then a success", func(p *probe) {
		c := p.known()
		c.wantUnknown(c.do(stun.MethodAllocate, requestedTransport(udp), raw(attrUnknown, nil)), attrUnknown)
		c.wantSuccess(c.do(stun.MethodAllocate, requestedTransport(udp)))
	})
	unknown.row("nothing ends by it", "Refresh with LIFETIME 0 and an unknown comprehension-required attribute, and Send", "420, and the peer hears it", func(p *probe) {
		c, peer := p.permitted()
		c.wantUnknown(c.do(stun.MethodRefresh, lifetime(0), raw(attrUnknown, nil)), attrUnknown)
		c.reaches(peer, pattern(20))
	})
	unknown.row("credentials come first", "Allocate without credentials, with an unknown comprehension-required attribute", "401", func(p *probe) {
		c := p.client()
		c.wantError(c.ask(c.build(request(stun.MethodAllocate), requestedTransport(udp), raw(attrUnknown, nil))), stun.CodeUnauthorized)
	})
	unknown.should("a known one out of place", "Allocate with CHANNEL-NUMBER", "a success", func(p *probe) {
		c := p.known()
		c.wantSuccess(c.do(stun.MethodAllocate, requestedTransport(udp), channelNumber(firstChannel)))
	})
	unknown.row("required in Send", "Send with an unknown comprehension-required attribute", "nothing reaches the peer", func(p *probe) {
		c, peer := p.permitted()
		c.send(peerAddress(peer.at), raw(stun.AttrData, pattern(20)), raw(attrUnknown, nil))
		peer.hearsNothing()
		c.reaches(peer, pattern(21))
		p.see("the peer heard nothing")
	})
	unknown.row("optional in Send", "Send with an unknown comprehension-optional attribute", "the peer hears it", func(p *probe) {
		c, peer := p.permitted()
		c.send(peerAddress(peer.at), raw(stun.AttrData, pattern(20)), raw(attrOptional, nil))
		peer.hears(c, pattern(20))
	})
	return append(broken.rows, unknown.rows...)
}

// mismatchRows is RFC 8656, section 5: who may say what on which 5-tuple.
func mismatchRows() []Row {
	nowhere := about("09")
	stranger := about("10")

	for _, a := range authenticated[1:] {
		name := a.method.String()
		nowhere.row(name+" without an allocation", name+" on a 5-tuple that has no allocation", "437", func(p *probe) {
			c := p.known()
			c.wantError(c.do(a.method, a.good(p)...), stun.CodeAllocMismatch)
		})
		nowhere.row(name+" after the allocation", name+" on a 5-tuple whose allocation was deleted", "437", func(p *probe) {
			c := p.allocated()
			c.must(stun.MethodRefresh, lifetime(0))
			c.wantError(c.do(a.method, a.good(p)...), stun.CodeAllocMismatch)
		})
		stranger.row(name+" of another user", name+" with another user's credentials on an allocation", "441", func(p *probe) {
			other := p.other()
			c := p.allocated()
			var m *stun.Message
			c.as(other, func() { m = c.do(a.method, a.good(p)...) })
			c.wantError(m, stun.CodeWrongCredentials)
		})
	}
	nowhere.row("Send", "Send on a 5-tuple that has no allocation", "silence, and nothing reaches the peer", func(p *probe) {
		c, peer := p.client(), p.peer()
		c.sendTo(peer.at, pattern(20))
		peer.hearsNothing()
		c.wantSilence()
	})
	nowhere.row("ChannelData", "ChannelData on a 5-tuple that has no allocation", "silence", func(p *probe) {
		c := p.client()
		c.write(channelData(firstChannel, pattern(20), c.stream))
		c.wantSilence()
	})
	nowhere.row("Send on a neighbour's", "Send on a new 5-tuple to a peer that another 5-tuple has a permission for", "nothing reaches the peer", func(p *probe) {
		_, peer := p.permitted()
		p.client().sendTo(peer.at, pattern(20))
		peer.hearsNothing()
	})
	nowhere.row("Refresh beside the user's allocation", "Refresh with LIFETIME 0 on a 5-tuple that has no allocation, while another one of the user's has", "437, and that one's goes on", func(p *probe) {
		a, b := p.allocated(), p.known()
		b.wantError(b.do(stun.MethodRefresh, lifetime(0)), stun.CodeAllocMismatch)
		a.must(stun.MethodRefresh)
	})
	nowhere.row("Allocate", "Allocate on a 5-tuple that has no allocation", "a success", func(p *probe) {
		c := p.known()
		c.wantSuccess(c.do(stun.MethodAllocate, requestedTransport(udp)))
	})
	nowhere.add(clock, "Refresh after expiry", "Refresh 601 s after an Allocate", "437", func(p *probe) {
		c := p.allocated()
		p.sleep(601 * time.Second)
		c.wantError(c.do(stun.MethodRefresh), stun.CodeAllocMismatch)
	})

	stranger.row("Refresh of another user deletes nothing", "Refresh with LIFETIME 0 and another user's credentials", "441, and the allocation goes on", func(p *probe) {
		other := p.other()
		c := p.allocated()
		var m *stun.Message
		c.as(other, func() { m = c.do(stun.MethodRefresh, lifetime(0)) })
		c.wantError(m, stun.CodeWrongCredentials)
		c.wantSuccess(c.do(stun.MethodRefresh))
	})
	stranger.row("CreatePermission of another user permits nothing", "CreatePermission with another user's credentials", "441, and nothing reaches the peer", func(p *probe) {
		other := p.other()
		c, peer := p.allocated(), p.peer()
		var m *stun.Message
		c.as(other, func() { m = c.do(stun.MethodCreatePermission, peerAddress(peer.at)) })
		c.wantError(m, stun.CodeWrongCredentials)
		c.reachesNot(peer)
	})
	stranger.row("the owner", "Refresh with the owner's credentials", "a success", func(p *probe) {
		c := p.allocated()
		c.wantSuccess(c.do(stun.MethodRefresh))
	})
	stranger.row("the other user elsewhere", "Allocate with the other user's credentials on another 5-tuple", "a success", func(p *probe) {
		other := p.other()
		p.allocated()
		c := p.clientAs(other)
		c.challenge()
		c.wantSuccess(c.do(stun.MethodAllocate, requestedTransport(udp)))
	})
	return slices.Concat(nowhere.rows, stranger.rows)
}
