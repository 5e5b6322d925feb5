package check

import (
	"fmt"
	"slices"

	"github.com/pion/stun/v3"
)

// allocateRows is RFC 8656, section 7.2: whose a 5-tuple is, and what an Allocate must say.
func allocateRows() []Row {
	again := about("11")
	transport := about("12")
	fragment := about("13")

	again.row("a second Allocate", "Allocate in a new transaction on a 5-tuple that has an allocation", "437", func(p *probe) {
		c := p.allocated()
		c.wantError(c.do(stun.MethodAllocate, requestedTransport(udp)), stun.CodeAllocMismatch)
	})
	again.row("the first goes on", "Refresh and Send after a second Allocate was refused", "a success, and the peer hears it", func(p *probe) {
		c, peer := p.permitted()
		c.wantError(c.do(stun.MethodAllocate, requestedTransport(udp)), stun.CodeAllocMismatch)
		c.wantSuccess(c.do(stun.MethodRefresh))
		c.reaches(peer, pattern(20))
	})
	again.row("another user's Allocate", "Allocate with another user's credentials on a 5-tuple that has an allocation", "437, and the allocation goes on", func(p *probe) {
		other := p.other()
		c := p.allocated()
		var m *stun.Message
		c.as(other, func() { m = c.do(stun.MethodAllocate, requestedTransport(udp)) })
		c.wantError(m, stun.CodeAllocMismatch)
		c.wantSuccess(c.do(stun.MethodRefresh))
	})
	again.row("another 5-tuple's transaction", "Allocate on another 5-tuple, in a transaction of the same ID", "a success with another relayed address", func(p *probe) {
		a, b := p.known(), p.known()
		first := a.allocate()
		m := b.current(func() *stun.Message {
			return b.signed(stun.MethodAllocate, requestedTransport(udp), stun.NewTransactionIDSetter(first.TransactionID))
		})
		b.wantSuccess(m)
		if b.allocatedBy(m); a.relayed == b.relayed {
			p.fail("the relayed address %v twice", a.relayed)
		}
	})
	// Over a stream nobody sends a request twice (RFC 8489, section 6.2.2).
	allocate := func(c *client) (m, first *stun.Message) {
		first = c.current(func() *stun.Message {
			m = c.signed(stun.MethodAllocate, requestedTransport(udp))
			return m
		})
		return m, first
	}
	again.add(datagrams, "the same transaction", "the same Allocate again", "the same success", func(p *probe) {
		c := p.known()
		m, first := allocate(c)
		c.wantSuccess(first)
		c.allocatedBy(first)
		second := c.ask(m)
		c.wantSuccess(second)
		if at, _ := xorAddress(second, stun.AttrXORRelayedAddress); at != c.relayed {
			p.fail("another success: %s, and first it was %s", describe(second), describe(first))
		}
	})
	again.add(datagrams, "the same transaction three times", "the same Allocate three times", "three successes with the same addresses", func(p *probe) {
		c := p.known()
		m, first := allocate(c)
		c.wantSuccess(first)
		for range 2 {
			got := c.ask(m)
			c.wantSuccess(got)
			for _, kind := range []stun.AttrType{stun.AttrXORRelayedAddress, stun.AttrXORMappedAddress} {
				is, _ := xorAddress(got, kind)
				if was, _ := xorAddress(first, kind); is != was {
					p.fail("%v %v, and first it was %v", kind, is, was)
				}
			}
		}
	})
	again.row("after a Refresh 0", "Allocate on a 5-tuple whose allocation was deleted", "a success", func(p *probe) {
		c := p.allocated()
		c.must(stun.MethodRefresh, lifetime(0))
		c.wantSuccess(c.do(stun.MethodAllocate, requestedTransport(udp)))
	})
	again.row("another 5-tuple", "Allocate on another 5-tuple", "a success with another relayed address", func(p *probe) {
		a, b := p.allocated(), p.allocated()
		if a.relayed == b.relayed {
			p.fail("the relayed address %v twice", a.relayed)
		}
		p.see("relayed %v and %v", a.relayed, b.relayed)
	})

	transport.row("none", "Allocate without REQUESTED-TRANSPORT", "400", func(p *probe) {
		c := p.known()
		c.wantError(c.do(stun.MethodAllocate), stun.CodeBadRequest)
	})
	for _, length := range []int{0, 1, 8} {
		transport.row(fmt.Sprintf("%d bytes", length), fmt.Sprintf("Allocate with a REQUESTED-TRANSPORT of %d bytes", length), "400", func(p *probe) {
			c := p.known()
			c.wantError(c.do(stun.MethodAllocate, raw(stun.AttrRequestedTransport, append([]byte{udp}, make([]byte, 7)...)[:length])), stun.CodeBadRequest)
		})
	}
	for _, protocol := range []byte{0, 33, 132, 255} {
		transport.row(fmt.Sprintf("protocol %d", protocol), fmt.Sprintf("Allocate with REQUESTED-TRANSPORT %d", protocol), "442", func(p *probe) {
			c := p.known()
			c.wantError(c.do(stun.MethodAllocate, requestedTransport(protocol)), stun.CodeUnsupportedTransProto)
		})
	}
	transport.row("nothing comes of it", "Allocate with REQUESTED-TRANSPORT 132, and then with 17", "442, and then a success", func(p *probe) {
		c := p.known()
		c.wantError(c.do(stun.MethodAllocate, requestedTransport(132)), stun.CodeUnsupportedTransProto)
		c.wantSuccess(c.do(stun.MethodAllocate, requestedTransport(udp)))
	})
	transport.row("UDP", "Allocate with REQUESTED-TRANSPORT 17", "a success", func(p *probe) {
		c := p.known()
		c.wantSuccess(c.do(stun.MethodAllocate, requestedTransport(udp)))
	})

	dontFragment := raw(stun.AttrDontFragment, nil)
	fragment.row("in Allocate", "Allocate with DONT-FRAGMENT", "a success, or 420 that lists it", func(p *probe) {
		c := p.known()
		m := c.do(stun.MethodAllocate, requestedTransport(udp), dontFragment)
		if codeOf(m) != 0 {
			c.wantUnknown(m, stun.AttrDontFragment)
			return
		}
		c.wantSuccess(m)
	})
	fragment.row("in Send", "Send with DONT-FRAGMENT", "the peer hears it if Allocate may ask for it, else nothing", func(p *probe) {
		c := p.known()
		m := c.do(stun.MethodAllocate, requestedTransport(udp), dontFragment)
		offered := codeOf(m) != stun.CodeUnknownAttribute
		if offered {
			c.wantSuccess(m)
			c.allocatedBy(m)
		} else {
			c.allocate()
		}
		peer := p.peer()
		c.must(stun.MethodCreatePermission, peerAddress(peer.at))
		c.send(peerAddress(peer.at), raw(stun.AttrData, pattern(20)), dontFragment)
		if offered {
			peer.hears(c, pattern(20))
		} else {
			peer.hearsNothing()
		}
	})
	fragment.row("without", "Send without DONT-FRAGMENT", "the peer hears it", func(p *probe) {
		c, peer := p.permitted()
		c.reaches(peer, pattern(20))
	})
	return slices.Concat(again.rows, transport.rows, fragment.rows)
}
