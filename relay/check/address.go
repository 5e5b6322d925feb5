package check

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/pion/stun/v3"
)

// addressRows is which addresses an Allocate gets (RFC 8656, section 7.2).
func addressRows() []Row {
	families := about("16")
	success := about("18")

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
		takesPorts bool // it is about EVEN-PORT, too, which the server may not know
	}{
		{"both families", []stun.Setter{requestedFamily(ipv4), family(attrAdditionalFamily, ipv6)}, false},
		{"IPv4 as the additional family", []stun.Setter{family(attrAdditionalFamily, ipv4)}, false},
		{"an additional family and EVEN-PORT with R", []stun.Setter{family(attrAdditionalFamily, ipv6), evenPort(true)}, true},
	} {
		families.row(conflict.name, "Allocate with "+conflict.name, "400", func(p *probe) {
			c := p.known()
			m := c.do(stun.MethodAllocate, append(conflict.attributes, requestedTransport(udp))...)
			if conflict.takesPorts && codeOf(m) == stun.CodeUnknownAttribute {
				p.notOffered("%s", describe(m))
			}
			c.wantError(m, stun.CodeBadRequest)
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
		binding, _ := xorAddress(c.binding(), stun.AttrXORMappedAddress)
		allocate, _ := xorAddress(c.allocate(), stun.AttrXORMappedAddress)
		if binding != allocate {
			p.fail("%v to Binding and %v to Allocate", binding, allocate)
		}
		p.see("%v twice", binding)
	})
	success.row("without a NAT it is the client's own", "Allocate from an address that no NAT changes", "XOR-MAPPED-ADDRESS is the client's address and port", func(p *probe) {
		c := p.known()
		mapped, _ := xorAddress(c.allocate(), stun.AttrXORMappedAddress)
		own, err := netip.ParseAddrPort(c.conn.LocalAddr().String())
		if err != nil || own.Addr().Unmap() != mapped.Addr() {
			p.notOffered("from %v the server sees %v, as behind a NAT", c.conn.LocalAddr(), mapped)
		}
		if own.Port() != mapped.Port() {
			p.fail("mapped %v, and it is %v", mapped, own)
		}
		p.see("%v", mapped)
	})
	success.row("two clients have two", "Allocate on two 5-tuples", "two different XOR-MAPPED-ADDRESSes", func(p *probe) {
		a, _ := xorAddress(p.known().allocate(), stun.AttrXORMappedAddress)
		b, _ := xorAddress(p.known().allocate(), stun.AttrXORMappedAddress)
		if a == b {
			p.fail("%v twice", a)
		}
		p.see("%v and %v", a, b)
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
	return slices.Concat(families.rows, success.rows)
}
