package check

import (
	"slices"

	"github.com/pion/stun/v3"
)

// streamRows is RFC 8489, section 6.2.2: a stream has messages, however its segments were cut.
func streamRows() []Row {
	stream := about("30")
	row := func(id, sends, expects string, run func(*probe)) { stream.add(streams, id, sends, expects, run) }

	row("byte by byte", "Allocate, one byte at a time", "401", func(p *probe) {
		c := p.client()
		m := c.build(request(stun.MethodAllocate), requestedTransport(udp))
		for i := range m.Raw {
			c.write(m.Raw[i : i+1])
		}
		c.wantError(c.await(m), stun.CodeUnauthorized)
	})
	for _, cut := range []struct {
		name string
		at   int
	}{{"in the type", 1}, {"in the length", 3}, {"in the header", 10}, {"behind the header", 20}, {"in an attribute", 22}} {
		row("cut "+cut.name, "Allocate in two pieces, cut "+cut.name, "401", func(p *probe) {
			c := p.client()
			m := c.build(request(stun.MethodAllocate), requestedTransport(udp))
			c.write(m.Raw[:cut.at])
			c.wantSilence()
			c.write(m.Raw[cut.at:])
			c.wantError(c.await(m), stun.CodeUnauthorized)
		})
	}
	row("two requests at once", "two requests in one piece", "two answers", func(p *probe) {
		c := p.client()
		a, b := c.build(request(stun.MethodAllocate), requestedTransport(udp)), c.build(request(stun.MethodAllocate), requestedTransport(udp))
		c.write(slices.Concat(a.Raw, b.Raw))
		c.wantError(c.await(a), stun.CodeUnauthorized)
		c.wantAnswered(b)
	})
	row("one and a half", "a request and half of another one, then the rest", "two answers", func(p *probe) {
		c := p.client()
		a, b := c.build(request(stun.MethodAllocate), requestedTransport(udp)), c.build(request(stun.MethodAllocate), requestedTransport(udp))
		c.write(slices.Concat(a.Raw, b.Raw[:14]))
		c.wantError(c.await(a), stun.CodeUnauthorized)
		c.write(b.Raw[14:])
		c.wantError(c.await(b), stun.CodeUnauthorized)
	})
	row("ChannelData and a request", "ChannelData with 5 bytes and a request in one piece", "the peer hears 5 bytes, and an answer", func(p *probe) {
		c, peer := p.bound()
		m := c.signed(stun.MethodRefresh)
		c.write(slices.Concat(channelData(firstChannel, pattern(5), true), m.Raw))
		peer.hears(c, pattern(5))
		c.wantAnswer(c.await(m))
	})
	row("three ChannelData at once", "three ChannelData messages of 1, 2 and 3 bytes in one piece", "the peer hears all three", func(p *probe) {
		c, peer := p.bound()
		c.write(slices.Concat(channelData(firstChannel, pattern(1), true), channelData(firstChannel, pattern(2), true), channelData(firstChannel, pattern(3), true)))
		for n := range 3 {
			peer.hears(c, pattern(n+1))
		}
	})
	row("cut in the padding", "ChannelData with 5 bytes, cut in its padding, and then a request", "the peer hears 5 bytes, and an answer", func(p *probe) {
		c, peer := p.bound()
		b := channelData(firstChannel, pattern(5), true)
		c.write(b[:len(b)-1])
		m := c.signed(stun.MethodRefresh)
		c.write(slices.Concat(b[len(b)-1:], m.Raw))
		peer.hears(c, pattern(5))
		c.wantAnswer(c.await(m))
	})
	row("ChannelData cut in its data", "ChannelData with 400 bytes in two pieces", "the peer hears 400 bytes", func(p *probe) {
		c, peer := p.bound()
		b := channelData(firstChannel, pattern(400), true)
		c.write(b[:200])
		peer.hearsNothing()
		c.write(b[200:])
		peer.hears(c, pattern(400))
	})
	row("Send and ChannelData", "Send and ChannelData in one piece", "the peer hears both", func(p *probe) {
		c, peer := p.bound()
		m := c.build(stun.NewType(stun.MethodSend, stun.ClassIndication), peerAddress(peer.at), raw(stun.AttrData, pattern(7)))
		c.write(slices.Concat(m.Raw, channelData(firstChannel, pattern(9), true)))
		peer.hears(c, pattern(7))
		peer.hears(c, pattern(9))
	})
	row("a long message", "Allocate with a SOFTWARE of 700 bytes, in three pieces", "401", func(p *probe) {
		c := p.client()
		m := c.build(request(stun.MethodAllocate), requestedTransport(udp), raw(stun.AttrSoftware, pattern(700)))
		c.write(m.Raw[:100])
		c.write(m.Raw[100:600])
		c.write(m.Raw[600:])
		c.wantError(c.await(m), stun.CodeUnauthorized)
	})
	row("the allocation ends with the stream", "a peer's packet after the client's stream was closed", "the client may allocate on another stream", func(p *probe) {
		c, peer := p.permitted()
		_ = c.conn.Close()
		peer.send(c.relayed, pattern(20))
		again := p.known()
		again.wantSuccess(again.do(stun.MethodAllocate, requestedTransport(udp)))
	})
	return stream.rows
}

// wantAnswer demands a success, or that the server ended the nonce, for which it read the request, too.
func (c *client) wantAnswer(m *stun.Message) {
	if codeOf(m) != stun.CodeStaleNonce {
		c.wantSuccess(m)
	}
	c.probe.see("%s", describe(m))
}

// wantAnswered demands the answer to a request that may have come already, while another one was awaited.
func (c *client) wantAnswered(m *stun.Message) {
	for _, b := range c.pending {
		got := &stun.Message{Raw: b}
		if got.Decode() == nil && got.TransactionID == m.TransactionID {
			c.probe.see("%s", describe(got))
			return
		}
	}
	c.wantError(c.await(m), stun.CodeUnauthorized)
}
