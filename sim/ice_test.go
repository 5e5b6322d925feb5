package sim_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/stun/v3"
	"github.com/pion/turn/v4"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/bubble"
	"github.com/proxyspec/proxyspec/sim/nat"
)

// homes are two homes, each behind a NAT, and a TURN server on the internet, which answers STUN too.
type homes struct {
	alice, bob *sim.Host
	turn       *turn.Server
	stop       context.CancelFunc
	served     chan error
}

var turnAddr = netip.MustParseAddr("198.51.100.1")

// newHomes builds them and starts everything. In a bubble, settle is bubble.Settle.
func newHomes(a, b natKind) (*homes, error) {
	n := sim.New(sim.Config{Seed: 1, Settle: bubble.Settle})
	w := &homes{served: make(chan error, 1)}
	internet := n.Router("internet")
	delay := sim.LinkConfig{Delay: 50 * time.Millisecond}
	home := func(name, inside, outside string, k natKind) (*sim.Host, error) {
		h, router := n.Host(name, netip.MustParseAddr(inside)), n.Router("home of "+name)
		lan, wan := n.Connect(h, router, sim.LinkConfig{}), n.Connect(router, internet, delay)
		router.Route(netip.MustParsePrefix("0.0.0.0/0"), wan)
		internet.Route(netip.PrefixFrom(netip.MustParseAddr(outside), 32), wan)
		// Two ends whose NATs map by port and filter nothing teach each other addresses without end: a NAT with
		// few ports, as carriers have them, ends that.
		table, err := nat.New(nat.Config{
			Outside: []netip.Addr{netip.MustParseAddr(outside)}, Mapping: k.mapping, Filtering: k.filtering,
			FirstPort: 40000, LastPort: 40031,
		})
		if err != nil {
			return nil, err
		}
		router.Translate(table, lan)
		return h, nil
	}
	var err error
	if w.alice, err = home("alice", "10.0.1.2", "192.0.2.1", a); err != nil {
		return nil, err
	}
	if w.bob, err = home("bob", "10.0.2.2", "203.0.113.1", b); err != nil {
		return nil, err
	}
	server := n.Host("turn", turnAddr)
	n.Connect(server, internet, delay)
	ctx, cancel := context.WithCancel(context.Background())
	w.stop = cancel
	go func() { w.served <- n.Serve(ctx) }()
	w.turn, err = serveTURN(server)
	return w, err
}

// close lets what closes itself say so to its peer, and then stops everything.
func (w *homes) close() error {
	time.Sleep(time.Second)
	err := w.turn.Close()
	w.stop()
	if served := <-w.served; err == nil {
		err = served
	}
	return err
}

// agent is pion's ICE agent on a host.
func agent(h *sim.Host, types []ice.CandidateType, proto stun.ProtoType) (*ice.Agent, error) {
	return ice.NewAgent(&ice.AgentConfig{
		Net:              h,
		NetworkTypes:     []ice.NetworkType{ice.NetworkTypeUDP4},
		CandidateTypes:   types,
		MulticastDNSMode: ice.MulticastDNSModeDisabled,
		Urls: []*stun.URI{
			{Scheme: stun.SchemeTypeSTUN, Host: turnAddr.String(), Port: 3478, Proto: stun.ProtoTypeUDP},
			{Scheme: stun.SchemeTypeTURN, Host: turnAddr.String(), Port: 3478, Proto: proto, Username: "user", Password: "secret"},
		},
	})
}

// call connects two agents, sends a message each way, and says by which candidates.
func call(from, to *ice.Agent) (pair *ice.CandidatePair, err error) {
	for _, a := range []struct{ agent, other *ice.Agent }{{from, to}, {to, from}} {
		if err := a.agent.OnCandidate(func(c ice.Candidate) {
			if c != nil {
				_ = a.other.AddRemoteCandidate(c)
			}
		}); err != nil {
			return nil, err
		}
	}
	for _, a := range []*ice.Agent{from, to} {
		if err := a.GatherCandidates(); err != nil {
			return nil, err
		}
	}
	fromUser, fromPassword, err := from.GetLocalUserCredentials()
	if err != nil {
		return nil, err
	}
	toUser, toPassword, err := to.GetLocalUserCredentials()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	accepted := make(chan error, 1)
	go func() {
		conn, err := to.Accept(ctx, fromUser, fromPassword)
		if err == nil {
			err = echo(conn)
		}
		accepted <- err
	}()
	conn, err := from.Dial(ctx, toUser, toPassword)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write([]byte("hello")); err != nil {
		return nil, err
	}
	buf := make([]byte, 10)
	n, err := conn.Read(buf)
	if err != nil {
		return nil, err
	}
	if string(buf[:n]) != "hello" {
		return nil, fmt.Errorf("%q came back", buf[:n])
	}
	if err := <-accepted; err != nil {
		return nil, err
	}
	return from.GetSelectedCandidatePair()
}

func echo(conn net.Conn) error {
	buf := make([]byte, 100)
	n, err := conn.Read(buf)
	if err == nil {
		_, err = conn.Write(buf[:n])
	}
	return err
}

// connectBehind has two agents behind NATs call each other, in a bubble of their own.
func connectBehind(t *testing.T, a, b natKind, types []ice.CandidateType, proto stun.ProtoType) (pair string) {
	t.Helper()
	world, err := bubble.Open(bubble.Config{Watchdog: time.Minute})
	require.NoError(t, err)
	require.NoError(t, world.Do(func() {
		w, err := newHomes(a, b)
		require.NoError(t, err)
		from, err := agent(w.alice, types, proto)
		require.NoError(t, err)
		to, err := agent(w.bob, types, proto)
		require.NoError(t, err)
		found, err := call(from, to)
		require.NoError(t, err, "%v to %v", a, b)
		pair = found.Local.Type().String() + " " + found.Remote.Type().String()
		require.NoError(t, from.Close())
		require.NoError(t, to.Close())
		require.NoError(t, w.close())
	}))
	require.NoError(t, world.Close(10*time.Minute))
	return pair
}

// TestICEThroughEveryPairOfNATs runs pion's ICE and TURN unmodified behind every pair of NATs, and holds
// what it found against the theory. README.md shows the table.
func TestICEThroughEveryPairOfNATs(t *testing.T) {
	found := map[[2]natKind]bool{}
	all := []ice.CandidateType{ice.CandidateTypeHost, ice.CandidateTypeServerReflexive, ice.CandidateTypeRelay}
	for i, a := range natKinds {
		for _, b := range natKinds[i:] {
			pair := connectBehind(t, a, b, all, stun.ProtoTypeUDP)
			direct := !strings.Contains(pair, "relay")
			found[[2]natKind{a, b}], found[[2]natKind{b, a}] = direct, direct
			if want := theory(a, b); direct != want {
				t.Errorf("%v to %v: %s, but direct by theory: %v", a, b, pair, want)
			}
		}
	}
	table := natTable(func(a, b natKind) bool { return found[[2]natKind{a, b}] })
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), table, "README.md has another table")
}

// TestTURNOverTCPAndUDP has nothing but relayed candidates, behind NATs that let nobody meet.
func TestTURNOverTCPAndUDP(t *testing.T) {
	symmetric := natKind{nat.AddressAndPortDependent, nat.AddressAndPortDependent}
	for _, proto := range []stun.ProtoType{stun.ProtoTypeUDP, stun.ProtoTypeTCP} {
		pair := connectBehind(t, symmetric, symmetric, []ice.CandidateType{ice.CandidateTypeRelay}, proto)
		require.Equal(t, "relay relay", pair, proto)
	}
}
