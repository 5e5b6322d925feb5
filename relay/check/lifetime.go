package check

import (
	"fmt"
	"slices"
	"time"

	"github.com/pion/stun/v3"
)

// lifetimeRows is how long an allocation lives (RFC 8656, sections 7.2 and 8.2).
func lifetimeRows() []Row {
	lives := about("19")
	refresh := about("20")

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
	lives.row("Refresh as Allocate", "Allocate and then Refresh with LIFETIME 1800", "the same lifetime", func(p *probe) {
		c := p.known()
		first := c.lifetimeOf(c.allocate(lifetime(1800)))
		if again := c.lifetimeOf(c.do(stun.MethodRefresh, lifetime(1800))); again != first {
			p.fail("%d s, and %d s for Allocate", again, first)
		}
		p.see("%d s twice", first)
	})
	lives.row("Refresh shortens", "Allocate with LIFETIME 1800, and Refresh without", "600 s", func(p *probe) {
		c := p.known()
		if first := c.lifetimeOf(c.allocate(lifetime(1800))); first == 600 {
			p.notOffered("the server's longest lifetime is %d s", first)
		}
		if m := c.do(stun.MethodRefresh); c.lifetimeOf(m) != 600 {
			p.fail("%s", describe(m))
		}
	})
	lives.row("Refresh three times", "Refresh three times", "600 s each time", func(p *probe) {
		c := p.allocated()
		for range 3 {
			if m := c.do(stun.MethodRefresh); c.lifetimeOf(m) != 600 {
				p.fail("%s", describe(m))
			}
		}
	})
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
	refresh.row("channels end with it", "Allocate anew on the 5-tuple, and ChannelData on the channel of before", "nothing reaches the peer", func(p *probe) {
		c, peer := p.bound()
		c.must(stun.MethodRefresh, lifetime(0))
		c.allocate()
		c.must(stun.MethodCreatePermission, peerAddress(peer.at))
		c.write(channelData(firstChannel, pattern(20), c.stream))
		peer.hearsNothing()
	})
	refresh.row("of one allocation", "Refresh with LIFETIME 0, while the user has another allocation on another 5-tuple", "a success, and the other one goes on", func(p *probe) {
		a, b := p.allocated(), p.allocated()
		a.must(stun.MethodRefresh, lifetime(0))
		b.wantSuccess(b.do(stun.MethodRefresh))
	})
	refresh.row("the wrong family", "Refresh with REQUESTED-ADDRESS-FAMILY IPv6 on an IPv4 allocation, Refresh without it, and Send", "443, a success, and the peer hears it", func(p *probe) {
		c, peer := p.permitted()
		c.wantError(c.do(stun.MethodRefresh, requestedFamily(ipv6), lifetime(0)), stun.CodePeerAddrFamilyMismatch)
		m := c.do(stun.MethodRefresh)
		if codeOf(m) != 0 {
			p.fail("443, but then %s", describe(m))
		}
		c.reaches(peer, pattern(20))
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
