package check

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/pion/stun/v3"
)

// allocateRows is RFC 8656, section 7.2, as far as what an Allocate asks for is wrong or special.
func allocateRows() []Row {
	again := section{number: "11", rfc: "RFC 8656 §7.2"}
	transport := section{number: "12", rfc: "RFC 8656 §7.2"}
	fragment := section{number: "13", rfc: "RFC 8656 §7.2"}
	reservation := section{number: "14", rfc: "RFC 8656 §7.2"}
	even := section{number: "15", rfc: "RFC 8656 §7.2"}

	again.row("a second Allocate", "Allocate in a new transaction on a 5-tuple that has an allocation", "437", func(p *probe) {
		c := p.allocated()
		c.wantError(c.do(stun.MethodAllocate, requestedTransport(udp)), stun.CodeAllocMismatch)
	})
	again.row("the first goes on", "Refresh after a second Allocate was refused", "a success", func(p *probe) {
		c := p.allocated()
		c.wantError(c.do(stun.MethodAllocate, requestedTransport(udp)), stun.CodeAllocMismatch)
		c.wantSuccess(c.do(stun.MethodRefresh))
	})
	again.row("the same transaction", "the same Allocate again", "the same success", func(p *probe) {
		c := p.known()
		m := c.signed(stun.MethodAllocate, requestedTransport(udp))
		first := c.ask(m)
		c.wantSuccess(first)
		c.allocatedBy(first)
		second := c.ask(m)
		c.wantSuccess(second)
		if at, _ := xorAddress(second, stun.AttrXORRelayedAddress); at != c.relayed {
			p.fail("another success: %s, and first it was %s", describe(second), describe(first))
		}
	})
	again.row("the same transaction three times", "the same Allocate three times", "three successes with the same addresses", func(p *probe) {
		c := p.known()
		m := c.signed(stun.MethodAllocate, requestedTransport(udp))
		var first []byte
		for range 3 {
			got := c.ask(m)
			c.wantSuccess(got)
			relayed, _ := got.Get(stun.AttrXORRelayedAddress)
			mapped, _ := got.Get(stun.AttrXORMappedAddress)
			if addresses := slices.Concat(relayed, mapped); first == nil {
				first = addresses
			} else if !bytes.Equal(first, addresses) {
				p.fail("another success: %s", describe(got))
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
		offered := codeOf(m) == 0
		if offered {
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

	bad := token([]byte("notoken!"))
	for _, with := range []struct {
		name      string
		attribute stun.Setter
	}{
		{"EVEN-PORT", evenPort(false)}, {"EVEN-PORT with R", evenPort(true)}, {"REQUESTED-ADDRESS-FAMILY", requestedFamily(ipv4)},
		{"ADDITIONAL-ADDRESS-FAMILY", family(attrAdditionalFamily, ipv6)},
	} {
		reservation.row("with "+with.name, "Allocate with RESERVATION-TOKEN and "+with.name, "400", func(p *probe) {
			c := p.known()
			c.wantError(c.do(stun.MethodAllocate, requestedTransport(udp), bad, with.attribute), stun.CodeBadRequest)
		})
	}
	reservation.row("a token that nobody got", "Allocate with a RESERVATION-TOKEN of one's own making", "508", func(p *probe) {
		c := p.known()
		c.wantError(c.do(stun.MethodAllocate, requestedTransport(udp), bad), stun.CodeInsufficientCapacity)
	})
	reservation.row("a token of zeros", "Allocate with a RESERVATION-TOKEN of zeros", "508", func(p *probe) {
		c := p.known()
		c.wantError(c.do(stun.MethodAllocate, requestedTransport(udp), token(make([]byte, 8))), stun.CodeInsufficientCapacity)
	})
	reservation.row("a token twice", "Allocate with a RESERVATION-TOKEN that was used", "508", func(p *probe) {
		_, t := p.reserve()
		first := p.known()
		first.wantSuccess(first.do(stun.MethodAllocate, requestedTransport(udp), token(t)))
		second := p.known()
		second.wantError(second.do(stun.MethodAllocate, requestedTransport(udp), token(t)), stun.CodeInsufficientCapacity)
	})
	reservation.row("after a bad token", "Allocate without RESERVATION-TOKEN after one with a bad one", "a success", func(p *probe) {
		c := p.known()
		c.wantError(c.do(stun.MethodAllocate, requestedTransport(udp), bad), stun.CodeInsufficientCapacity)
		c.wantSuccess(c.do(stun.MethodAllocate, requestedTransport(udp)))
	})

	even.row("an even port", "Allocate with EVEN-PORT, six times", "six even ports", func(p *probe) {
		for range 6 {
			c := p.known()
			m := c.do(stun.MethodAllocate, requestedTransport(udp), evenPort(false))
			if code := codeOf(m); code == stun.CodeInsufficientCapacity || code == stun.CodeUnknownAttribute {
				p.notOffered("%s", describe(m))
			}
			c.wantSuccess(m)
			if c.allocatedBy(m); c.relayed.Port()%2 != 0 {
				p.fail("relayed %v", c.relayed)
			}
			if m.Contains(stun.AttrReservationToken) {
				p.fail("a RESERVATION-TOKEN that wasn't asked for")
			}
		}
	})
	even.row("an even port and a token", "Allocate with EVEN-PORT and R", "an even port and a RESERVATION-TOKEN", func(p *probe) {
		c, _ := p.reserve()
		if c.relayed.Port()%2 != 0 {
			p.fail("relayed %v", c.relayed)
		}
		p.see("relayed %v and a RESERVATION-TOKEN", c.relayed)
	})
	even.row("the next port", "Allocate with the RESERVATION-TOKEN, at once", "the next port", func(p *probe) {
		c, t := p.reserve()
		p.redeem(c, t)
	})
	even.row("the next port relays", "Send from the reserved port", "the peer hears it from there", func(p *probe) {
		first, t := p.reserve()
		c, peer := p.redeem(first, t), p.peer()
		c.must(stun.MethodCreatePermission, peerAddress(peer.at))
		c.reaches(peer, pattern(20))
	})
	even.row("no token without R", "Allocate without EVEN-PORT", "a success without RESERVATION-TOKEN", func(p *probe) {
		c := p.known()
		if m := c.allocate(); m.Contains(stun.AttrReservationToken) {
			p.fail("%s and RESERVATION-TOKEN", describe(m))
		}
		p.see("no RESERVATION-TOKEN")
	})
	even.add(clock, "held for 29 s", "Allocate with the RESERVATION-TOKEN, after 29 s", "the next port", func(p *probe) {
		c, t := p.reserve()
		p.sleep(29 * time.Second)
		p.redeem(c, t)
	})
	return slices.Concat(again.rows, transport.rows, fragment.rows, reservation.rows, even.rows)
}

// reserve makes an allocation with the next port reserved.
func (p *probe) reserve() (c *client, t []byte) {
	c = p.known()
	m := c.do(stun.MethodAllocate, requestedTransport(udp), evenPort(true))
	if code := codeOf(m); code == stun.CodeInsufficientCapacity || code == stun.CodeUnknownAttribute {
		p.notOffered("%s", describe(m))
	}
	c.wantSuccess(m)
	c.allocatedBy(m)
	t, err := m.Get(stun.AttrReservationToken)
	if err != nil || len(t) != 8 {
		p.fail("%s without RESERVATION-TOKEN", describe(m))
	}
	return c, t
}

// redeem makes the allocation of a token, which must be on the port after c's.
func (p *probe) redeem(c *client, t []byte) *client {
	next := p.known()
	m := next.do(stun.MethodAllocate, requestedTransport(udp), token(t))
	next.wantSuccess(m)
	if next.allocatedBy(m); next.relayed.Port() != c.relayed.Port()+1 || next.relayed.Addr() != c.relayed.Addr() {
		p.fail("relayed %v, and before it was %v", next.relayed, c.relayed)
	}
	return next
}

// addressRows is which addresses an Allocate gets, and whether there is one.
func addressRows() []Row {
	families := section{number: "16", rfc: "RFC 8656 §7.2"}
	capacity := section{number: "17", rfc: "RFC 8656 §7.2"}
	success := section{number: "18", rfc: "RFC 8656 §7.2"}

	families.row("IPv4", "Allocate with REQUESTED-ADDRESS-FAMILY IPv4", "a success with an IPv4 address, or 440", func(p *probe) {
		c := p.known()
		m := c.do(stun.MethodAllocate, requestedTransport(udp), requestedFamily(ipv4))
		if codeOf(m) == stun.CodeAddrFamilyNotSupported {
			p.notOffered("%s", describe(m))
		}
		c.wantSuccess(m)
		if c.allocatedBy(m); !c.relayed.Addr().Is4() {
			p.fail("relayed %v", c.relayed)
		}
	})
	families.row("IPv6", "Allocate with REQUESTED-ADDRESS-FAMILY IPv6", "440, or a success with an IPv6 address", func(p *probe) {
		c := p.known()
		m := c.do(stun.MethodAllocate, requestedTransport(udp), requestedFamily(ipv6))
		if codeOf(m) != 0 {
			c.wantError(m, stun.CodeAddrFamilyNotSupported)
			return
		}
		c.wantSuccess(m)
		if c.allocatedBy(m); !c.relayed.Addr().Is6() {
			p.fail("relayed %v", c.relayed)
		}
	})
	for _, f := range []byte{0x00, 0x03, 0xFF} {
		families.row(fmt.Sprintf("family %d", f), fmt.Sprintf("Allocate with REQUESTED-ADDRESS-FAMILY %#02x", f), "440", func(p *probe) {
			c := p.known()
			c.wantError(c.do(stun.MethodAllocate, requestedTransport(udp), requestedFamily(f)), stun.CodeAddrFamilyNotSupported)
		})
	}
	for _, conflict := range []struct {
		name       string
		attributes []stun.Setter
	}{
		{"both families", []stun.Setter{requestedFamily(ipv4), family(attrAdditionalFamily, ipv6)}},
		{"IPv4 as the additional family", []stun.Setter{family(attrAdditionalFamily, ipv4)}},
		{"an additional family and EVEN-PORT with R", []stun.Setter{family(attrAdditionalFamily, ipv6), evenPort(true)}},
	} {
		families.row(conflict.name, "Allocate with "+conflict.name, "400", func(p *probe) {
			c := p.known()
			c.wantError(c.do(stun.MethodAllocate, append(conflict.attributes, requestedTransport(udp))...), stun.CodeBadRequest)
		})
	}
	families.row("an additional family", "Allocate with ADDITIONAL-ADDRESS-FAMILY IPv6", "a success with two addresses, or with ADDRESS-ERROR-CODE", func(p *probe) {
		c := p.known()
		m := c.do(stun.MethodAllocate, requestedTransport(udp), family(attrAdditionalFamily, ipv6))
		c.wantSuccess(m)
		relayed := 0
		for _, a := range m.Attributes {
			if a.Type == stun.AttrXORRelayedAddress {
				relayed++
			}
		}
		if relayed != 2 && !m.Contains(attrAddressErrorCode) {
			p.fail("%s without ADDRESS-ERROR-CODE", describe(m))
		}
	})

	overQuota := func(p *probe) (extra *client, m *stun.Message) {
		if p.target.Quota == 0 {
			p.notOffered("the server's quota was not named")
		}
		for range p.target.Quota {
			p.allocated()
		}
		extra = p.known()
		return extra, extra.do(stun.MethodAllocate, requestedTransport(udp))
	}
	capacity.row("over quota", "one Allocate more than the quota", "486", func(p *probe) {
		c, m := overQuota(p)
		c.wantError(m, stun.CodeAllocQuotaReached)
	})
	capacity.row("quota that is freed", "Allocate after one of the quota's allocations was deleted", "a success", func(p *probe) {
		c, m := overQuota(p)
		c.wantError(m, stun.CodeAllocQuotaReached)
		p.clients[0].must(stun.MethodRefresh, lifetime(0))
		c.wantSuccess(c.do(stun.MethodAllocate, requestedTransport(udp)))
	})
	capacity.row("quota of another user", "another user's Allocate while one has used up the quota", "a success", func(p *probe) {
		other := p.other()
		c, m := overQuota(p)
		c.wantError(m, stun.CodeAllocQuotaReached)
		d := p.clientAs(other)
		d.challenge()
		d.wantSuccess(d.do(stun.MethodAllocate, requestedTransport(udp)))
	})
	exhausted := func(p *probe) (free func()) {
		if p.target.Exhaust == nil {
			p.notOffered("the server's ports can't be taken here")
		}
		free, err := p.target.Exhaust()
		if err != nil {
			p.end(Broken, "the server's ports can't be taken: %v", err)
		}
		return free
	}
	capacity.row("no port left", "Allocate while none of the server's ports is free", "508", func(p *probe) {
		defer exhausted(p)()
		c := p.known()
		c.wantError(c.do(stun.MethodAllocate, requestedTransport(udp)), stun.CodeInsufficientCapacity)
	})
	capacity.row("ports that are freed", "Allocate once there are ports again", "a success", func(p *probe) {
		free := exhausted(p)
		c := p.known()
		m := c.do(stun.MethodAllocate, requestedTransport(udp))
		free()
		c.wantError(m, stun.CodeInsufficientCapacity)
		c.wantSuccess(c.do(stun.MethodAllocate, requestedTransport(udp)))
	})

	for _, kind := range []stun.AttrType{stun.AttrXORRelayedAddress, stun.AttrXORMappedAddress, stun.AttrLifetime} {
		success.row("has "+kind.String(), "Allocate", fmt.Sprintf("a success with %v", kind), func(p *probe) {
			c := p.known()
			if m := c.allocate(); !m.Contains(kind) {
				p.fail("%s without %v", describe(m), kind)
			}
			p.see("%v", kind)
		})
	}
	success.row("the mapped address is the client's", "Binding and Allocate on one 5-tuple", "one XOR-MAPPED-ADDRESS", func(p *probe) {
		c := p.known()
		m := c.ask(c.build(request(stun.MethodBinding)))
		if codeOf(m) == stun.CodeUnauthorized {
			p.notOffered("%s", describe(m))
		}
		c.wantSuccess(m)
		binding, _ := xorAddress(m, stun.AttrXORMappedAddress)
		allocate, _ := xorAddress(c.allocate(), stun.AttrXORMappedAddress)
		if binding != allocate {
			p.fail("%v to Binding and %v to Allocate", binding, allocate)
		}
		p.see("%v twice", binding)
	})
	success.row("packets leave from the relayed address", "a packet to a peer", "the peer hears it from XOR-RELAYED-ADDRESS", func(p *probe) {
		c, peer := p.permitted()
		c.reaches(peer, pattern(30))
	})
	success.row("packets arrive at the relayed address", "a peer's packet to XOR-RELAYED-ADDRESS", "the client hears it", func(p *probe) {
		c, peer := p.permitted()
		peer.send(c.relayed, pattern(30))
		c.wantData(peer, pattern(30))
	})
	return slices.Concat(families.rows, capacity.rows, success.rows)
}

// lifetimeRows is how long an allocation lives (RFC 8656, sections 7.2 and 8.2).
func lifetimeRows() []Row {
	lives := section{number: "19", rfc: "RFC 8656 §7.2, §8.2"}
	refresh := section{number: "20", rfc: "RFC 8656 §8.2"}

	ask := func(c *client, method stun.Method, attributes ...stun.Setter) *stun.Message {
		if method == stun.MethodAllocate {
			attributes = append(attributes, requestedTransport(udp))
		}
		return c.do(method, attributes...)
	}
	for _, method := range []stun.Method{stun.MethodAllocate, stun.MethodRefresh} {
		name := method.String()
		want := func(id, sends, expects string, ok func(uint32) bool, attributes ...stun.Setter) {
			lives.row(name+" "+id, name+" "+sends, expects, func(p *probe) {
				c := p.ready(method)
				m := ask(c, method, attributes...)
				if got := c.lifetimeOf(m); !ok(got) {
					p.fail("%s", describe(m))
				}
			})
		}
		want("without LIFETIME", "without LIFETIME", "600 s", func(s uint32) bool { return s == 600 })
		want("with LIFETIME 10", "with LIFETIME 10", "600 s", func(s uint32) bool { return s == 600 }, lifetime(10))
		want("with LIFETIME 599", "with LIFETIME 599", "600 s", func(s uint32) bool { return s == 600 }, lifetime(599))
		want("with LIFETIME 1800", "with LIFETIME 1800", "1800 s, or the maximum, which is no less than 600 s",
			func(s uint32) bool { return s >= 600 && s <= 1800 }, lifetime(1800))
		want("with the longest LIFETIME", "with LIFETIME 4294967295", "the maximum, which is no less than 600 s",
			func(s uint32) bool { return s >= 600 && s < 1<<32-1 }, lifetime(1<<32-1))
	}
	lives.row("Allocate with LIFETIME 0", "Allocate with LIFETIME 0", "600 s", func(p *probe) {
		c := p.known()
		if m := ask(c, stun.MethodAllocate, lifetime(0)); c.lifetimeOf(m) != 600 {
			p.fail("%s", describe(m))
		}
	})
	for _, method := range []stun.Method{stun.MethodAllocate, stun.MethodRefresh} {
		for _, asked := range []uint32{10, 1800} {
			granted := max(600, asked)
			lives.add(clock, fmt.Sprintf("%v with LIFETIME %d lives", method, asked), fmt.Sprintf("%v with LIFETIME %d, and CreatePermission 2 s before the end that was granted", method, asked),
				"a success", func(p *probe) {
					c, peer := p.living(method, asked, ask)
					p.sleep(time.Duration(granted-2) * time.Second)
					c.wantSuccess(c.do(stun.MethodCreatePermission, peerAddress(peer.at)))
				})
			lives.add(clock, fmt.Sprintf("%v with LIFETIME %d ends", method, asked), fmt.Sprintf("%v with LIFETIME %d, and CreatePermission 2 s after the end that was granted", method, asked),
				"437", func(p *probe) {
					c, peer := p.living(method, asked, ask)
					p.sleep(time.Duration(granted+2) * time.Second)
					c.wantError(c.do(stun.MethodCreatePermission, peerAddress(peer.at)), stun.CodeAllocMismatch)
				})
		}
	}

	refresh.row("LIFETIME 0", "Refresh with LIFETIME 0", "a success with LIFETIME 0", func(p *probe) {
		c := p.allocated()
		if m := c.do(stun.MethodRefresh, lifetime(0)); c.lifetimeOf(m) != 0 {
			p.fail("%s", describe(m))
		}
	})
	refresh.row("LIFETIME 0 twice", "Refresh with LIFETIME 0, twice", "437 to the second", func(p *probe) {
		c := p.allocated()
		c.must(stun.MethodRefresh, lifetime(0))
		c.wantError(c.do(stun.MethodRefresh, lifetime(0)), stun.CodeAllocMismatch)
	})
	refresh.row("nothing goes out any more", "Send after Refresh with LIFETIME 0", "nothing reaches the peer", func(p *probe) {
		c, peer := p.permitted()
		c.must(stun.MethodRefresh, lifetime(0))
		c.reachesNot(peer)
	})
	refresh.row("nothing comes in any more", "a peer's packet after Refresh with LIFETIME 0", "silence", func(p *probe) {
		c, peer := p.permitted()
		c.must(stun.MethodRefresh, lifetime(0))
		peer.send(c.relayed, pattern(20))
		c.wantSilence()
	})
	refresh.row("permissions end with it", "Allocate anew on the 5-tuple, and Send to the peer of before", "nothing reaches the peer", func(p *probe) {
		c, peer := p.permitted()
		c.must(stun.MethodRefresh, lifetime(0))
		c.allocate()
		c.reachesNot(peer)
	})
	refresh.row("the wrong family", "Refresh with REQUESTED-ADDRESS-FAMILY IPv6 on an IPv4 allocation", "443, and the allocation goes on", func(p *probe) {
		c := p.allocated()
		c.wantError(c.do(stun.MethodRefresh, requestedFamily(ipv6), lifetime(0)), stun.CodePeerAddrFamilyMismatch)
		m := c.do(stun.MethodRefresh)
		if codeOf(m) != 0 {
			p.fail("443, but then %s", describe(m))
		}
	})
	refresh.row("the right family", "Refresh with REQUESTED-ADDRESS-FAMILY IPv4 on an IPv4 allocation", "a success", func(p *probe) {
		c := p.allocated()
		c.wantSuccess(c.do(stun.MethodRefresh, requestedFamily(ipv4)))
	})
	refresh.row("no LIFETIME deletes nothing", "Refresh without LIFETIME, twice", "two successes", func(p *probe) {
		c := p.allocated()
		c.wantSuccess(c.do(stun.MethodRefresh))
		c.wantSuccess(c.do(stun.MethodRefresh))
	})
	return slices.Concat(lives.rows, refresh.rows)
}

// living is a client whose allocation was given a lifetime by a method just now, and a peer.
func (p *probe) living(method stun.Method, asked uint32, ask func(*client, stun.Method, ...stun.Setter) *stun.Message) (*client, *peer) {
	c := p.ready(method)
	m := ask(c, method, lifetime(asked))
	if got := c.lifetimeOf(m); got != max(600, asked) {
		p.notOffered("the server grants %d s where %d s are asked for", got, asked)
	}
	return c, p.peer()
}
