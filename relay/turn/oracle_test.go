//go:build !race

package turn_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v3"
	pion "github.com/pion/turn/v4"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay/turn"
)

// TestAgainstPion plays random sequences of valid and invalid moves to this server and to pion/turn's, in one virtual
// time, and compares what clients and peers come to see. Every difference must be a known one, and where it leaves the
// two in different states the sequence ends; a known one that no longer shows is stale.
func TestAgainstPion(t *testing.T) {
	const sequences = 150
	seen, moves, unknown := map[string]int{}, 0, map[string]string{}
	synctest.Test(t, func(t *testing.T) {
		for seed := range uint64(sequences) {
			o := newOracle(t, seed)
			for range 40 {
				moves++
				name, ours, theirs := o.move()
				if ours == theirs {
					continue
				}
				difference := fmt.Sprintf("%s: we say %q, pion says %q", name, ours, theirs)
				if why := o.known(name, ours, theirs); why != "" {
					seen[why]++
				} else {
					unknown[difference] = fmt.Sprintf("seed %d: %s", seed, strings.Join(o.history, "\n"))
				}
				if strings.Contains(ours+theirs, "success") {
					break
				}
			}
			o.close()
		}
	})
	t.Log(moves, "moves;", seen)
	for difference, history := range unknown {
		t.Errorf("%s\n%s", difference, history)
	}
	require.Greater(t, moves, 3*sequences, "the sequences end too soon to show anything")
	for _, k := range known {
		require.NotZero(t, seen[k.why], "stale: %s", k.why)
	}
}

// known is where pion/turn v4.1.3 differs. RFC 8656 has it our way, unless it says otherwise.
// Each of the four is how what it names begins.
var known = []struct{ move, ours, theirs, why string }{
	{"", "437", "", "silence in place of 437, and of what comes before it"},
	{"", "401", "400", "400 for a user that nobody knows"},
	{"", "401", "", "silence in place of 437, and of what comes before it"},
	{"CreatePermission", "4", "0", "CreatePermission is refused without an ERROR-CODE"},
	{"ChannelBind", "4", "401", "401 for a channel that isn't granted"},
	{"ChannelBind", "400", "ChannelBind success", "channels of any number"},
	{"", "441", "400", "anybody may act on an allocation"},
	{"ChannelBind", "441", "ChannelBind success", "anybody may act on an allocation"},
	{"CreatePermission", "441", "CreatePermission success", "anybody may act on an allocation"},
	{"Refresh", "441", "Refresh success", "anybody may act on an allocation"},
	{"Refresh 60", "Refresh success response for 600 s", "Refresh success response for 60 s", "lifetimes below the default"},
	{"ChannelData", "", "198.51.100.", "a channel outlives its permission; the RFC leaves it open, and we drop what nobody permits"},
	{"Refresh 0", "437", "Refresh success", "Refresh 0 is granted to whoever has no allocation"},
}

// known is why a difference is one that we know; the closest entry comes last.
func (o *oracle) known(move, ours, theirs string) (why string) {
	for _, k := range known {
		begins := func(s, with string) bool { return s == with || with != "" && strings.HasPrefix(s, with) }
		if strings.HasPrefix(move, k.move) && begins(ours, k.ours) && begins(theirs, k.theirs) {
			why = k.why
		}
	}
	return why
}

// oracle is the two servers.
type oracle struct {
	*lab
	random  *rand.Rand
	server  *pion.Server
	net     *wires
	clients []*oracleClient
	history []string
}

// oracleClient is one 5-tuple, at each of the servers.
type oracleClient struct {
	user   string
	ours   turn.Client
	socket *turn.Socket // of its allocation
	theirs *wire
	nonce  [2][]byte
	at     netip.AddrPort // relayed by pion
}

var pionAt = netip.MustParseAddrPort("192.0.2.138:3478")

func newOracle(t *testing.T, seed uint64) *oracle {
	o := &oracle{lab: newLab(t, nil), random: rand.New(rand.NewPCG(seed, 0)), net: &wires{all: map[netip.AddrPort]*wire{}, port: 40000}}
	front := o.net.listen(pionAt)
	var err error
	o.server, err = pion.NewServer(pion.ServerConfig{
		Realm: "example.org",
		AuthHandler: func(username, realm string, _ net.Addr) ([]byte, bool) {
			return pion.GenerateAuthKey(username, realm, "secret"), username == "alice" || username == "bob"
		},
		LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
		PacketConnConfigs: []pion.PacketConnConfig{{PacketConn: front, RelayAddressGenerator: o.net,
			PermissionHandler: func(_ net.Addr, peer net.IP) bool {
				return netip.MustParsePrefix("198.51.100.0/24").Contains(netip.AddrFrom4([4]byte(peer.To4())))
			}}},
	})
	require.NoError(t, err)
	for i, user := range []string{"alice", "alice", "bob"} {
		c := &oracleClient{user: user, ours: from(uint16(i + 1)), theirs: o.net.listen(netip.AddrPortFrom(netip.MustParseAddr("10.10.0.2"), uint16(i+1)))}
		o.clients = append(o.clients, c)
	}
	for _, at := range oraclePeers[:2] {
		o.net.listen(at)
	}
	return o
}

func (o *oracle) close() {
	require.NoError(o.t, o.server.Close())
	o.net.mu.Lock()
	for _, w := range o.net.all {
		w.Close()
	}
	o.net.mu.Unlock()
	synctest.Wait()
	o.ended()
}

var oraclePeers = []netip.AddrPort{peer, netip.MustParseAddrPort("198.51.100.12:7000"), netip.MustParseAddrPort("203.0.113.9:9")}

// move makes a move at both servers, and says what came of it.
func (o *oracle) move() (name, ours, theirs string) {
	c := o.clients[o.random.IntN(len(o.clients))]
	to := oraclePeers[o.random.IntN(len(oraclePeers))]
	number := []uint16{0x4000, 0x4000, 0x4001, 0x4FFF, 0x3FFF, 0x5000}[o.random.IntN(6)]
	seconds := []uint32{0, 60, 1200}[o.random.IntN(3)]
	user := c.user
	if o.random.IntN(12) == 0 {
		user = []string{"alice", "bob", "mallory"}[o.random.IntN(3)]
	}
	defer func() {
		o.history = append(o.history, fmt.Sprintf("%s (client %d, %s): %s", name, c.ours.Client.Port(), user, ours))
	}()
	ask := func(what string, method stun.Method, attributes ...stun.Setter) (string, string, string) {
		ours, theirs := o.ask(c, user, method, attributes...)
		return what, ours, theirs
	}
	switch o.random.IntN(16) {
	case 0, 1, 2:
		return ask("Allocate", stun.MethodAllocate, udp)
	case 3:
		return ask("Allocate without transport", stun.MethodAllocate)
	case 4:
		return ask("Refresh "+fmt.Sprint(seconds), stun.MethodRefresh, lifetime(seconds))
	case 5:
		return ask("Refresh", stun.MethodRefresh)
	case 6, 7:
		return ask("CreatePermission for "+to.String(), stun.MethodCreatePermission, toPeer(to))
	case 8:
		return ask("CreatePermission", stun.MethodCreatePermission)
	case 9, 10:
		return ask(fmt.Sprintf("ChannelBind %#x to %v", number, to), stun.MethodChannelBind, channel(number), toPeer(to))
	case 11:
		m := build(request(stun.MethodBinding))
		o.write(c, m.Raw, m.Raw)
		ours, theirs = o.outcome(c)
		return "Binding", ours, theirs
	case 12:
		m := build(stun.NewType(stun.MethodSend, stun.ClassIndication), toPeer(to), attr(stun.AttrData, 'x', 'y'))
		o.write(c, m.Raw, m.Raw)
		ours, theirs = o.outcome(c)
		return "Send to " + to.String(), ours, theirs
	case 13:
		raw := []byte{byte(number >> 8), byte(number), 0, 3, 'a', 'b', 'c'}
		o.write(c, raw, raw)
		ours, theirs = o.outcome(c)
		return fmt.Sprintf("ChannelData %#x", number), ours, theirs
	case 14:
		if from := o.net.at(to); from != nil && c.at.IsValid() {
			o.core.FromPeer(&o.out, o.now, c.socket, to, []byte("down"))
			o.act()
			_, _ = from.WriteTo([]byte("down"), net.UDPAddrFromAddrPort(c.at))
			synctest.Wait()
		}
		ours, theirs = o.outcome(c)
		return "a packet from " + to.String(), ours, theirs
	}
	d := time.Duration(1+o.random.IntN(400)) * time.Second
	time.Sleep(d)
	o.pass(d)
	synctest.Wait()
	ours, theirs = o.outcome(c)
	return "sleep " + d.String(), ours, theirs
}

// write sends bytes of a client to each of the servers.
func (o *oracle) write(c *oracleClient, ours, theirs []byte) {
	o.send(c.ours, ours)
	_, _ = c.theirs.WriteTo(theirs, net.UDPAddrFromAddrPort(pionAt))
	synctest.Wait()
}

// ask sends a signed request to both, each with its own nonce.
func (o *oracle) ask(c *oracleClient, user string, method stun.Method, attributes ...stun.Setter) (ours, theirs string) {
	if c.nonce[0] == nil {
		m := build(request(stun.MethodAllocate), udp)
		o.write(c, m.Raw, m.Raw)
		o.outcome(c)
	}
	signed := func(nonce []byte) []byte {
		return build(request(method), append(slices.Clone(attributes), stun.NewUsername(user), stun.NewRealm("example.org"),
			attr(stun.AttrNonce, nonce...), stun.NewLongTermIntegrity(user, "example.org", "secret"))...).Raw
	}
	for range 2 { // a stale nonce is no difference: each server has its own idea of stale
		o.write(c, signed(c.nonce[0]), signed(c.nonce[1]))
		ours, theirs = o.outcome(c)
		if !strings.HasPrefix(ours, "438") && !strings.HasPrefix(theirs, "438") {
			break
		}
	}
	return ours, theirs
}

// outcome is what has arrived at a client and at the peers since it was last asked, on either side.
func (o *oracle) outcome(c *oracleClient) (ours, theirs string) {
	var a, b []string
	for _, n := range o.news {
		if n.Kind == turn.Created {
			for _, c := range o.clients {
				if c.ours.FiveTuple == n.Client.FiveTuple {
					c.socket = n.Socket
				}
			}
		}
	}
	o.news = nil
	for _, x := range o.take() {
		if x.Kind == turn.ToPeer {
			a = append(a, fmt.Sprintf("%v hears %q", x.Peer, x.Payload))
			continue
		}
		a = append(a, c.describe(x.Payload, 0))
	}
	for _, p := range c.theirs.take() {
		b = append(b, c.describe(p, 1))
	}
	for _, at := range oraclePeers {
		if w := o.net.at(at); w != nil {
			for _, p := range w.take() {
				b = append(b, fmt.Sprintf("%v hears %q", at, p))
			}
		}
	}
	return strings.Join(a, ", "), strings.Join(b, ", ")
}

// describe says what a client got, leaving out what may differ: addresses of the server's, and words.
func (c *oracleClient) describe(p []byte, side int) string {
	if len(p) > 4 && p[0]>>6 == 1 {
		return fmt.Sprintf("ChannelData %#x %q", p[:2], p[4:4+int(p[3])])
	}
	m := &stun.Message{Raw: p}
	if err := m.Decode(); err != nil {
		return "no message"
	}
	if nonce, err := m.Get(stun.AttrNonce); err == nil {
		c.nonce[side] = nonce
	}
	if m.Type.Class == stun.ClassErrorResponse {
		return fmt.Sprint(code(m))
	}
	text := m.Type.String()
	if b, err := m.Get(stun.AttrLifetime); err == nil {
		text += fmt.Sprintf(" for %d s", uint32(b[2])<<8|uint32(b[3]))
	}
	if data, err := m.Get(stun.AttrData); err == nil {
		text += fmt.Sprintf(" %q", data)
	}
	var relayed stun.XORMappedAddress
	if side == 1 && relayed.GetFromAs(m, stun.AttrXORRelayedAddress) == nil {
		c.at = netip.AddrPortFrom(netip.AddrFrom4([4]byte(relayed.IP.To4())), uint16(relayed.Port))
	}
	return text
}

// wires is a network of datagrams.
type wires struct {
	mu   sync.Mutex
	all  map[netip.AddrPort]*wire
	port uint16
}

func (n *wires) at(at netip.AddrPort) *wire {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.all[at]
}

type wire struct {
	net *wires
	at  netip.AddrPort
	in  chan datagram
	end chan struct{}
}

type datagram struct {
	from    netip.AddrPort
	payload []byte
}

func (n *wires) listen(at netip.AddrPort) *wire {
	w := &wire{n, at, make(chan datagram, 100), make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all[at] = w
	return w
}

// Validate, AllocatePacketConn and AllocateConn implement pion's RelayAddressGenerator.
func (n *wires) Validate() error { return nil }
func (n *wires) AllocatePacketConn(string, int) (net.PacketConn, net.Addr, error) {
	n.mu.Lock()
	n.port++
	port := n.port
	n.mu.Unlock()
	w := n.listen(netip.AddrPortFrom(pionAt.Addr(), port))
	return w, w.LocalAddr(), nil
}
func (n *wires) AllocateConn(string, int) (net.Conn, net.Addr, error) {
	return nil, nil, errors.ErrUnsupported
}

func (w *wire) ReadFrom(p []byte) (int, net.Addr, error) {
	select {
	case d := <-w.in:
		return copy(p, d.payload), net.UDPAddrFromAddrPort(d.from), nil
	case <-w.end:
		return 0, nil, net.ErrClosed
	}
}

func (w *wire) WriteTo(p []byte, to net.Addr) (int, error) {
	if other := w.net.at(to.(*net.UDPAddr).AddrPort()); other != nil {
		other.in <- datagram{w.at, slices.Clone(p)}
	}
	return len(p), nil
}

// take is what has arrived, where nobody reads.
func (w *wire) take() (all [][]byte) {
	for {
		select {
		case d := <-w.in:
			all = append(all, d.payload)
		default:
			return all
		}
	}
}

func (w *wire) Close() error {
	select {
	case <-w.end:
	default:
		close(w.end)
	}
	return nil
}

func (w *wire) LocalAddr() net.Addr              { return net.UDPAddrFromAddrPort(w.at) }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }
