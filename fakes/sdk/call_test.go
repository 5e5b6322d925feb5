package sdk_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdk"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
	"github.com/proxyspec/proxyspec/relay"
)

// talk has two joined users exchange messages and media both ways, and checks that what arrives is what was
// sent: SDK, SD-RTN and the other SDK count and digest the same.
func talk(l *lab, alice, bob *user) {
	t := l.t
	var said []string
	for i := range 20 {
		said = append(said, fmt.Sprint("message ", i))
		alice.begin(contract.MethodSend, alice.send(said[i]))
	}
	bob.await(20, is(contract.EventMessage, "alice"))
	require.Equal(t, said, bob.texts())

	alice.call(contract.MethodPublish, alice.both(), nil)
	bob.await(1, is(contract.EventPublished, "alice"))
	bob.call(contract.MethodSubscribe, bob.to("alice"), nil)
	bob.call(contract.MethodPublish, bob.both(), nil)
	alice.await(1, is(contract.EventPublished, "bob"))
	alice.call(contract.MethodSubscribe, alice.to("bob"), nil)
	for alice.stats().Received["bob"].Video.Frames < 5 || bob.stats().Received["alice"].Video.Frames < 5 {
		time.Sleep(10 * time.Millisecond) // the pace of the media, not the outcome
	}
	alice.call(contract.MethodLeave, alice.me(), nil)
	bob.await(1, is(contract.EventUserLeft, "alice"))
	for _, kind := range []string{"audio", "video"} {
		in := l.await(func(e sdrtn.Event) bool { return e.Name == sdrtn.EventMediaIn && e.User == "alice" && e.Kind == kind })
		out := l.await(func(e sdrtn.Event) bool { return e.Name == sdrtn.EventMediaOut && e.Peer == "alice" && e.Kind == kind })
		sent, received := alice.stats().Sent, bob.stats().Received["alice"]
		require.Equal(t, track(sent, kind), counted(in), "what SD-RTN received of alice's %s", kind)
		require.Equal(t, track(received, kind), counted(out), "what SD-RTN sent of it to bob")
		require.Positive(t, in.Frames)
	}
	bob.call(contract.MethodLeave, bob.me(), nil)
}

func track(m contract.MediaStats, kind string) contract.TrackStats {
	if kind == "audio" {
		return m.Audio
	}
	return m.Video
}

func counted(e sdrtn.Event) contract.TrackStats {
	return contract.TrackStats{Packets: e.Packets, Bytes: e.Bytes, Frames: e.Frames, Digest: e.Digest}
}

func TestDirectCall(t *testing.T) {
	for name, where := range map[string]func(*testing.T, func(*lab)){"loopback": onLoopback, "bubble": inBubble} {
		t.Run(name, func(t *testing.T) {
			where(t, func(l *lab) {
				alice, bob := l.user(), l.user()
				alice.call(contract.MethodJoin, alice.joining("alice"), nil)
				bob.call(contract.MethodJoin, bob.joining("bob"), nil)
				talk(l, alice, bob)
				require.Zero(t, l.lookups())
			})
		})
	}
}

func TestProxiedCall(t *testing.T) {
	for name, where := range map[string]func(*testing.T, func(*lab)){"loopback": onLoopback, "bubble": inBubble} {
		t.Run(name, func(t *testing.T) {
			where(t, func(l *lab) {
				alice, bob := l.user(), l.user()
				alice.call(contract.MethodStartProxyServer, alice.me(), nil)
				alice.call(contract.MethodJoin, alice.joining("alice"), nil)
				bob.call(contract.MethodJoin, bob.joining("bob"), nil)
				talk(l, alice, bob)
				require.Positive(t, l.lookups())
				if l.mem != nil {
					require.Zero(t, l.sees(direct), "nothing of alice reaches SD-RTN but through a relay")
				}
			})
		})
	}
}

// aliceHost is where the first user of a bubble is.
var aliceHost = netip.MustParseAddr("10.0.0.1")

// direct fits what SD-RTN saw come from there.
func direct(e sdrtn.Event) bool { return e.Source.Addr() == aliceHost }

func TestUsersOfTwoGateways(t *testing.T) {
	inBubble(t, func(l *lab) {
		alice := l.user()
		l.endpoints.Gateways = l.endpoints.Gateways[1:]
		bob := l.user()
		alice.call(contract.MethodJoin, alice.joining("alice"), nil)
		bob.call(contract.MethodJoin, bob.joining("bob"), nil)
		talk(l, alice, bob)
		require.Equal(t, 1, l.sees(func(e sdrtn.Event) bool { return e.Gateway == "gateway-2" && e.Name == sdrtn.EventJoined }))
	})
}

// What a firewall in the way of the cloud proxy does to a call.
func TestProxiedCallWithPortsBlocked(t *testing.T) {
	type rule func(network string, to netip.AddrPort) bool
	tests := []struct {
		name          string
		blocks        rule
		join, publish string // codes; empty: it succeeds
	}{
		{name: "two edges", blocks: func(_ string, to netip.AddrPort) bool { return to.Addr() == edges[0] || to.Addr() == edges[1] }},
		{name: "all edges but one", blocks: func(_ string, to netip.AddrPort) bool { return isEdge(to) && to.Addr() != edges[3] }},
		{name: "all edges", blocks: func(_ string, to netip.AddrPort) bool { return isEdge(to) }, join: sdk.CodeLookup},
		{name: "443 of the relays", blocks: func(_ string, to netip.AddrPort) bool { return isRelay(to) && to.Port() == 443 }},
		{name: "one relay", blocks: func(_ string, to netip.AddrPort) bool { return to.Addr() == relays[0] }},
		{name: "the other relay", blocks: func(_ string, to netip.AddrPort) bool { return to.Addr() == relays[1] }},
		{name: "messages", blocks: func(_ string, to netip.AddrPort) bool { return isRelay(to) && (to.Port() == 443 || to.Port() == 4000) }, join: sdk.CodeMessages},
		{name: "UDP", blocks: func(network string, to netip.AddrPort) bool { return network == "udp" && isRelay(to) }},
		{name: "TURN over TCP", blocks: func(network string, to netip.AddrPort) bool { return isRelay(to) && to.Port() == 3433 }},
		{name: "media", blocks: func(_ string, to netip.AddrPort) bool { return isRelay(to) && to.Port() > 3400 && to.Port() < 3500 }, publish: sdk.CodeMedia},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(l *lab) {
				alice := l.user()
				l.mem.Block(func(network string, from, to netip.AddrPort) bool {
					return from.Addr() == aliceHost && tt.blocks(network, to)
				})
				alice.call(contract.MethodStartProxyServer, alice.me(), nil)
				began := time.Now()
				if tt.join != "" {
					alice.fails(tt.join, contract.MethodJoin, alice.joining("alice"))
					require.Equal(t, []string{contract.StateConnecting, contract.StateDisconnected}, alice.states())
				} else {
					alice.call(contract.MethodJoin, alice.joining("alice"), nil)
				}
				require.Less(t, time.Since(began), time.Minute)
				began = time.Now()
				switch {
				case tt.join != "":
				case tt.publish != "":
					alice.fails(tt.publish, contract.MethodPublish, alice.both())
				default:
					alice.call(contract.MethodPublish, alice.both(), nil)
				}
				require.Less(t, time.Since(began), time.Minute)
				time.Sleep(30 * time.Second)
				require.Zero(t, l.sees(direct))
				require.LessOrEqual(t, l.lookups(), 4)
			})
		})
	}
}

func isEdge(a netip.AddrPort) bool  { return slices.Contains(edges, a.Addr()) }
func isRelay(a netip.AddrPort) bool { return slices.Contains(relays, a.Addr()) }

func TestRefusalByName(t *testing.T) {
	inBubble(t, func(l *lab) {
		alice := l.user()
		alice.call(contract.MethodInit, contract.Init{Client: alice.client, AppID: "unknown"}, nil)
		alice.call(contract.MethodStartProxyServer, alice.me(), nil)
		alice.fails(relay.CodeNotProvisioned, contract.MethodJoin, alice.joining("alice"))
		require.Empty(t, l.sdrtn)
		alice.call(contract.MethodStopProxyServer, alice.me(), nil)
		alice.call(contract.MethodJoin, alice.joining("alice"), nil)
	})
}
