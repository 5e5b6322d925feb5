package turn_test

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay/turn"
)

// The wire is tried row by row in relay/check. Here is what no client can see.

func TestNewNamesWhatIsWrong(t *testing.T) {
	for what, spoil := range map[string]func(*turn.Config){
		"Config.Realm": func(c *turn.Config) { c.Realm = "" }, "Config.Secret": func(c *turn.Config) { c.Secret = []byte("short") },
		"Config.Authenticate": func(c *turn.Config) { c.Authenticate = nil }, "Config.Rand": func(c *turn.Config) { c.Rand = nil },
	} {
		cfg := turn.Config{Realm: "r", Secret: make([]byte, 16), Rand: zeros{},
			Authenticate: func(string, turn.FiveTuple, bool) ([]byte, error) { return nil, nil }}
		spoil(&cfg)
		_, err := turn.New(cfg)
		require.ErrorContains(t, err, what)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// RFC 8656, section 21.1.6 and this package's promise: whoever has shown nothing gets little.
func TestAnswersToStrangersAreShort(t *testing.T) {
	l := newLab(t, nil)
	for _, m := range []*stun.Message{
		build(request(stun.MethodAllocate), udp), build(request(stun.MethodAllocate), udp, stun.Fingerprint),
		build(request(stun.MethodBinding)), build(request(stun.MethodRefresh), lifetime(0)),
	} {
		l.send(from(1), m.Raw)
		sent := l.take()
		require.Len(t, sent, 1)
		require.LessOrEqual(t, len(sent[0].Payload), 3*len(m.Raw), "%v", m)
	}
	reason := func(c turn.Client, attributes ...stun.Setter) string {
		l.send(c, build(request(stun.MethodAllocate), attributes...).Raw)
		var e stun.ErrorCodeAttribute
		require.NoError(t, e.GetFrom(l.answer()))
		return string(e.Reason)
	}
	stream := from(1)
	stream.Stream = true
	require.Empty(t, reason(from(1)), "words are the first to go")
	require.NotEmpty(t, reason(from(1), udp, stun.NewSoftware("a client with a long name")))
	require.NotEmpty(t, reason(stream), "a handshake has shown where the client is")
	require.Zero(t, l.core.Len())
	l.ended()
}

// RFC 8489, section 9.2.4: a nonce is one source's, and stale after an hour.
func TestNonces(t *testing.T) {
	l := newLab(t, nil)
	m := l.signed(from(1), "alice", stun.MethodAllocate, udp)
	l.send(from(2), m.Raw)
	require.Equal(t, 438, code(l.answer()), "another source's")
	l.now = l.now.Add(time.Hour - time.Second)
	l.send(from(1), m.Raw)
	require.Zero(t, code(l.answer()))

	m = l.signed(from(3), "alice", stun.MethodAllocate, udp)
	l.now = l.now.Add(time.Hour)
	l.send(from(3), m.Raw)
	require.Equal(t, 438, code(l.answer()))
	l.ended()
}

// Whoever has no nonce of ours may not be where it says, and is no news.
func TestDeniedIsToldOfSourcesThatAreThere(t *testing.T) {
	l := newLab(t, nil)
	m := l.signed(from(1), "mallory", stun.MethodAllocate, udp)
	l.send(from(2), m.Raw)
	require.Equal(t, 401, code(l.answer()))
	require.Empty(t, l.news)
	l.send(from(1), m.Raw)
	require.Equal(t, 401, code(l.answer()))
	require.Len(t, l.news, 1)
	require.Equal(t, turn.Denied, l.news[0].Kind)
	require.Equal(t, "mallory", l.news[0].Username)
	require.Error(t, l.news[0].Err)
}

// RFC 8656, section 7.2: an Allocate is answered when its socket is there, and once.
func TestAllocateWaitsForItsSocket(t *testing.T) {
	l := newLab(t, nil)
	c := from(1)
	m := l.signed(c, "alice", stun.MethodAllocate, udp)
	l.core.FromClient(&l.out, l.now, c, m.Raw)
	require.Len(t, l.out.Actions, 1)
	open := l.out.Actions[0]
	require.Equal(t, turn.Open, open.Kind)
	l.out.Reset()
	l.core.FromClient(&l.out, l.now, c, m.Raw)
	require.Empty(t, l.out.Actions, "a retransmission waits, too")

	l.open(open)
	l.act()
	require.Zero(t, code(l.answer()))
	require.Equal(t, 1, l.core.Len())

	other := from(2)
	l.core.FromClient(&l.out, l.now, other, l.signed(other, "alice", stun.MethodAllocate, udp).Raw)
	open = l.out.Actions[0]
	l.out.Reset()
	l.ended()
	l.sockets[open.Socket] = true
	l.core.Opened(&l.out, l.now, other.FiveTuple, open.Socket, server)
	l.act()
	require.Empty(t, l.sockets, "too late: closed again")
}

func TestNoPortIsFreed(t *testing.T) {
	l := newLab(t, func(c *turn.Config) { c.Quota = 1 })
	l.full = true
	require.Equal(t, 508, l.ask(from(1), stun.MethodAllocate, udp))
	require.Equal(t, turn.NoCapacity, l.news[0].Kind)
	l.full = false
	require.Zero(t, l.ask(from(1), stun.MethodAllocate, udp), "the quota was given back")
	require.Equal(t, 486, l.ask(from(2), stun.MethodAllocate, udp))
	require.Zero(t, l.askAs("bob", from(3), stun.MethodAllocate, udp))
	l.ended()
}

// RFC 8656, section 7.2: a reservation that nobody claims ends.
func TestReservationEnds(t *testing.T) {
	l := newLab(t, nil)
	c := from(1)
	require.Zero(t, l.ask(c, stun.MethodAllocate, udp, attr(stun.AttrEvenPort, 0x80)))
	require.Len(t, l.sockets, 2)
	l.pass(turn.ReservationLifetime - 1)
	require.Len(t, l.sockets, 2)
	l.pass(1)
	require.Len(t, l.sockets, 1)
	l.pass(turn.DefaultLifetime)
	require.Empty(t, l.sockets)
	l.ended()
}

// What ends at the same time ends in the order in which it began: one seed, one trace.
func TestEndsInOrder(t *testing.T) {
	l := newLab(t, nil)
	var begun, gone []turn.Client
	for port := range uint16(20) {
		c, _ := l.allocated(port + 1)
		begun = append(begun, c)
	}
	l.news = nil
	l.pass(turn.DefaultLifetime)
	for _, a := range l.news {
		if a.Kind == turn.Deleted {
			gone = append(gone, a.Client)
		}
	}
	require.Equal(t, begun, gone)
	l.ended()
}

// A LIFETIME that is no number is refused (RFC 8489, section 14): nothing is guessed.
func TestTornLifetime(t *testing.T) {
	l := newLab(t, nil)
	torn := attr(stun.AttrLifetime, 0, 0, 10)
	require.Equal(t, 400, l.ask(from(1), stun.MethodAllocate, udp, torn))
	require.Empty(t, l.sockets)
	c, _ := l.allocated(1)
	require.Equal(t, 400, l.ask(c, stun.MethodRefresh, torn))
	require.Len(t, l.sockets, 1)
	l.ended()
}

// The policy is asked again for each packet: what it opened it can close.
func TestPermitIsAskedAtSend(t *testing.T) {
	open := true
	l := newLab(t, func(c *turn.Config) { c.Permit = func(netip.Addr) bool { return open } })
	c, _ := l.allocated(1)
	require.Zero(t, l.ask(c, stun.MethodChannelBind, channel(0x4000), toPeer(peer)))
	l.send(c, []byte{0x40, 0, 0, 1, 'x'})
	require.Len(t, l.take(), 1)
	open = false
	l.send(c, []byte{0x40, 0, 0, 1, 'x'})
	l.send(c, build(stun.NewType(stun.MethodSend, stun.ClassIndication), toPeer(peer), attr(stun.AttrData, 'x')).Raw)
	require.Empty(t, l.take())
	require.Equal(t, uint64(2), l.core.Totals().Up.Refused.Packets)
	l.ended()
}

// RFC 8656, section 12: a channel that carries ends at its time all the same, and another binding is another channel.
func TestChannelEndsInUse(t *testing.T) {
	l := newLab(t, nil)
	c, socket := l.allocated(1)
	other := netip.MustParseAddrPort("198.51.100.12:5000")
	up := func() []turn.Action { l.send(c, []byte{0x40, 0, 0, 1, 'x'}); return l.take() }
	down := func() []byte {
		l.core.FromPeer(&l.out, l.now, socket, peer, []byte("x"))
		l.act()
		sent := l.take()
		require.Len(t, sent, 1)
		return sent[0].Payload
	}
	require.Zero(t, l.ask(c, stun.MethodRefresh, lifetime(3600)))
	require.Zero(t, l.ask(c, stun.MethodChannelBind, channel(0x4000), toPeer(peer)))
	for range 3 { // and the permission lives on
		require.Len(t, up(), 1)
		require.Equal(t, byte(0x40), down()[0])
		l.pass(turn.ChannelLifetime / 3)
		require.Zero(t, l.ask(c, stun.MethodCreatePermission, toPeer(peer)))
	}
	require.Empty(t, up())
	require.Zero(t, down()[0], "a Data indication")

	require.Zero(t, l.ask(c, stun.MethodChannelBind, channel(0x4000), toPeer(other)))
	sent := up()
	require.Len(t, sent, 1)
	require.Equal(t, other, sent[0].Peer)
	require.Zero(t, down()[0])
	l.ended()
}

// What comes on a 5-tuple is the allocation's that it has now, if it has one.
func TestDataAfterTheEnd(t *testing.T) {
	l := newLab(t, nil)
	c, _ := l.allocated(1)
	data := []byte{0x40, 0, 0, 1, 'x'}
	require.Zero(t, l.ask(c, stun.MethodChannelBind, channel(0x4000), toPeer(peer)))
	l.send(c, data)
	require.Len(t, l.take(), 1)
	require.Zero(t, l.ask(c, stun.MethodRefresh, lifetime(0)))
	l.send(c, data)
	require.Empty(t, l.take())

	_, socket := l.allocated(1)
	require.Zero(t, l.ask(c, stun.MethodChannelBind, channel(0x4000), toPeer(peer)))
	l.send(c, data)
	sent := l.take()
	require.Len(t, sent, 1)
	require.Same(t, socket, sent[0].Socket)
	l.ended()
}

// Every packet is counted once, whatever became of it.
func TestAccounts(t *testing.T) {
	l := newLab(t, func(c *turn.Config) { c.MaxPayload = 100 })
	c, socket := l.allocated(1)
	require.Zero(t, l.ask(c, stun.MethodChannelBind, channel(0x4000), toPeer(peer)))
	for _, raw := range [][]byte{{0x40, 0, 0, 1, 'x'}, {0x40, 0, 0, 9, 'x'}, {0x40, 1, 0, 1, 'x'}} {
		l.send(c, raw)
	}
	send := stun.NewType(stun.MethodSend, stun.ClassIndication)
	l.send(c, build(send, toPeer(peer)).Raw)
	l.send(c, build(send, toPeer(netip.MustParseAddrPort("198.51.100.12:1")), attr(stun.AttrData, 'x')).Raw)
	for _, n := range []int{1, 100, 101} {
		l.core.FromPeer(&l.out, l.now, socket, peer, make([]byte, n))
	}
	l.core.FromPeer(&l.out, l.now, socket, netip.MustParseAddrPort("198.51.100.12:1"), make([]byte, 7))
	l.act()
	sent := l.take()
	require.Len(t, sent, 3)
	l.core.Undelivered(sent[2])
	total := l.core.Totals()
	require.Equal(t, turn.Count{
		In: turn.Traffic{Packets: 5, Bytes: 4}, Out: turn.Traffic{Packets: 1, Bytes: 1}, NoPermission: turn.Traffic{Packets: 1, Bytes: 1},
		NoChannel: turn.Traffic{Packets: 1, Bytes: 1}, Malformed: turn.Traffic{Packets: 2, Bytes: 1},
	}, total.Up)
	require.Equal(t, turn.Count{
		In: turn.Traffic{Packets: 4, Bytes: 209}, Out: turn.Traffic{Packets: 1, Bytes: 1}, NoPermission: turn.Traffic{Packets: 1, Bytes: 7},
		TooLong: turn.Traffic{Packets: 1, Bytes: 101}, Undelivered: turn.Traffic{Packets: 1, Bytes: 100},
	}, total.Down)
	l.ended()
}

// What a packet's header has no room for is dropped, and counted.
func TestDataThatNoIndicationHolds(t *testing.T) {
	l := newLab(t, nil)
	c, socket := l.allocated(1)
	require.Zero(t, l.ask(c, stun.MethodCreatePermission, toPeer(peer)))
	l.core.FromPeer(&l.out, l.now, socket, peer, make([]byte, 0xFFFF))
	l.act()
	require.Empty(t, l.take())
	require.Equal(t, turn.Traffic{Packets: 1, Bytes: 0xFFFF}, l.core.Totals().Down.TooLong)
	l.ended()
}

// The data path takes no memory: Send and Data indications, ChannelData, both ways.
func TestRelayingAllocatesNothing(t *testing.T) {
	l := newLab(t, nil)
	c, socket := l.allocated(1)
	d, indicated := l.allocated(2)
	require.Zero(t, l.ask(c, stun.MethodChannelBind, channel(0x4000), toPeer(peer)))
	require.Zero(t, l.ask(d, stun.MethodCreatePermission, toPeer(peer)))
	payload := make([]byte, 1000)
	channelData := append(binary.BigEndian.AppendUint32(nil, 0x4000<<16|1000), payload...)
	send := build(stun.NewType(stun.MethodSend, stun.ClassIndication), toPeer(peer), attr(stun.AttrData, payload...)).Raw
	for name, f := range map[string]func(){
		"ChannelData up":   func() { l.core.FromClient(&l.out, l.now, c, channelData) },
		"Send":             func() { l.core.FromClient(&l.out, l.now, d, send) },
		"ChannelData down": func() { l.core.FromPeer(&l.out, l.now, socket, peer, payload) },
		"Data":             func() { l.core.FromPeer(&l.out, l.now, indicated, peer, payload) },
	} {
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			f()
			if len(l.out.Actions) != 1 {
				panic(name)
			}
			l.out.Reset()
		}), name)
	}
	l.ended()
}

func TestPeers(t *testing.T) {
	everyone := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	own := []netip.Addr{netip.MustParseAddr("203.0.113.7")}
	for _, c := range []struct {
		open []netip.Prefix
		peer string
		yes  bool
	}{
		{nil, "198.51.100.11", false},
		{everyone, "198.51.100.11", true},
		{everyone, "2001:db8::1", true},
		{everyone, "203.0.113.7", false}, // its own
		{[]netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}, "203.0.113.7", true},
		{[]netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}, "203.0.113.7", false},
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, "127.0.0.1", true},
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, "127.0.0.2", false},
		// CVE-2020-26262: 0.0.0.0 and :: lead to loopback; CVE-2026-27624: so does what IPv6 has of IPv4.
		{everyone, "0.0.0.0", false}, {everyone, "::", false}, {everyone, "::1", false}, {everyone, "127.0.0.1", false},
		{everyone, "::ffff:127.0.0.1", false}, {everyone, "::127.0.0.1", false}, {everyone, "64:ff9b::7f00:1", false},
		{everyone, "64:ff9b:1::7f00:1", false}, {everyone, "2002:7f00:1::1", false}, {everyone, "2001:0:1:2:3:4:80ff:fffe", false},
		{everyone, "10.0.0.1", false}, {everyone, "169.254.169.254", false}, {everyone, "192.168.1.1", false},
		{everyone, "224.0.0.1", false}, {everyone, "255.255.255.255", false}, {everyone, "fe80::1", false}, {everyone, "fe80::1%eth0", false},
		{everyone, "fd00::1", false}, {everyone, "ff02::1", false}, {everyone, "2002:a00:1::", false},
		{everyone, "64:ff9b::c633:640b", true}, {everyone, "::ffff:198.51.100.11", true},
		{[]netip.Prefix{netip.MustParsePrefix("198.51.100.11/32")}, "::ffff:198.51.100.11", true},
	} {
		require.Equal(t, c.yes, turn.Peers{Open: c.open, Own: own}.Allow(netip.MustParseAddr(c.peer)), "%v in %v", c.peer, c.open)
	}
	require.False(t, turn.Peers{Open: everyone}.Allow(netip.Addr{}))
}

func TestFrame(t *testing.T) {
	for _, c := range []struct {
		stream []byte
		length int
		err    error
	}{
		{nil, 0, nil}, {[]byte{0, 1}, 0, nil}, {[]byte{0, 1, 0, 8}, 28, nil}, {[]byte{0, 1, 0xFF, 0xFC}, turn.MaxFrame, nil},
		{[]byte{0, 1, 0, 7}, 0, turn.ErrFrame}, {[]byte{0x40, 0, 0, 0}, 4, nil}, {[]byte{0x40, 0, 0, 5}, 12, nil},
		{[]byte{0x80}, 0, turn.ErrFrame}, {[]byte{0xC0, 0, 0, 0}, 0, turn.ErrFrame},
	} {
		n, err := turn.Frame(c.stream)
		require.Equal(t, c.length, n, "%x", c.stream)
		require.True(t, errors.Is(err, c.err), "%x", c.stream)
	}
}

func BenchmarkRelay(b *testing.B) {
	l := newLab(b, nil)
	c, socket := l.allocated(1)
	require.Zero(b, l.ask(c, stun.MethodChannelBind, channel(0x4000), toPeer(peer)))
	payload := make([]byte, 1000)
	up := append(binary.BigEndian.AppendUint32(nil, 0x4000<<16|1000), payload...)
	send := build(stun.NewType(stun.MethodSend, stun.ClassIndication), toPeer(peer), attr(stun.AttrData, payload...)).Raw
	b.Run("ChannelData up", func(b *testing.B) {
		for b.Loop() {
			l.core.FromClient(&l.out, l.now, c, up)
			l.out.Reset()
		}
	})
	b.Run("ChannelData down", func(b *testing.B) {
		for b.Loop() {
			l.core.FromPeer(&l.out, l.now, socket, peer, payload)
			l.out.Reset()
		}
	})
	b.Run("Send", func(b *testing.B) {
		for b.Loop() {
			l.core.FromClient(&l.out, l.now, c, send)
			l.out.Reset()
		}
	})
}
