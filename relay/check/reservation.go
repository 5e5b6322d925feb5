package check

import (
	"slices"
	"time"

	"github.com/pion/stun/v3"
)

// reservationRows is EVEN-PORT and RESERVATION-TOKEN (RFC 8656, section 7.2).
func reservationRows() []Row {
	reservation := about("14")
	even := about("15")

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
			c.wantError(c.tokened(bad, with.attribute), stun.CodeBadRequest)
		})
	}
	reservation.row("a token that nobody got", "Allocate with a RESERVATION-TOKEN of one's own making", "508", func(p *probe) {
		c := p.known()
		c.wantError(c.tokened(bad), stun.CodeInsufficientCapacity)
	})
	reservation.row("a token of zeros", "Allocate with a RESERVATION-TOKEN of zeros", "508", func(p *probe) {
		c := p.known()
		c.wantError(c.tokened(token(make([]byte, 8))), stun.CodeInsufficientCapacity)
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
		if m := c.do(stun.MethodAllocate, requestedTransport(udp), bad); codeOf(m) == 0 {
			p.notOffered("the bad one was answered with %s", describe(m))
		}
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
	return slices.Concat(reservation.rows, even.rows)
}

// tokened asks for an allocation with RESERVATION-TOKEN.
func (c *client) tokened(attributes ...stun.Setter) *stun.Message {
	m := c.do(stun.MethodAllocate, append(attributes, requestedTransport(udp))...)
	if codeOf(m) == stun.CodeUnknownAttribute {
		c.probe.notOffered("%s", describe(m))
	}
	return m
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
