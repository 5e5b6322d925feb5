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

// FuzzServer plays random sequences of what clients, peers, sockets and time can do, valid or not. After each move
// the server's tables must be sound, and a ledger, which knows only what was answered, must agree with what is
// relayed. Two bytes are a move: what, and with what.
func FuzzServer(f *testing.F) {
	f.Add([]byte{0, 0, 3, 0, 6, 0, 8, 0, 9, 0, 12, 9})
	f.Add([]byte{1, 0, 2, 0, 11, 200, 12, 255, 0, 1, 4, 1, 10, 1, 13, 0})
	f.Add([]byte{14, 0, 0, 0, 15, 0, 0, 1, 5, 0, 7, 0, 16, 3})
	f.Add([]byte{17, 0, 1, 144, 12, 144, 18, 0, 17, 1, 1, 146, 19, 0}) // a pair of ports comes too late
	f.Add([]byte{1, 144, 2, 1, 2, 2, 11, 30, 1, 147, 11, 31})          // tokens, redeemed and not
	f.Add([]byte{1, 144, 20, 0, 2, 1, 11, 31})                         // a token in vain, since the server drains
	f.Add([]byte{0, 0, 7, 2, 11, 250, 11, 60, 8, 2, 7, 2, 8, 2, 10, 1})
	f.Fuzz(func(t *testing.T, moves []byte) {
		g := &game{lab: newLab(t, func(c *turn.Config) {
			c.Quota, c.SourceQuota, c.MaxAllocations, c.MaxPeers, c.Rate, c.StrangerRate = 3, 5, 6, 4, 70_000, 2
		}), permitted: map[netip.AddrPort]map[netip.Addr]time.Time{}, sockets: map[uint16]*turn.Socket{}}
		for len(moves) >= 2 && len(moves) < 4096 {
			what, with := moves[0], moves[1]
			moves = moves[2:]
			g.move(what, with, moves)
			g.settle()
		}
		g.late = false
		g.openAll()
		g.ended()
	})
}

// game is a lab, and a ledger of what the server has granted.
type game struct {
	*lab
	permitted map[netip.AddrPort]map[netip.Addr]time.Time // by client and peer, until when
	sockets   map[uint16]*turn.Socket                     // by the client's port; they may be closed
	token     []byte
}

var strangePeer = netip.MustParseAddrPort("198.51.100.77:7")

func (g *game) move(what, with byte, rest []byte) {
	port := uint16(with%5) + 1
	c := from(port)
	c.Stream = port%2 == 1
	user := []string{"alice", "bob", "mallory"}[with>>4%3]
	to := []netip.AddrPort{peer, strangePeer, server}[with%3]
	ask := func(method stun.Method, attributes ...stun.Setter) { g.ask(user, c, method, attributes...) }
	switch what % 21 {
	case 0:
		ask(stun.MethodAllocate, udp)
	case 1:
		ask(stun.MethodAllocate, udp, attr(stun.AttrEvenPort, 0x80&with))
	case 2:
		token := g.token
		if token == nil || with%7 == 0 {
			token = []byte{1, 2, 3, 4, 5, 6, 7, with}
		}
		ask(stun.MethodAllocate, udp, attr(stun.AttrReservationToken, token...))
	case 3:
		ask(stun.MethodAllocate, lifetime(uint32(with)*100))
	case 4:
		ask(stun.MethodRefresh, lifetime(uint32(with%4)*1000))
	case 5:
		ask(stun.MethodCreatePermission, toPeer(peer), toPeer(to))
	case 6:
		ask(stun.MethodCreatePermission, toPeer(netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, with}), 9)))
	case 7:
		ask(stun.MethodChannelBind, channel(0x3FFE+uint16(with%8)), toPeer(to))
	case 8:
		g.send(c, []byte{0x40, with % 8, 0, 3, 1, 2, 3, 0})
	case 9:
		g.send(c, build(stun.NewType(stun.MethodSend, stun.ClassIndication), toPeer(to), attr(stun.AttrData, with)).Raw)
	case 10:
		if s := g.sockets[port]; s != nil {
			g.core.FromPeer(&g.out, g.now, s, to, make([]byte, int(with)*300))
		}
	case 11:
		g.pass(time.Duration(with) * time.Second)
	case 12:
		g.core.Gone(&g.out, c.FiveTuple)
	case 13:
		if s := g.sockets[port]; s != nil {
			g.core.Lost(&g.out, s)
		}
	case 14:
		g.full = with%2 == 0
	case 15: // rubbish that begins as something
		raw := append([]byte{}, build(request(stun.MethodAllocate), udp, stun.Fingerprint).Raw...)
		raw[int(with)%len(raw)] ^= 1 << (with % 8)
		g.send(c, raw)
	case 16:
		g.send(c, rest[:min(len(rest), int(with))])
	case 17:
		g.late = with%2 == 0
	case 18:
		g.openAll()
	case 19:
		g.core.Stop(&g.out)
	case 20:
		g.core.Drain()
	}
	g.act()
}

// ask sends a request, if the server gives a nonce, and enters into the ledger what is granted.
func (g *game) ask(user string, c turn.Client, method stun.Method, attributes ...stun.Setter) {
	g.send(c, build(request(method)).Raw)
	g.settle()
	nonce, err := g.last.Get(stun.AttrNonce)
	if err != nil {
		return // the budget for strangers is spent
	}
	g.last = stun.Message{}
	m := build(request(method), append(attributes, stun.NewUsername(user), stun.NewRealm("example.org"),
		stun.RawAttribute{Type: stun.AttrNonce, Value: nonce}, stun.NewLongTermIntegrity(user, "example.org", "secret"), stun.Fingerprint)...)
	g.send(c, m.Raw)
	g.settle()
	if g.last.Type.Class != stun.ClassSuccessResponse || g.last.TransactionID != m.TransactionID {
		return
	}
	require.NotEqual(g.t, "mallory", user)
	switch method {
	case stun.MethodAllocate:
		if token, err := g.last.Get(stun.AttrReservationToken); err == nil {
			g.token = token
		}
	case stun.MethodCreatePermission, stun.MethodChannelBind:
		for _, a := range m.Attributes {
			if a.Type == stun.AttrXORPeerAddress {
				ip := binary.BigEndian.AppendUint32(nil, binary.BigEndian.Uint32(a.Value[4:])^0x2112A442)
				g.permitted[c.Client][netip.AddrFrom4([4]byte(ip))] = g.now.Add(turn.PermissionLifetime)
			}
		}
	}
}

// settle takes the news and what was sent, and holds both against the ledger.
func (g *game) settle() {
	for _, a := range g.news {
		switch a.Kind {
		case turn.Created:
			require.NotEqual(g.t, "mallory", a.Username)
			g.sockets[a.Client.Client.Port()] = a.Socket
			g.permitted[a.Client.Client] = map[netip.Addr]time.Time{}
		case turn.Deleted:
			g.permitted[a.Client.Client] = nil
		}
	}
	g.news = nil
	for _, a := range g.take() {
		switch {
		case a.Kind == turn.ToPeer, a.Data:
			until, ok := g.permitted[a.Client.Client][a.Peer.Addr()]
			require.True(g.t, ok && g.now.Before(until), "%v has no permission for %v", a.Client.Client, a.Peer)
			require.NotEqual(g.t, server.Addr(), a.Peer.Addr())
			if a.Peer.Port()%2 == 0 && a.Size > 0 {
				g.core.Undelivered(a)
			}
		default:
			m := stun.Message{Raw: a.Payload}
			require.NoError(g.t, m.Decode())
			g.last = m
		}
	}
	require.NoError(g.t, g.core.Sound(g.now))
	g.balanced()
}

// FuzzMessage reads anything at all: what passes is a message to pion/stun, too, with no fewer attributes.
func FuzzMessage(f *testing.F) {
	for _, m := range []*stun.Message{
		build(request(stun.MethodBinding)), build(request(stun.MethodAllocate), udp, stun.Fingerprint),
		build(request(stun.MethodAllocate), udp, stun.NewShortTermIntegrity("key"), stun.Fingerprint),
		build(request(stun.MethodChannelBind), toPeer(peer), channel(0x4000), attr(stun.AttrMessageIntegritySHA256, make([]byte, 32)...)),
	} {
		f.Add(m.Raw)
		f.Add(m.Raw[:len(m.Raw)-1])
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		fields, _, ok := turn.Read(raw)
		if !ok {
			return
		}
		other := &stun.Message{Raw: raw}
		require.NoError(t, other.Decode())
		require.LessOrEqual(t, fields, len(other.Attributes))
	})
}

// FuzzFrame cuts a stream into messages: however much of it has arrived, each is as long as it is.
func FuzzFrame(f *testing.F) {
	f.Add([]byte{0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0, 0, 1, 0, 0})
	f.Add(append(build(request(stun.MethodBinding)).Raw, 0x4F, 0xFF, 0xFF, 0xFF))
	f.Add([]byte{0x80, 0, 0, 0})
	f.Fuzz(func(t *testing.T, stream []byte) {
		for len(stream) > 0 {
			length, err := turn.Frame(stream)
			for n := range min(len(stream), 24) { // its first four bytes decide
				part, broken := turn.Frame(stream[:n])
				switch {
				case n >= 4:
					require.Equal(t, length, part)
					require.Equal(t, err, broken)
				default:
					require.Zero(t, part)
					require.True(t, broken == nil || errors.Is(err, turn.ErrFrame))
				}
			}
			if err != nil || length == 0 || length > len(stream) {
				return
			}
			require.True(t, length >= 4 && length%4 == 0 && length <= max(turn.MaxFrame, 4+1<<16))
			stream = stream[length:]
		}
	})
}
