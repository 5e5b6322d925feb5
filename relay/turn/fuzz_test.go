package turn_test

import (
	"testing"
	"time"

	"github.com/pion/stun/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay/turn"
)

// FuzzServer plays random sequences of what clients, peers, sockets and time can do, valid or not, and checks
// what always holds: nobody has an allocation without credentials, every socket is freed, every packet counted.
// Two bytes are a move: what, and with what.
func FuzzServer(f *testing.F) {
	f.Add([]byte{0, 0, 3, 0, 6, 0, 8, 0, 9, 0, 12, 9})
	f.Add([]byte{1, 0, 2, 0, 11, 200, 12, 255, 0, 1, 4, 1, 10, 1, 13, 0})
	f.Add([]byte{14, 0, 0, 0, 15, 0, 0, 1, 5, 0, 7, 0, 16, 3})
	f.Fuzz(func(t *testing.T, moves []byte) {
		l := newLab(t, func(c *turn.Config) { c.Quota, c.MaxPeers = 3, 4 })
		sockets := map[uint16]*turn.Socket{}
		authorised := map[uint16]bool{}
		for len(moves) >= 2 && len(moves) < 4096 {
			what, with := moves[0], moves[1]
			moves = moves[2:]
			port := uint16(with%5) + 1
			c := from(port)
			c.Stream = with%2 == 1
			user := []string{"alice", "bob", "mallory"}[with%3]
			l.news = nil
			switch what % 17 {
			case 0:
				l.allocateAs(user, c, udp)
			case 1:
				l.allocateAs(user, c, udp, attr(stun.AttrEvenPort, 0x80&with))
			case 2:
				l.allocateAs(user, c, udp, attr(stun.AttrReservationToken, 1, 2, 3, 4, 5, 6, 7, with))
			case 3:
				l.allocateAs(user, c, lifetime(uint32(with)*100))
			case 4:
				l.askAs(user, c, stun.MethodRefresh, lifetime(uint32(with%4)*1000))
			case 5:
				l.askAs(user, c, stun.MethodCreatePermission, toPeer(peer), toPeer(server))
			case 6:
				l.askAs(user, c, stun.MethodCreatePermission, toPeer(peer))
			case 7:
				l.askAs(user, c, stun.MethodChannelBind, channel(0x3FFE+uint16(with)), toPeer(peer))
			case 8:
				l.send(c, []byte{0x40, with, 0, 3, 1, 2, 3, 0})
			case 9:
				l.send(c, build(stun.NewType(stun.MethodSend, stun.ClassIndication), toPeer(peer), attr(stun.AttrData, with)).Raw)
			case 10:
				if s := sockets[port]; s != nil {
					l.core.FromPeer(&l.out, l.now, s, peer, make([]byte, int(with)*300))
				}
			case 11:
				l.pass(time.Duration(with) * time.Second)
			case 12:
				l.core.Gone(&l.out, c.FiveTuple)
			case 13:
				if s := sockets[port]; s != nil {
					l.core.Lost(&l.out, s)
				}
			case 14:
				l.full = with%2 == 0
			case 15: // rubbish that begins as something
				raw := append([]byte{}, build(request(stun.MethodAllocate), udp, stun.Fingerprint).Raw...)
				raw[int(with)%len(raw)] ^= 1 << (with % 8)
				l.send(c, raw)
			case 16:
				l.send(c, moves[:min(len(moves), int(with))])
			}
			l.act()
			for _, a := range l.news {
				if a.Kind == turn.Created {
					require.NotEqual(t, "mallory", a.Username)
					sockets[port] = a.Socket
					authorised[port] = true
				}
			}
			for _, a := range l.take() {
				if a.Kind == turn.ToPeer {
					require.True(t, authorised[a.Client.Client.Port()])
					require.Equal(t, peer, a.Peer)
				} else if a.Data {
					u, d := a.Allocation.Traffic()
					for _, x := range [][3]turn.Traffic{u, d} {
						require.Equal(t, x[0].Packets, x[1].Packets+x[2].Packets)
					}
				}
			}
			l.balanced()
		}
		l.ended()
	})
}

// allocateAs asks for an allocation; what comes of it is in the news.
func (l *lab) allocateAs(user string, c turn.Client, attributes ...stun.Setter) {
	l.askAs(user, c, stun.MethodAllocate, attributes...)
}
