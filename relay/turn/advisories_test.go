package turn_test

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"testing"

	"github.com/pion/stun/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay/turn"
)

// What was published about other TURN servers, as far as it is about the rules of one. CVE-2018-4056 and CVE-2018-4059
// are about an administrator's page and shell, which there are none of here; CVE-2020-6061 and CVE-2020-6062 are about
// HTTP on a TURN port, which is no message (FuzzFrame), and about lookups (TestHostileLookups of relay).

// toPeer6 is XOR-PEER-ADDRESS for an IPv6 spelling.
func toPeer6(at netip.AddrPort) stun.Setter { return peer6(at) }

type peer6 netip.AddrPort

func (p peer6) AddTo(m *stun.Message) error {
	at := netip.AddrPort(p)
	v := binary.BigEndian.AppendUint16([]byte{0, 2}, at.Port()^0x2112)
	for i, b := range at.Addr().As16() {
		v = append(v, b^m.Raw[4+i])
	}
	m.Add(stun.AttrXORPeerAddress, v)
	return nil
}

// CVE-2018-4058, CVE-2020-26262, CVE-2026-27624: whoever opens the whole world hasn't opened the server itself, under
// whatever spelling; nor its network, nor the cloud's metadata.
func TestNoWayToTheServerItself(t *testing.T) {
	everyone := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	l := newLab(t, func(c *turn.Config) { c.Permit = turn.Peers{Open: everyone, Own: []netip.Addr{server.Addr()}}.Allow })
	c, _ := l.allocated(1)
	require.Zero(t, l.ask(c, stun.MethodCreatePermission, toPeer(peer)), "the world is open")
	for _, ip := range []string{"127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "192.0.2.138", "169.254.169.254", "10.0.0.1", "100.100.100.200", "224.0.0.1"} {
		at := netip.AddrPortFrom(netip.MustParseAddr(ip), 9)
		require.Equal(t, 403, l.ask(c, stun.MethodCreatePermission, toPeer(at)), ip)
		require.Equal(t, 403, l.ask(c, stun.MethodChannelBind, channel(0x4000), toPeer(at)), ip)
		l.send(c, build(stun.NewType(stun.MethodSend, stun.ClassIndication), toPeer(at), attr(stun.AttrData, 'x')).Raw)
		require.Empty(t, l.take(), ip)
	}
	for _, ip := range []string{"::", "::1", "::ffff:127.0.0.1", "::ffff:0.0.0.0", "::ffff:192.0.2.138", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "fe80::1"} {
		at := netip.AddrPortFrom(netip.MustParseAddr(ip), 9)
		require.Equal(t, 443, l.ask(c, stun.MethodCreatePermission, toPeer6(at)), ip)
		require.Equal(t, 443, l.ask(c, stun.MethodChannelBind, channel(0x4000), toPeer6(at)), ip)
		require.False(t, turn.Peers{Open: everyone, Own: []netip.Addr{server.Addr()}}.Allow(at.Addr()), "and the policy would refuse it, too: %s", ip)
	}
	l.ended()
}

// CVE-2020-4067: what pads an answer is zero, not what another client had there.
func TestPaddingIsZero(t *testing.T) {
	l := newLab(t, func(c *turn.Config) { c.Realm, c.Software = "a realm of 17 B..", "software" })
	c, socket := from(1), (*turn.Socket)(nil)
	secret := make([]byte, 1500)
	for i := range secret {
		secret[i] = 0xEE
	}
	for range 3 { // the second time the output's memory is what the first has left there
		l.send(c, build(request(stun.MethodAllocate), udp).Raw)
		sent := l.take()
		require.Len(t, sent, 1)
		padded(t, sent[0].Payload)
		if socket == nil {
			l.core.FromClient(&l.out, l.now, c, secret)
		}
		l.out.Reset()
	}
	l = newLab(t, nil)
	c = from(2)
	c.Stream = true
	require.Zero(t, l.ask(c, stun.MethodAllocate, udp))
	socket = l.news[0].Socket
	require.Zero(t, l.ask(c, stun.MethodChannelBind, channel(0x4000), toPeer(peer)))
	for _, n := range []int{1400, 5} {
		l.core.FromPeer(&l.out, l.now, socket, peer, secret[:n])
		l.act()
	}
	sent := l.take()
	require.Equal(t, []byte{0x40, 0, 0, 5, 0xEE, 0xEE, 0xEE, 0xEE, 0xEE, 0, 0, 0}, sent[1].Payload)
	l.ended()
}

func padded(t *testing.T, raw []byte) {
	for at := 20; at < len(raw); {
		length := int(binary.BigEndian.Uint16(raw[at+2:]))
		end := at + 4 + length
		for ; end%4 != 0; end++ {
			require.Zero(t, raw[end], "padding of the attribute at %d", at)
		}
		at = end
	}
}

// Whoever writes any source it likes into its packets gets the server to remember none of them.
func TestSpoofedSourcesLeaveNothing(t *testing.T) {
	l := newLab(t, func(c *turn.Config) { c.StrangerRate = 100 })
	allocate := build(request(stun.MethodAllocate), udp, stun.NewUsername("alice"), stun.NewRealm("example.org"),
		attr(stun.AttrNonce, []byte("a nonce that nobody gave")...), stun.NewLongTermIntegrity("alice", "example.org", "secret")).Raw
	flood := func(n int) {
		for i := range n {
			source := netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)})
			c := turn.Client{FiveTuple: turn.FiveTuple{Client: netip.AddrPortFrom(source, uint16(i)), Server: server}}
			l.core.FromClient(&l.out, l.now, c, allocate)
			l.out.Reset()
		}
	}
	flood(1000)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	flood(50_000)
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(1<<20))
	require.Zero(t, l.core.Len())
	require.Empty(t, l.news, "nor does the log hear of sources that may not be there")
	l.ended()
}

// Nobody gets more than three bytes for one that it sent, without a nonce: whatever the request.
func TestNoAnswerAmplifies(t *testing.T) {
	l := newLab(t, nil)
	for _, m := range []*stun.Message{
		build(request(stun.MethodBinding)), build(request(stun.MethodBinding), stun.Fingerprint),
		build(request(stun.MethodBinding), attr(0x7FF0)), build(request(stun.MethodBinding), attr(0x7FF0), attr(0x7FF1), attr(0x7FF2), attr(0x7FF3)),
		build(request(stun.MethodAllocate)), build(request(stun.MethodRefresh)), build(request(stun.MethodChannelBind)),
		build(request(stun.MethodCreatePermission), stun.NewShortTermIntegrity("x")),
		build(request(stun.MethodAllocate), stun.NewUsername("a"), stun.NewRealm("b"), attr(stun.AttrNonce), stun.NewShortTermIntegrity("x")),
	} {
		l.send(from(1), m.Raw)
		for _, a := range l.take() {
			require.LessOrEqual(t, len(a.Payload), 3*len(m.Raw), "%v", m)
		}
	}
	l.ended()
}
