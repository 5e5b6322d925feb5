package turn_test

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay/turn"
)

var (
	epoch  = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	server = netip.MustParseAddrPort("192.0.2.138:3478")
	peer   = netip.MustParseAddrPort("198.51.100.11:5000")
)

// lab is a server and whoever carries out what it says: sockets are names, and time is a number.
type lab struct {
	t       testing.TB
	core    *turn.Server
	out     turn.Output
	now     time.Time
	sockets map[*turn.Socket]bool // that are open
	port    uint16                // of the next socket
	full    bool                  // there is no port
	late    bool                  // sockets wait until openAll
	waiting []turn.Action         // the Opens of them
	last    stun.Message          // the answer that was seen last
	sent    []turn.Action         // ToClient and ToPeer since they were last taken
	news    []turn.Action         // the others
}

func newLab(t testing.TB, change func(*turn.Config)) *lab {
	cfg := turn.Config{
		Realm: "example.org", Secret: []byte("sixteen bytes at least"),
		Authenticate: func(username string, _ turn.FiveTuple, _ bool) ([]byte, error) {
			if username != "alice" && username != "bob" {
				return nil, errors.New("nobody of that name")
			}
			return turn.Key(username, "example.org", "secret"), nil
		},
		Permit: turn.Peers{Open: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}.Allow,
		Rand:   rand.NewChaCha8([32]byte{}),
	}
	if change != nil {
		change(&cfg)
	}
	core, err := turn.New(cfg)
	require.NoError(t, err)
	return &lab{t: t, core: core, now: epoch, sockets: make(map[*turn.Socket]bool), port: 50000}
}

// act carries out what the server said.
func (l *lab) act() {
	for i := 0; i < len(l.out.Actions); i++ {
		a := l.out.Actions[i]
		switch a.Kind {
		case turn.Open:
			if l.late {
				l.waiting = append(l.waiting, a)
			} else {
				l.open(a)
			}
		case turn.Close:
			require.True(l.t, l.sockets[a.Socket], "a socket is closed once")
			delete(l.sockets, a.Socket)
		case turn.ToClient, turn.ToPeer:
			a.Payload = append([]byte{}, a.Payload...)
			l.sent = append(l.sent, a)
		default:
			if b := a.Books; b != nil { // what came in went out or was dropped
				for _, way := range []turn.Ledger{b.Up, b.Down} {
					require.Equal(l.t, way.In.Packets, way.Out.Packets+way.Dropped.Packets)
					require.Equal(l.t, way.In.Bytes, way.Out.Bytes+way.Dropped.Bytes)
				}
			}
			l.news = append(l.news, a)
		}
	}
	l.out.Reset()
}

func (l *lab) open(a turn.Action) {
	if l.full {
		l.core.NotOpened(&l.out, a.Client.FiveTuple, a.Socket, errors.New("no port"))
		return
	}
	l.port += 2
	l.sockets[a.Socket] = true
	if a.Next != nil {
		l.sockets[a.Next] = true
	}
	l.core.Opened(&l.out, l.now, a.Client.FiveTuple, a.Socket, netip.AddrPortFrom(server.Addr(), l.port))
}

// openAll opens what had to wait.
func (l *lab) openAll() {
	waiting := l.waiting
	l.waiting = nil
	for _, a := range waiting {
		l.open(a)
	}
	l.act()
}

func (l *lab) pass(d time.Duration) {
	l.now = l.now.Add(d)
	l.core.Tick(&l.out, l.now)
	l.act()
}

// take is what was sent since it was last called.
func (l *lab) take() []turn.Action {
	sent := l.sent
	l.sent = nil
	return sent
}

// from is a client by its port.
func from(port uint16) turn.Client {
	return turn.Client{FiveTuple: turn.FiveTuple{Client: netip.AddrPortFrom(netip.MustParseAddr("10.10.0.2"), port), Server: server}}
}

func (l *lab) send(c turn.Client, raw []byte) {
	l.core.FromClient(&l.out, l.now, c, raw)
	l.act()
}

// build makes a message; attributes come before the credentials.
func build(kind stun.MessageType, attributes ...stun.Setter) *stun.Message {
	return stun.MustBuild(append([]stun.Setter{stun.TransactionID, kind}, attributes...)...)
}

func request(method stun.Method) stun.MessageType { return stun.NewType(method, stun.ClassRequest) }

func attr(kind stun.AttrType, value ...byte) stun.Setter {
	return stun.RawAttribute{Type: kind, Value: value}
}

var udp = attr(stun.AttrRequestedTransport, 17, 0, 0, 0)

// toPeer is XOR-PEER-ADDRESS for an IPv4 peer.
func toPeer(at netip.AddrPort) stun.Setter {
	ip := binary.BigEndian.Uint32(at.Addr().AsSlice()) ^ 0x2112A442
	v := binary.BigEndian.AppendUint16([]byte{0, 1}, at.Port()^0x2112)
	return attr(stun.AttrXORPeerAddress, binary.BigEndian.AppendUint32(v, ip)...)
}

func channel(n uint16) stun.Setter {
	return attr(stun.AttrChannelNumber, binary.BigEndian.AppendUint32(nil, uint32(n)<<16)...)
}

func lifetime(s uint32) stun.Setter {
	return attr(stun.AttrLifetime, binary.BigEndian.AppendUint32(nil, s)...)
}

// signed makes a request with a user's credentials, and a nonce that it asks for first.
func (l *lab) signed(c turn.Client, user string, method stun.Method, attributes ...stun.Setter) *stun.Message {
	l.send(c, build(request(method)).Raw)
	challenge := l.answer()
	nonce, err := challenge.Get(stun.AttrNonce)
	require.NoError(l.t, err)
	return build(request(method), append(attributes, stun.NewUsername(user), stun.NewRealm("example.org"),
		stun.RawAttribute{Type: stun.AttrNonce, Value: nonce}, stun.NewLongTermIntegrity(user, "example.org", "secret"), stun.Fingerprint)...)
}

// ask sends a request of alice's and is its answer, 0 for a success and -1 for silence.
func (l *lab) ask(c turn.Client, method stun.Method, attributes ...stun.Setter) int {
	return l.askAs("alice", c, method, attributes...)
}

func (l *lab) askAs(user string, c turn.Client, method stun.Method, attributes ...stun.Setter) int {
	l.send(c, l.signed(c, user, method, attributes...).Raw)
	return code(l.answer())
}

// answer is the one message that was sent, nil if there is none.
func (l *lab) answer() *stun.Message {
	sent := l.take()
	if len(sent) == 0 {
		return nil
	}
	require.Len(l.t, sent, 1)
	m := &stun.Message{Raw: sent[0].Payload}
	require.NoError(l.t, m.Decode())
	return m
}

func code(m *stun.Message) int {
	var e stun.ErrorCodeAttribute
	switch {
	case m == nil:
		return -1
	case m.Type.Class == stun.ClassErrorResponse && e.GetFrom(m) == nil:
		return int(e.Code)
	}
	return 0
}

// allocated is a client with an allocation, and its socket.
func (l *lab) allocated(port uint16) (turn.Client, *turn.Socket) {
	c := from(port)
	l.news = nil
	require.Zero(l.t, l.ask(c, stun.MethodAllocate, udp))
	require.Equal(l.t, turn.Created, l.news[0].Kind)
	return c, l.news[0].Socket
}

// balanced checks that every packet is accounted for.
func (l *lab) balanced() {
	require.NoError(l.t, l.core.Totals().Balanced())
}

// ended stops the server and checks that nothing is left.
func (l *lab) ended() {
	l.core.Stop(&l.out)
	l.act()
	require.Empty(l.t, l.sockets)
	require.Zero(l.t, l.core.Len())
	_, any := l.core.Deadline()
	require.False(l.t, any)
	l.balanced()
}
