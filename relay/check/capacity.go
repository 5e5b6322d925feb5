package check

import (
	"github.com/pion/stun/v3"
)

// capacityRows is whether there is a port for an Allocate (RFC 8656, section 7.2).
func capacityRows() []Row {
	capacity := about("17")

	overQuota := func(p *probe) (extra *client, m *stun.Message) {
		if p.target.Quota == 0 {
			p.notOffered(NoQuota)
		}
		for range p.target.Quota {
			c := p.known()
			m := c.do(stun.MethodAllocate, requestedTransport(udp))
			if codeOf(m) == stun.CodeAllocQuotaReached {
				return c, m // ports that other rows have reserved may count for a while
			}
			c.wantSuccess(m)
			c.allocatedBy(m)
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
		if c == p.clients[0] {
			p.notOffered(QuotaReached)
		}
		p.clients[0].must(stun.MethodRefresh, lifetime(0))
		c.wantSuccess(c.do(stun.MethodAllocate, requestedTransport(udp)))
	})
	capacity.should("quota of another user", "another user's Allocate while one has used up the quota", "a success", func(p *probe) {
		other := p.other()
		c, m := overQuota(p)
		c.wantError(m, stun.CodeAllocQuotaReached)
		d := p.clientAs(other)
		d.challenge()
		if m := d.do(stun.MethodAllocate, requestedTransport(udp)); codeOf(m) == stun.CodeAllocQuotaReached {
			p.fail("%s", describe(m)) // of a quota that isn't by username, as it SHOULD be
		} else {
			d.wantSuccess(m)
		}
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
	return capacity.rows
}
