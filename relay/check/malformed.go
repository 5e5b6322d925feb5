package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pion/stun/v3"
)

// malformedRows is attributes that aren't what they should be. What a server says to most of them is left to it; but it has
// to live on.
func malformedRows() []Row {
	broken := about("07")
	survived := func(id, sends string, method stun.Method, attributes ...stun.Setter) {
		broken.row(id, method.String()+" with "+sends, "whatever it is, and then an answer to what is right", func(p *probe) {
			c := p.ready(method)
			c.tell(method, attributes...)
			c.wantAlive()
		})
		broken.in("RFC 8489 §6.3")
	}
	for _, a := range []struct {
		kind   stun.AttrType
		right  int
		method stun.Method
		beside []stun.Setter
	}{
		{stun.AttrLifetime, 4, stun.MethodRefresh, nil},
		{stun.AttrChannelNumber, 4, stun.MethodChannelBind, nil},
		{stun.AttrReservationToken, 8, stun.MethodAllocate, []stun.Setter{requestedTransport(udp)}},
		{stun.AttrEvenPort, 1, stun.MethodAllocate, []stun.Setter{requestedTransport(udp)}},
		{stun.AttrRequestedAddressFamily, 4, stun.MethodAllocate, []stun.Setter{requestedTransport(udp)}},
		{attrAdditionalFamily, 4, stun.MethodAllocate, []stun.Setter{requestedTransport(udp)}},
		{stun.AttrPasswordAlgorithm, 4, stun.MethodAllocate, []stun.Setter{requestedTransport(udp)}},
		{stun.AttrPasswordAlgorithms, 4, stun.MethodAllocate, []stun.Setter{requestedTransport(udp)}},
		{stun.AttrXORPeerAddress, 8, stun.MethodCreatePermission, nil},
	} {
		name := a.kind.String()
		if a.kind == attrAdditionalFamily {
			name = "ADDITIONAL-ADDRESS-FAMILY"
		}
		for _, n := range []int{0, a.right/2 + a.right%2*2, a.right + 3} {
			bytes := fmt.Sprintf("%d bytes of %s", n, name)
			survived(bytes, bytes, a.method, append([]stun.Setter{raw(a.kind, make([]byte, n))}, a.beside...)...)
		}
	}
	survived("a long REALM", "a REALM of 1000 bytes before the right one", stun.MethodRefresh, raw(stun.AttrRealm, pattern(1000)))
	survived("a long USERNAME", "a USERNAME of 600 bytes before the right one", stun.MethodRefresh, text(stun.AttrUsername, strings.Repeat("x", 600))) // RFC 8489, section 14.3: 508
	survived("bytes that are no text", "a USERNAME and a SOFTWARE that aren't UTF-8, before the right USERNAME", stun.MethodRefresh,
		text(stun.AttrUsername, "\xff\xfe\x80"), text(stun.AttrSoftware, "\xff\xfe\x80"))
	survived("200 attributes", "200 empty attributes that nobody has", stun.MethodRefresh, slices.Repeat([]stun.Setter{raw(attrOptional, nil)}, 200)...)
	survived("a message of 9000 bytes", "an attribute of 9000 bytes that nobody has", stun.MethodRefresh, text(attrOptional, strings.Repeat("x", 9000)))
	broken.rows[len(broken.rows)-1].size = 9000
	return broken.rows
}

// tell sends a request with credentials, to which there may be an answer.
func (c *client) tell(method stun.Method, attributes ...stun.Setter) {
	c.holds = c.holds || method == stun.MethodAllocate
	for range 2 {
		c.write(c.signed(method, attributes...).Raw)
		b := c.receive(c.probe.quiet())
		m := &stun.Message{Raw: b}
		if c.probe.see("%s", describeRaw(b)); b == nil || m.Decode() != nil || codeOf(m) != stun.CodeStaleNonce {
			return
		}
		c.learn(m)
	}
}
