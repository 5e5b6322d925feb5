package check

import (
	"net/netip"
	"slices"
	"time"

	"github.com/pion/stun/v3"
)

// permissionRows is RFC 8656, section 10.2: which permissions there are.
func permissionRows() []Row {
	create := about("21")
	lasts := about("24")

	malformed := raw(stun.AttrXORPeerAddress, []byte{0, ipv4, 1, 2})
	create.row("no peer", "CreatePermission without XOR-PEER-ADDRESS", "400", func(p *probe) {
		c := p.allocated()
		c.wantError(c.do(stun.MethodCreatePermission), stun.CodeBadRequest)
	})
	create.row("a malformed peer", "CreatePermission with an XOR-PEER-ADDRESS of 4 bytes", "400", func(p *probe) {
		c := p.allocated()
		c.wantError(c.do(stun.MethodCreatePermission, malformed), stun.CodeBadRequest)
	})
	create.row("a family that nobody has", "CreatePermission with an XOR-PEER-ADDRESS of family 3", "400 or 443", func(p *probe) {
		c := p.allocated()
		c.wantError(c.do(stun.MethodCreatePermission, raw(stun.AttrXORPeerAddress, []byte{0, 3, 1, 2, 3, 4, 5, 6})),
			stun.CodeBadRequest, stun.CodePeerAddrFamilyMismatch)
	})
	create.row("two peers", "CreatePermission with two peers", "a success, and permissions for both", func(p *probe) {
		c, a, b := p.allocated(), p.peer(), p.stranger()
		c.wantSuccess(c.do(stun.MethodCreatePermission, peerAddress(a.at), peerAddress(b.at)))
		c.reaches(a, pattern(20))
		c.reaches(b, pattern(21))
	})
	create.row("a peer twice", "CreatePermission with one peer twice", "a success", func(p *probe) {
		c, peer := p.allocated(), p.peer()
		c.wantSuccess(c.do(stun.MethodCreatePermission, peerAddress(peer.at), peerAddress(peer.at)))
	})
	v6 := netip.AddrPortFrom(netip.MustParseAddr("2001:db8::1"), dynamicPort)
	for _, bad := range []struct {
		name  string
		code  stun.ErrorCode
		spoil func(*probe) stun.Setter
	}{
		{"a malformed one", stun.CodeBadRequest, func(*probe) stun.Setter { return malformed }},
		{"one of the wrong family", stun.CodePeerAddrFamilyMismatch, func(*probe) stun.Setter { return peerAddress(v6) }},
		{"a forbidden one", stun.CodeForbidden, func(p *probe) stun.Setter { return peerAddress(p.forbidden()) }},
	} {
		create.row("a good peer and "+bad.name, "CreatePermission with a good peer and "+bad.name, codeText(bad.code)+", and no permission for the good one", func(p *probe) {
			wrong := bad.spoil(p)
			c, peer := p.allocated(), p.peer()
			m := c.do(stun.MethodCreatePermission, peerAddress(peer.at), wrong)
			want := []stun.ErrorCode{bad.code}
			if bad.code == stun.CodePeerAddrFamilyMismatch {
				want = append(want, stun.CodeForbidden) // which the address may be, too
			}
			c.wantError(m, want...)
			if c.sendTo(peer.at, pattern(20)); p.hears(peer) {
				p.fail("%s, and a permission for the good one", describe(m))
			}
		})
	}

	lasts.row("another port of the peer", "Send to another port than the one permitted", "the peer hears it there", func(p *probe) {
		c, _ := p.permitted()
		c.reaches(p.peer(), pattern(20))
	})
	lasts.row("from another port of the peer", "a peer's packet from another port than the one permitted", "the client hears it", func(p *probe) {
		c, _ := p.permitted()
		other := p.peer()
		other.send(c.relayed, pattern(20))
		c.wantData(other, pattern(20))
	})
	lasts.row("port 0", "CreatePermission for port 0 and Send to another one", "the peer hears it", func(p *probe) {
		c, peer := p.allocated(), p.peer()
		c.wantSuccess(c.do(stun.MethodCreatePermission, peerAddress(netip.AddrPortFrom(peer.at.Addr(), 0))))
		c.reaches(peer, pattern(20))
	})
	lasts.row("one after the other", "CreatePermission for one peer and then for another, and Send to both", "both hear it", func(p *probe) {
		c, first := p.permitted()
		second := p.stranger()
		c.must(stun.MethodCreatePermission, peerAddress(second.at))
		c.reaches(first, pattern(20))
		c.reaches(second, pattern(21))
	})
	lasts.row("another address", "Send to another address than the one permitted", "nothing reaches it", func(p *probe) {
		c, _ := p.permitted()
		c.reachesNot(p.stranger())
	})
	lasts.row("from another address", "a packet from another address than the one permitted", "silence", func(p *probe) {
		c, _ := p.permitted()
		p.stranger().send(c.relayed, pattern(20))
		c.wantSilence()
	})
	lasts.row("of one's own", "Send on an allocation without the permission that another one has", "nothing reaches the peer", func(p *probe) {
		_, peer := p.permitted()
		p.allocated().reachesNot(peer)
	})

	lasts.row("after a Refresh", "Send after Refresh", "the peer hears it", func(p *probe) {
		c, peer := p.permitted()
		c.must(stun.MethodRefresh)
		c.reaches(peer, pattern(20))
	})

	timed := func(id, sends, expects string, run func(p *probe, c *client, peer *peer)) {
		lasts.add(clock, id, sends, expects, func(p *probe) {
			c := p.lasting()
			peer := p.peer()
			c.must(stun.MethodCreatePermission, peerAddress(peer.at))
			run(p, c, peer)
		})
	}
	timed("299 s up", "Send 299 s after CreatePermission", "the peer hears it", func(p *probe, c *client, peer *peer) {
		p.sleep(299 * time.Second)
		c.reaches(peer, pattern(20))
	})
	timed("301 s up", "Send 301 s after CreatePermission", "nothing reaches the peer", func(p *probe, c *client, peer *peer) {
		p.sleep(301 * time.Second)
		c.reachesNot(peer)
	})
	timed("299 s down", "a peer's packet 299 s after CreatePermission", "the client hears it", func(p *probe, c *client, peer *peer) {
		p.sleep(299 * time.Second)
		peer.send(c.relayed, pattern(20))
		c.wantData(peer, pattern(20))
	})
	timed("301 s down", "a peer's packet 301 s after CreatePermission", "silence", func(p *probe, c *client, peer *peer) {
		p.sleep(301 * time.Second)
		peer.send(c.relayed, pattern(20))
		c.wantSilence()
	})
	timed("Send refreshes nothing", "Send every 60 s, and 301 s after CreatePermission", "nothing reaches the peer in the end", func(p *probe, c *client, peer *peer) {
		for range 4 {
			p.sleep(60 * time.Second)
			c.reaches(peer, pattern(20))
		}
		p.sleep(61 * time.Second)
		c.reachesNot(peer)
	})
	timed("a peer's packets refresh nothing", "a peer's packets every 60 s, and 301 s after CreatePermission", "silence in the end", func(p *probe, c *client, peer *peer) {
		for range 4 {
			p.sleep(60 * time.Second)
			peer.send(c.relayed, pattern(20))
			c.wantData(peer, pattern(20))
		}
		p.sleep(61 * time.Second)
		peer.send(c.relayed, pattern(20))
		c.wantSilence()
	})
	timed("CreatePermission refreshes", "CreatePermission again after 200 s, and Send 299 s later", "the peer hears it", func(p *probe, c *client, peer *peer) {
		p.sleep(200 * time.Second)
		c.must(stun.MethodCreatePermission, peerAddress(peer.at))
		p.sleep(299 * time.Second)
		c.reaches(peer, pattern(20))
	})
	timed("Refresh refreshes none", "Refresh after 200 s, and Send 301 s after CreatePermission", "nothing reaches the peer", func(p *probe, c *client, peer *peer) {
		p.sleep(200 * time.Second)
		c.must(stun.MethodRefresh)
		p.sleep(101 * time.Second)
		c.reachesNot(peer)
	})
	return slices.Concat(create.rows, lasts.rows)
}

func codeText(code stun.ErrorCode) string {
	return map[stun.ErrorCode]string{stun.CodeBadRequest: "400", stun.CodeForbidden: "403", stun.CodePeerAddrFamilyMismatch: "443"}[code]
}

// hears says whether a peer hears anything.
func (p *probe) hears(peer *peer) bool {
	payload, _ := peer.receive(p.quiet())
	return payload != nil
}

// peerRows is RFC 8656, sections 10.2 and 12.2: whom a client may not reach.
func peerRows() []Row {
	forbidden := about("22")
	families := about("23")

	methods := []struct {
		name string
		with func(at netip.AddrPort) (stun.Method, []stun.Setter)
	}{
		{"CreatePermission", func(at netip.AddrPort) (stun.Method, []stun.Setter) {
			return stun.MethodCreatePermission, []stun.Setter{peerAddress(at)}
		}},
		{"ChannelBind", func(at netip.AddrPort) (stun.Method, []stun.Setter) {
			return stun.MethodChannelBind, []stun.Setter{channelNumber(firstChannel), peerAddress(at)}
		}},
	}
	v6 := netip.AddrPortFrom(netip.MustParseAddr("2001:db8::1"), dynamicPort)
	for _, m := range methods {
		ask := func(c *client, at netip.AddrPort) *stun.Message {
			method, attributes := m.with(at)
			return c.do(method, attributes...)
		}
		forbidden.row("in "+m.name, m.name+" for a forbidden peer", "403", func(p *probe) {
			at := p.forbidden()
			c := p.allocated()
			c.wantError(ask(c, at), stun.CodeForbidden)
		})
		forbidden.row("each of them in "+m.name, m.name+" for every forbidden peer", "403 to each", func(p *probe) {
			p.forbidden()
			c := p.allocated()
			for _, ip := range p.target.Forbidden {
				if got := ask(c, netip.AddrPortFrom(ip, dynamicPort)); codeOf(got) != stun.CodeForbidden {
					p.fail("%s to %v", describe(got), ip)
				}
			}
			p.see("403 to %d peers", len(p.target.Forbidden))
		})
		forbidden.row("mapped to IPv6 in "+m.name, m.name+" for a forbidden peer written as ::ffff:a.b.c.d", "403 or 443", func(p *probe) {
			at := p.forbidden()
			c := p.allocated()
			c.wantError(ask(c, netip.AddrPortFrom(netip.AddrFrom16(at.Addr().As16()), dynamicPort)), stun.CodeForbidden, stun.CodePeerAddrFamilyMismatch)
		})
		forbidden.row("an allowed peer in "+m.name, m.name+" for an allowed peer", "a success", func(p *probe) {
			c, peer := p.allocated(), p.peer()
			c.wantSuccess(ask(c, peer.at))
		})
		families.row("IPv6 in "+m.name, m.name+" for an IPv6 peer on an IPv4 allocation", "443", func(p *probe) {
			c := p.allocated()
			got := ask(c, v6)
			if codeOf(got) == stun.CodeForbidden { // which of the two comes first is left to the server
				p.notOffered("%s: the server refuses this address whatever its family is", describe(got))
			}
			c.wantError(got, stun.CodePeerAddrFamilyMismatch)
		})
		families.row("IPv4 in "+m.name, m.name+" for an IPv4 peer on an IPv4 allocation", "a success", func(p *probe) {
			c, peer := p.allocated(), p.peer()
			c.wantSuccess(ask(c, peer.at))
		})
	}
	forbidden.row("after a refusal", "CreatePermission for an allowed peer after one for a forbidden peer", "a success", func(p *probe) {
		at := p.forbidden()
		c, peer := p.allocated(), p.peer()
		c.wantError(c.do(stun.MethodCreatePermission, peerAddress(at)), stun.CodeForbidden)
		c.wantSuccess(c.do(stun.MethodCreatePermission, peerAddress(peer.at)))
	})
	forbidden.row("a refusal ends nothing", "Send to an allowed peer after CreatePermission for a forbidden peer", "the peer hears it", func(p *probe) {
		at := p.forbidden()
		c, peer := p.permitted()
		c.wantError(c.do(stun.MethodCreatePermission, peerAddress(at)), stun.CodeForbidden)
		c.reaches(peer, pattern(20))
	})
	families.row("IPv6 in Send", "Send to an IPv6 peer on an IPv4 allocation", "silence, and the next Send reaches its peer", func(p *probe) {
		c, peer := p.permitted()
		c.sendTo(v6, pattern(20))
		c.wantSilence()
		c.reaches(peer, pattern(20))
	})
	return slices.Concat(forbidden.rows, families.rows)
}
