package check

import (
	"fmt"

	"github.com/pion/stun/v3"
)

// sendRows is RFC 8656, section 11.2: what a client sends without a channel.
func sendRows() []Row {
	send := about("25")

	send.row("without a permission", "Send to a peer without a permission, twice, and then a packet of the peer's", "nothing reaches the peer, and silence", func(p *probe) {
		c, peer := p.allocated(), p.peer()
		for range 2 { // a Send permits nobody
			c.reachesNot(peer)
		}
		peer.send(c.relayed, pattern(20))
		c.wantSilence()
		p.see("the peer and the client heard nothing")
	})
	dropped := func(id, sends string, attributes func(peer *peer) []stun.Setter) {
		send.row(id, sends, "nothing reaches the peer, and the next Send does", func(p *probe) {
			c, peer := p.permitted()
			c.send(attributes(peer)...)
			peer.hearsNothing()
			c.reaches(peer, pattern(33))
			p.see("the peer heard nothing")
		})
	}
	dropped("without DATA", "Send without DATA", func(peer *peer) []stun.Setter {
		return []stun.Setter{peerAddress(peer.at)}
	})
	dropped("without a peer", "Send without XOR-PEER-ADDRESS", func(*peer) []stun.Setter {
		return []stun.Setter{raw(stun.AttrData, pattern(20))}
	})
	dropped("a malformed peer", "Send with an XOR-PEER-ADDRESS of 4 bytes", func(*peer) []stun.Setter {
		return []stun.Setter{raw(stun.AttrXORPeerAddress, []byte{0, ipv4, 1, 2}), raw(stun.AttrData, pattern(20))}
	})
	send.row("empty DATA", "Send with an empty DATA", "the peer hears an empty datagram", func(p *probe) {
		c, peer := p.permitted()
		c.reaches(peer, nil)
	})
	for _, n := range []int{1, 2, 3, 4, 1000} {
		send.row(fmt.Sprintf("%d bytes", n), fmt.Sprintf("Send with %d bytes", n), "the peer hears these bytes", func(p *probe) {
			c, peer := p.permitted()
			c.reaches(peer, pattern(n))
		})
	}
	for _, x := range inside {
		send.row(x.name+" inside", "Send with "+x.name+" as its data", "the peer hears it as it is", func(p *probe) {
			c, peer := p.permitted()
			c.reaches(peer, x.payload)
		})
	}
	send.row("once", "Send, once", "the peer hears it once", func(p *probe) {
		c, peer := p.permitted()
		c.reaches(peer, pattern(20))
		peer.hearsNothing()
		p.see("the peer heard it once")
	})
	for _, n := range []int{2001, 16000} {
		send.row(fmt.Sprintf("%d bytes whole", n), fmt.Sprintf("Send with %d bytes", n), "the peer hears these bytes, or nothing", func(p *probe) {
			c, peer := p.permitted()
			c.sendTo(peer.at, pattern(n))
			switch got, _ := peer.receive(p.quiet()); {
			case got == nil:
				p.see("the peer heard nothing")
			case string(got) != string(pattern(n)):
				p.fail("the peer heard %d bytes, which are not the %d that were sent", len(got), n)
			default:
				p.see("the peer heard %d bytes", n)
			}
		})
		send.rows[len(send.rows)-1].size = n
	}
	// What a server knows and doesn't expect, it SHOULD ignore (RFC 8489, section 6.3).
	send.should("with credentials", "Send with USERNAME and MESSAGE-INTEGRITY", "the peer hears it", func(p *probe) {
		c, peer := p.permitted()
		c.send(peerAddress(peer.at), raw(stun.AttrData, pattern(20)), text(stun.AttrUsername, c.user.Username),
			raw(stun.AttrRealm, c.realm), raw(stun.AttrNonce, c.nonce), c.key())
		peer.hears(c, pattern(20))
	})
	send.row("is never answered", "Send with an unknown comprehension-required attribute", "silence", func(p *probe) {
		c, peer := p.permitted()
		c.send(peerAddress(peer.at), raw(stun.AttrData, pattern(20)), raw(attrUnknown, nil))
		c.wantSilence()
	})
	return send.rows
}

// inside is payloads that look like what the server itself is sent: peers speak STUN with each other.
var inside = []struct {
	name    string
	payload []byte
}{
	{"a Binding", stun.MustBuild(stun.BindingRequest, stun.NewTransactionIDSetter([12]byte{1, 2, 3})).Raw},
	{"ChannelData", channelData(firstChannel, pattern(20), false)},
}

// dataRows is RFC 8656, section 11.3: what peers send.
func dataRows() []Row {
	data := about("26")

	data.row("without a permission", "a peer's packet without a permission", "silence", func(p *probe) {
		c, peer := p.allocated(), p.peer()
		peer.send(c.relayed, pattern(20))
		c.wantSilence()
	})
	for _, n := range []int{0, 1, 2, 3, 500, 1200} {
		data.row(fmt.Sprintf("%d bytes", n), fmt.Sprintf("a peer's packet of %d bytes", n), "a Data indication with these bytes", func(p *probe) {
			c, peer := p.permitted()
			peer.send(c.relayed, pattern(n))
			c.wantData(peer, pattern(n))
		})
	}
	for _, n := range []int{1472, 1564, 1601, 1999, 2001, 4096, 16000} {
		whole := func(p *probe, c *client, peer *peer, not func([]byte) string) {
			peer.send(c.relayed, pattern(n))
			b := c.receive(p.quiet())
			if b == nil {
				p.see("silence")
				return
			}
			if problem := not(b); problem != "" {
				p.fail("%s", problem)
			}
			p.see("all %d bytes", n)
		}
		data.row(fmt.Sprintf("%d bytes whole", n), fmt.Sprintf("a peer's packet of %d bytes", n), "a Data indication with these bytes, or silence", func(p *probe) {
			c, peer := p.permitted()
			whole(p, c, peer, func(b []byte) string { return c.notData(b, peer, pattern(n)) })
		})
		data.row(fmt.Sprintf("%d bytes whole on a channel", n), fmt.Sprintf("a peer's packet of %d bytes, with a channel to the peer", n), "ChannelData with these bytes, or silence", func(p *probe) {
			c, peer := p.bound()
			whole(p, c, peer, func(b []byte) string { return c.notChannelData(b, firstChannel, pattern(n)) })
		})
		for i := len(data.rows) - 2; i < len(data.rows); i++ {
			data.rows[i].size = n
		}
	}
	for _, x := range inside {
		data.row(x.name+" inside", "a peer's packet that is "+x.name, "a Data indication with it, and no answer to the peer", func(p *probe) {
			c, peer := p.permitted()
			peer.send(c.relayed, x.payload)
			c.wantData(peer, x.payload)
			peer.hearsNothing()
			p.see("a Data indication")
		})
	}
	data.row("each client its own", "a packet of a peer's to each of two clients", "each hears its own", func(p *probe) {
		a, peer := p.permitted()
		b := p.allocated()
		b.must(stun.MethodCreatePermission, peerAddress(peer.at))
		peer.send(a.relayed, pattern(20))
		peer.send(b.relayed, pattern(21))
		a.wantData(peer, pattern(20))
		b.wantData(peer, pattern(21))
	})
	// RFC 8489, section 5: an indication's is chosen at random, too.
	data.row("each in its own transaction", "two packets of a peer's", "two Data indications with two transaction IDs", func(p *probe) {
		c, peer := p.permitted()
		var ids [2]string
		for i := range ids {
			peer.send(c.relayed, pattern(20))
			b := c.receive(p.target.Answer)
			if problem := c.notData(b, peer, pattern(20)); problem != "" {
				p.fail("%s", problem)
			}
			ids[i] = string(b[8:20])
		}
		if ids[0] == ids[1] {
			p.fail("the transaction ID %x twice", ids[0])
		}
		p.see("two Data indications with two transaction IDs")
	})
	data.row("on a channel", "a peer's packet, with a channel to the peer", "ChannelData", func(p *probe) {
		c, peer := p.bound()
		peer.send(c.relayed, pattern(20))
		c.wantChannelData(firstChannel, pattern(20))
	})
	data.row("from another port than the channel's", "a packet from another port of a peer with a channel", "a Data indication", func(p *probe) {
		c, _ := p.bound()
		other := p.peer()
		other.send(c.relayed, pattern(20))
		c.wantData(other, pattern(20))
	})
	return data.rows
}
