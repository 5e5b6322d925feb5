package turn_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay/turn"
)

var evenPair = attr(stun.AttrEvenPort, 0x80)

// elsewhere is a client at another address.
func elsewhere(port uint16) turn.Client {
	c := from(port)
	c.Client = netip.AddrPortFrom(netip.MustParseAddr("10.10.0.3"), port)
	return c
}

func TestQuotas(t *testing.T) {
	for _, tc := range []struct {
		what   string
		change func(*turn.Config)
		code   int
		err    error
		other  int // what another user, from another address, gets
	}{
		{"of a user", func(c *turn.Config) { c.Quota = 2 }, 486, turn.ErrUserQuota, 0},
		{"of a source", func(c *turn.Config) { c.SourceQuota = 2 }, 486, turn.ErrSourceQuota, 0},
		{"of the server", func(c *turn.Config) { c.MaxAllocations = 2 }, 508, turn.ErrFull, 508},
	} {
		t.Run(tc.what, func(t *testing.T) {
			l := newLab(t, tc.change)
			a, _ := l.allocated(1)
			require.Zero(t, l.ask(from(2), stun.MethodAllocate, udp))
			l.news = nil
			require.Equal(t, tc.code, l.ask(from(3), stun.MethodAllocate, udp))
			require.ErrorIs(t, l.news[0].Err, tc.err)
			require.Equal(t, tc.other, l.askAs("bob", elsewhere(4), stun.MethodAllocate, udp))
			require.Zero(t, l.ask(a, stun.MethodRefresh, lifetime(0)))
			require.Zero(t, l.ask(from(3), stun.MethodAllocate, udp), "what is given back can be had again")
			require.NoError(t, l.core.Sound(l.now))
			l.ended()
			require.NoError(t, l.core.Sound(l.now))
		})
	}
}

// Requests that arrive while sockets are being opened are counted, too: a quota can't be raced.
func TestQuotaCountsWhatIsBeingOpened(t *testing.T) {
	l := newLab(t, func(c *turn.Config) { c.Quota = 2 })
	l.late = true
	for port := range uint16(2) {
		require.Equal(t, -1, l.ask(from(port), stun.MethodAllocate, udp), "it waits")
	}
	require.Equal(t, 486, l.ask(from(3), stun.MethodAllocate, udp))
	l.openAll()
	require.Len(t, l.take(), 2)
	require.Equal(t, 486, l.ask(from(3), stun.MethodAllocate, udp))
	l.ended()
}

// A port that waits for its token is somebody's: without that, pairs that are deleted at once would take all ports.
func TestQuotaCountsReservations(t *testing.T) {
	l := newLab(t, func(c *turn.Config) { c.Quota = 2 })
	require.Zero(t, l.ask(from(1), stun.MethodAllocate, udp, evenPair))
	require.Equal(t, 486, l.ask(from(2), stun.MethodAllocate, udp))
	require.Zero(t, l.ask(from(1), stun.MethodRefresh, lifetime(0)))
	require.Equal(t, 486, l.ask(from(2), stun.MethodAllocate, udp, evenPair), "one of the two is still held")
	require.Zero(t, l.ask(from(2), stun.MethodAllocate, udp))
	l.pass(turn.ReservationLifetime)
	require.Zero(t, l.ask(from(3), stun.MethodAllocate, udp))
	require.NoError(t, l.core.Sound(l.now))
	l.ended()
}

func TestTokenMovesItsPort(t *testing.T) {
	l := newLab(t, func(c *turn.Config) { c.Quota = 2 })
	reserve := func(port uint16) []byte {
		m := l.signed(from(port), "alice", stun.MethodAllocate, udp, evenPair)
		l.send(from(port), m.Raw)
		token, err := l.answer().Get(stun.AttrReservationToken)
		require.NoError(t, err)
		return token
	}
	token := attr(stun.AttrReservationToken, reserve(1)...)
	require.Zero(t, l.ask(from(2), stun.MethodAllocate, udp, token), "alice holds as many ports as before")
	require.Equal(t, 508, l.askAs("bob", from(3), stun.MethodAllocate, udp, token), "it is used")
	require.Zero(t, l.ask(from(1), stun.MethodRefresh, lifetime(0)))
	require.Zero(t, l.ask(from(2), stun.MethodRefresh, lifetime(0)))

	token = attr(stun.AttrReservationToken, reserve(4)...)
	require.Zero(t, l.askAs("bob", from(5), stun.MethodAllocate, udp, evenPair))
	require.Equal(t, 486, l.askAs("bob", from(6), stun.MethodAllocate, udp, token), "bob has what he may")
	require.NoError(t, l.core.Sound(l.now))
	require.Zero(t, l.ask(from(7), stun.MethodAllocate, udp, token), "and the token is still good")
	l.ended()
}

// A client's connection that ends takes with it what is being opened, both ports of a pair.
func TestGoneWhileOpening(t *testing.T) {
	l := newLab(t, func(c *turn.Config) { c.Quota = 2 })
	l.late = true
	c := from(1)
	require.Equal(t, -1, l.ask(c, stun.MethodAllocate, udp, evenPair))
	l.core.Gone(&l.out, c.FiveTuple)
	l.act()
	l.openAll()
	require.Empty(t, l.sockets)
	require.Empty(t, l.take())
	require.NoError(t, l.core.Sound(l.now))
	l.late = false
	require.Zero(t, l.ask(c, stun.MethodAllocate, udp, evenPair))
	l.ended()
}

// RFC 8656, section 5: data beyond the bandwidth quota is discarded, and the user's other allocations share it.
func TestRate(t *testing.T) {
	const rate = 100_000
	l := newLab(t, func(c *turn.Config) { c.Rate = rate })
	a, socket := l.allocated(1)
	b, _ := l.allocated(2)
	for _, c := range []turn.Client{a, b} {
		require.Zero(t, l.ask(c, stun.MethodChannelBind, channel(0x4000), toPeer(peer)))
	}
	packet := append([]byte{0x40, 0, 0x03, 0xE8}, make([]byte, 1000)...)
	for range 10_000 { // ten seconds, each client at the full rate
		l.now = l.now.Add(time.Millisecond)
		for _, c := range []turn.Client{a, b} {
			for range 5 {
				l.core.FromClient(&l.out, l.now, c, packet)
			}
		}
		l.core.FromPeer(&l.out, l.now, socket, peer, packet[:5])
		l.out.Reset()
	}
	up, down := l.core.Totals().Up, l.core.Totals().Down
	require.InDelta(t, 10*rate+0xFFFF, up.Out.Bytes, 1000)
	require.Equal(t, up.In.Packets, up.Out.Packets+up.OverRate.Packets)
	require.Equal(t, down.In, down.Out, "the other way has a quota of its own")
	for range 200 {
		l.core.FromPeer(&l.out, l.now, socket, peer, packet)
	}
	l.out.Reset()
	require.NotZero(t, l.core.Totals().Down.OverRate.Packets)
	l.balanced()

	other := from(3)
	require.Zero(t, l.askAs("bob", other, stun.MethodAllocate, udp))
	require.Zero(t, l.askAs("bob", other, stun.MethodChannelBind, channel(0x4000), toPeer(peer)))
	l.take()
	l.send(other, packet)
	require.Len(t, l.take(), 1, "bob's quota is his own")
	l.ended()
}

// As many bytes as there are left pass, and not one more.
func TestRateToTheByte(t *testing.T) {
	l := newLab(t, func(c *turn.Config) { c.Rate = 1 })
	c, _ := l.allocated(1)
	require.Zero(t, l.ask(c, stun.MethodChannelBind, channel(0x4000), toPeer(peer)))
	l.send(c, append([]byte{0x40, 0, 0xFF, 0xFE}, make([]byte, 0xFFFE)...))
	require.Len(t, l.take(), 1)
	one := []byte{0x40, 0, 0, 1, 'x', 0, 0, 0}
	l.send(c, one)
	require.Len(t, l.take(), 1)
	l.send(c, one)
	require.Empty(t, l.take())
	l.ended()
}

// A victim gets no more answers than its address's budget, a client that has shown where it is gets them all, and
// nothing is kept of any source.
func TestStrangersHaveABudget(t *testing.T) {
	l := newLab(t, func(c *turn.Config) { c.StrangerRate = 10 })
	known := from(1)
	signed := l.signed(known, "alice", stun.MethodAllocate, udp)
	count := func(c turn.Client, raw []byte, n int) (answers int) {
		for range n {
			l.send(c, raw)
			answers += len(l.take())
		}
		return answers
	}
	allocate, binding := build(request(stun.MethodAllocate), udp).Raw, build(request(stun.MethodBinding)).Raw
	bad := build(request(stun.MethodRefresh), stun.NewUsername("alice"), stun.NewShortTermIntegrity("x")).Raw
	got := count(from(2), allocate, 700) + count(from(3), binding, 700) + count(from(4), bad, 700)
	require.Equal(t, 999, got, "the budget is the address's, whatever the port and the request; one is spent on known's")
	require.Equal(t, uint64(2100-999), l.core.Totals().Unanswered)
	require.Equal(t, 5, count(known, signed.Raw, 5))
	l.now = l.now.Add(2 * time.Second)
	require.Equal(t, 20, count(from(2), allocate, 100))

	stream := from(5)
	stream.Stream = true
	require.Equal(t, 100, count(stream, allocate, 100), "over TCP a source is where it says")
	l.ended()
}

// Refreshing what is there takes no room: at the limit a client keeps what it has.
func TestPermissionsAtTheLimit(t *testing.T) {
	l := newLab(t, func(c *turn.Config) { c.MaxPeers = 2 })
	at := func(last byte) stun.Setter {
		return toPeer(netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, last}), 9))
	}
	c, _ := l.allocated(1)
	require.Zero(t, l.ask(c, stun.MethodCreatePermission, at(1), at(2)))
	require.Zero(t, l.ask(c, stun.MethodCreatePermission, at(1), at(2)))
	l.news = nil
	require.Equal(t, 508, l.ask(c, stun.MethodCreatePermission, at(1), at(3)))
	require.Equal(t, 508, l.ask(c, stun.MethodChannelBind, channel(0x4000), at(3)))
	require.Len(t, l.news, 2)
	for _, told := range l.news {
		require.Equal(t, turn.PeerRefused, told.Kind)
		require.ErrorIs(t, told.Err, turn.ErrPeers)
		require.Equal(t, "198.51.100.3", told.Peer.Addr().String())
	}
	require.Zero(t, l.ask(c, stun.MethodChannelBind, channel(0x4000), at(1)))
	l.pass(200 * time.Second)
	require.Zero(t, l.ask(c, stun.MethodChannelBind, channel(0x4000), at(1)), "both are refreshed")
	l.pass(200 * time.Second)
	require.Zero(t, l.ask(c, stun.MethodCreatePermission, at(3)), "the second has ended")
	require.Equal(t, 508, l.ask(c, stun.MethodCreatePermission, at(2)))
	l.pass(101 * time.Second)
	require.Zero(t, l.ask(c, stun.MethodCreatePermission, at(2)))
	require.Equal(t, 508, l.ask(c, stun.MethodChannelBind, channel(0x4000), at(1)), "the channel lives, and there is no room for its permission")
	require.NoError(t, l.core.Sound(l.now))
	l.ended()
}

// RFC 8489, section 5: transaction IDs of indications can't be guessed.
func TestDataIndicationsHaveRandomTransactions(t *testing.T) {
	l := newLab(t, nil)
	c, socket := l.allocated(1)
	require.Zero(t, l.ask(c, stun.MethodCreatePermission, toPeer(peer)))
	seen := map[[stun.TransactionIDSize]byte]bool{}
	var ones int
	for range 1000 {
		l.core.FromPeer(&l.out, l.now, socket, peer, []byte("x"))
		l.act()
		id := l.answer().TransactionID
		seen[id] = true
		ones += int(id[0]>>7) + int(id[11]&1)
	}
	require.Len(t, seen, 1000)
	require.InDelta(t, 1000, ones, 150)
	l.ended()
}

// A server may be told to answer whoever asks.
func TestNoStrangerRate(t *testing.T) {
	l := newLab(t, func(c *turn.Config) { c.StrangerRate = -1 })
	for range 3000 {
		l.send(from(1), build(request(stun.MethodBinding)).Raw)
		require.NotNil(t, l.answer())
	}
	l.ended()
}

// RFC 8656, section 5: SOFTWARE goes to whom the server knows; a stranger's answer stays short.
func TestSoftware(t *testing.T) {
	l := newLab(t, func(c *turn.Config) { c.Software = "a name that is by far longer than a request" })
	l.send(from(1), build(request(stun.MethodAllocate), udp).Raw)
	require.False(t, l.answer().Contains(stun.AttrSoftware))
	l.send(from(1), l.signed(from(1), "alice", stun.MethodAllocate, udp).Raw)
	require.True(t, l.answer().Contains(stun.AttrSoftware))
	l.ended()

	l = newLab(t, nil)
	l.send(from(1), l.signed(from(1), "alice", stun.MethodAllocate, udp).Raw)
	require.False(t, l.answer().Contains(stun.AttrSoftware), "it has no name")
	l.ended()
}

// RFC 8489, section 9.2.4: USERHASH names nobody here, and isn't malformed.
func TestUserhashIsNobody(t *testing.T) {
	l := newLab(t, nil)
	m := l.signed(from(1), "alice", stun.MethodAllocate, udp)
	nonce, _ := m.Get(stun.AttrNonce)
	hidden := build(request(stun.MethodAllocate), udp, attr(stun.AttrUserhash, make([]byte, 32)...), stun.NewRealm("example.org"),
		attr(stun.AttrNonce, nonce...), stun.NewLongTermIntegrity("alice", "example.org", "secret"))
	l.send(from(1), hidden.Raw)
	require.Equal(t, 401, code(l.answer()))
	l.ended()
}

// Whoever runs a server can tell a client with a token that nobody got from a server without ports.
func TestTokenOfNobody(t *testing.T) {
	l := newLab(t, nil)
	require.Equal(t, 508, l.ask(from(1), stun.MethodAllocate, udp, attr(stun.AttrReservationToken, make([]byte, 8)...)))
	require.Len(t, l.news, 1)
	require.Equal(t, turn.NoCapacity, l.news[0].Kind)
	require.ErrorIs(t, l.news[0].Err, turn.ErrReservation)
	l.ended()
}

// A server that drains refuses a token, too, and whoever reserved the port holds it until it expires.
func TestTokenWhileDraining(t *testing.T) {
	l := newLab(t, nil)
	m := l.signed(from(1), "alice", stun.MethodAllocate, udp, evenPair)
	l.send(from(1), m.Raw)
	token, err := l.answer().Get(stun.AttrReservationToken)
	require.NoError(t, err)
	l.core.Drain()
	l.news = nil
	require.Equal(t, 508, l.ask(from(2), stun.MethodAllocate, udp, attr(stun.AttrReservationToken, token...)))
	require.ErrorIs(t, l.news[0].Err, turn.ErrDraining)
	require.NoError(t, l.core.Sound(l.now))
	require.Zero(t, l.ask(from(1), stun.MethodRefresh, lifetime(0)))
	require.False(t, l.core.Idle(), "the reserved port is still there")
	l.pass(turn.ReservationLifetime)
	require.True(t, l.core.Idle())
	l.ended()
}
