package check

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/pion/stun/v3"
)

// channelRows is RFC 8656, section 12.2: which channels there are.
func channelRows() []Row {
	numbers := about("27")
	pairs := about("28")

	for _, n := range []uint16{0x0000, 0x0001, 0x3FFF, lastChannel + 1, 0x7FFE, 0x7FFF, 0x8000, 0xFFFF} {
		numbers.row(fmt.Sprintf("%#04x", n), fmt.Sprintf("ChannelBind for channel %#04x", n), "400", func(p *probe) {
			c, peer := p.allocated(), p.peer()
			c.wantError(c.do(stun.MethodChannelBind, channelNumber(n), peerAddress(peer.at)), stun.CodeBadRequest)
		})
	}
	for _, n := range []uint16{firstChannel, 0x4ABC, lastChannel} {
		numbers.row(fmt.Sprintf("%#04x", n), fmt.Sprintf("ChannelBind for channel %#04x, and ChannelData", n), "a success, and the peer hears it", func(p *probe) {
			c, peer := p.allocated(), p.peer()
			c.wantSuccess(c.do(stun.MethodChannelBind, channelNumber(n), peerAddress(peer.at)))
			c.write(channelData(n, pattern(20), c.stream))
			peer.hears(c, pattern(20))
		})
	}
	numbers.row("no number", "ChannelBind without CHANNEL-NUMBER", "400", func(p *probe) {
		c, peer := p.allocated(), p.peer()
		c.wantError(c.do(stun.MethodChannelBind, peerAddress(peer.at)), stun.CodeBadRequest)
	})
	numbers.row("no peer", "ChannelBind without XOR-PEER-ADDRESS", "400", func(p *probe) {
		c := p.allocated()
		c.wantError(c.do(stun.MethodChannelBind, channelNumber(firstChannel)), stun.CodeBadRequest)
	})
	numbers.row("no permission by a refused number", "ChannelBind for channel 0x5000, and Send to its peer", "400, and nothing reaches the peer", func(p *probe) {
		c, peer := p.allocated(), p.peer()
		m := c.do(stun.MethodChannelBind, channelNumber(0x5000), peerAddress(peer.at))
		c.wantError(m, stun.CodeBadRequest)
		c.reachesNot(peer)
	})

	pairs.row("another peer", "ChannelBind of a bound channel to another peer", "400", func(p *probe) {
		c, _ := p.bound()
		c.wantError(c.do(stun.MethodChannelBind, channelNumber(firstChannel), peerAddress(p.peer().at)), stun.CodeBadRequest)
	})
	pairs.row("another channel", "ChannelBind of another channel to a bound peer", "400", func(p *probe) {
		c, peer := p.bound()
		c.wantError(c.do(stun.MethodChannelBind, channelNumber(firstChannel+1), peerAddress(peer.at)), stun.CodeBadRequest)
	})
	pairs.row("a refused one changes nothing", "ChannelData after the channel's binding to another peer was refused", "the first peer hears it", func(p *probe) {
		c, peer := p.bound()
		c.wantError(c.do(stun.MethodChannelBind, channelNumber(firstChannel), peerAddress(p.peer().at)), stun.CodeBadRequest)
		c.write(channelData(firstChannel, pattern(20), c.stream))
		peer.hears(c, pattern(20))
	})
	pairs.row("a refused one permits nothing", "ChannelBind of a bound channel to another peer, and Send to that one", "400, and nothing reaches the other peer", func(p *probe) {
		other := p.stranger()
		c, _ := p.bound()
		c.wantError(c.do(stun.MethodChannelBind, channelNumber(firstChannel), peerAddress(other.at)), stun.CodeBadRequest)
		c.reachesNot(other)
	})
	pairs.row("beside a permission", "Send to one peer after ChannelBind to another", "the peer hears it", func(p *probe) {
		other := p.stranger()
		c, _ := p.permitted()
		c.must(stun.MethodCreatePermission, peerAddress(other.at))
		c.must(stun.MethodChannelBind, channelNumber(firstChannel), peerAddress(p.peer().at))
		c.reaches(other, pattern(20))
	})
	pairs.row("after a Refresh", "ChannelData after Refresh", "the peer hears it", func(p *probe) {
		c, peer := p.bound()
		c.must(stun.MethodRefresh)
		c.write(channelData(firstChannel, pattern(20), c.stream))
		peer.hears(c, pattern(20))
	})
	pairs.row("the same again", "ChannelBind of a channel to its peer again", "a success", func(p *probe) {
		c, peer := p.bound()
		c.wantSuccess(c.do(stun.MethodChannelBind, channelNumber(firstChannel), peerAddress(peer.at)))
	})
	pairs.row("two channels to two ports", "ChannelBind of two channels to two ports of one address", "each peer hears its own, and is heard on its own", func(p *probe) {
		c, a := p.bound()
		b := p.peer()
		c.wantSuccess(c.do(stun.MethodChannelBind, channelNumber(firstChannel+1), peerAddress(b.at)))
		c.write(channelData(firstChannel, pattern(20), c.stream))
		c.write(channelData(firstChannel+1, pattern(21), c.stream))
		a.hears(c, pattern(20))
		b.hears(c, pattern(21))
		b.send(c.relayed, pattern(22))
		c.wantChannelData(firstChannel+1, pattern(22))
		a.send(c.relayed, pattern(23))
		c.wantChannelData(firstChannel, pattern(23))
	})
	pairs.row("one number on two allocations", "ChannelBind of the same channel on two allocations to two peers", "each peer hears its own", func(p *probe) {
		c, a := p.bound()
		d, b := p.bound()
		c.write(channelData(firstChannel, pattern(20), c.stream))
		a.hears(c, pattern(20))
		d.write(channelData(firstChannel, pattern(21), d.stream))
		b.hears(d, pattern(21))
	})
	pairs.row("with it a permission", "Send to the peer of a channel", "the peer hears it", func(p *probe) {
		c, peer := p.bound()
		c.reaches(peer, pattern(20))
	})

	timed := func(id, sends, expects string, run func(p *probe, c *client, peer *peer)) {
		pairs.add(clock, id, sends, expects, func(p *probe) {
			c := p.lasting()
			peer := p.peer()
			c.must(stun.MethodChannelBind, channelNumber(firstChannel), peerAddress(peer.at))
			run(p, c, peer)
		})
	}
	permit := func(c *client, peer *peer) { c.must(stun.MethodCreatePermission, peerAddress(peer.at)) }
	bind := func(c *client, peer *peer) {
		c.must(stun.MethodChannelBind, channelNumber(firstChannel), peerAddress(peer.at))
	}
	timed("599 s", "ChannelData 599 s after ChannelBind, with a permission that was refreshed", "the peer hears it", func(p *probe, c *client, peer *peer) {
		p.sleep(290 * time.Second)
		permit(c, peer)
		p.sleep(290 * time.Second)
		permit(c, peer)
		p.sleep(19 * time.Second)
		c.write(channelData(firstChannel, pattern(20), c.stream))
		peer.hears(c, pattern(20))
	})
	timed("601 s up", "ChannelData 601 s after ChannelBind, with a permission that was refreshed", "nothing reaches the peer", func(p *probe, c *client, peer *peer) {
		p.sleep(290 * time.Second)
		permit(c, peer)
		p.sleep(290 * time.Second)
		permit(c, peer)
		p.sleep(21 * time.Second)
		c.write(channelData(firstChannel, pattern(20), c.stream))
		peer.hearsNothing()
	})
	timed("601 s down", "a peer's packet 601 s after ChannelBind, with a permission that was refreshed", "a Data indication", func(p *probe, c *client, peer *peer) {
		p.sleep(290 * time.Second)
		permit(c, peer)
		p.sleep(290 * time.Second)
		permit(c, peer)
		p.sleep(21 * time.Second)
		peer.send(c.relayed, pattern(20))
		c.wantData(peer, pattern(20))
	})
	timed("binding again refreshes the channel", "ChannelBind again after 290 s and 580 s, and ChannelData 299 s later", "the peer hears it", func(p *probe, c *client, peer *peer) {
		p.sleep(290 * time.Second)
		bind(c, peer)
		p.sleep(290 * time.Second)
		bind(c, peer)
		p.sleep(299 * time.Second)
		c.write(channelData(firstChannel, pattern(20), c.stream))
		peer.hears(c, pattern(20))
	})
	timed("binding again refreshes the permission", "ChannelBind again after 200 s, and Send 299 s later", "the peer hears it", func(p *probe, c *client, peer *peer) {
		p.sleep(200 * time.Second)
		bind(c, peer)
		p.sleep(299 * time.Second)
		c.reaches(peer, pattern(20))
	})
	timed("the permission ends before the channel", "Send 301 s after ChannelBind", "nothing reaches the peer", func(p *probe, c *client, peer *peer) {
		p.sleep(301 * time.Second)
		c.reachesNot(peer)
	})
	timed("no packet in without the permission", "a peer's packet 301 s after ChannelBind", "silence", func(p *probe, c *client, peer *peer) {
		p.sleep(301 * time.Second)
		peer.send(c.relayed, pattern(20))
		c.wantSilence()
	})
	return slices.Concat(numbers.rows, pairs.rows)
}

// channelDataRows is RFC 8656, sections 12.5 and 12.6.
func channelDataRows() []Row {
	data := about("29")

	data.row("a channel that isn't bound", "ChannelData on a channel that isn't bound", "nothing reaches the peer of the one that is", func(p *probe) {
		c, peer := p.bound()
		c.write(channelData(firstChannel+1, pattern(20), c.stream))
		peer.hearsNothing()
	})
	data.row("no answer to it", "ChannelData on a channel that isn't bound", "silence", func(p *probe) {
		c, _ := p.bound()
		c.write(channelData(firstChannel+1, pattern(20), c.stream))
		c.wantSilence()
	})
	data.row("the next one arrives", "ChannelData on a channel that isn't bound, then on one that is", "the peer hears the second", func(p *probe) {
		c, peer := p.bound()
		c.write(channelData(lastChannel, pattern(21), c.stream))
		c.write(channelData(firstChannel, pattern(20), c.stream))
		peer.hears(c, pattern(20))
	})
	data.row("a reserved number", "a message whose first two bytes are 0x5000", "nothing reaches the peer", func(p *probe) {
		c, peer := p.bound()
		c.write(channelData(0x5000, pattern(20), c.stream))
		peer.hearsNothing()
	})
	for _, more := range []uint16{1, 100, 0xFF00} {
		data.add(datagrams, fmt.Sprintf("%d bytes too few", more), fmt.Sprintf("ChannelData whose length is %d more than there are", more), "nothing reaches the peer", func(p *probe) {
			c, peer := p.bound()
			b := channelData(firstChannel, pattern(20), false)
			binary.BigEndian.PutUint16(b[2:], 20+more)
			c.write(b)
			peer.hearsNothing()
		})
	}
	data.add(datagrams, "padded", "ChannelData with 5 bytes and 3 of padding", "the peer hears 5 bytes", func(p *probe) {
		c, peer := p.bound()
		c.write(channelData(firstChannel, pattern(5), true))
		peer.hears(c, pattern(5))
	})
	data.add(datagrams, "a header that is cut", "the first 3 bytes of ChannelData", "nothing reaches the peer, and the next ChannelData does", func(p *probe) {
		c, peer := p.bound()
		c.write(channelData(firstChannel, nil, false)[:3])
		peer.hearsNothing()
		c.write(channelData(firstChannel, pattern(20), false))
		peer.hears(c, pattern(20))
	})
	data.row("empty", "ChannelData with no bytes", "the peer hears an empty datagram", func(p *probe) {
		c, peer := p.bound()
		c.write(channelData(firstChannel, nil, c.stream))
		peer.hears(c, nil)
	})
	for _, n := range []int{1, 2, 3, 4, 1000} {
		data.row(fmt.Sprintf("%d bytes up", n), fmt.Sprintf("ChannelData with %d bytes, padded on a stream", n), "the peer hears these bytes", func(p *probe) {
			c, peer := p.bound()
			c.write(channelData(firstChannel, pattern(n), c.stream))
			peer.hears(c, pattern(n))
		})
		data.row(fmt.Sprintf("%d bytes down", n), fmt.Sprintf("two packets of a peer's of %d bytes", n), "ChannelData with these bytes twice, padded on a stream", func(p *probe) {
			c, peer := p.bound()
			for range 2 {
				peer.send(c.relayed, pattern(n))
				c.wantChannelData(firstChannel, pattern(n))
			}
		})
	}
	return data.rows
}
