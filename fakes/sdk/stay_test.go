package sdk_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/transport/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdk"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
)

// proxied makes two users, the first of whom uses the cloud proxy, and has both join.
func proxied(l *lab) (alice, bob *user) {
	alice, bob = l.user(), l.user()
	alice.call(contract.MethodStartProxyServer, alice.me(), nil)
	alice.call(contract.MethodJoin, alice.joining("alice"), nil)
	bob.call(contract.MethodJoin, bob.joining("bob"), nil)
	return alice, bob
}

func TestReconnectGoesThroughTheProxyAgain(t *testing.T) {
	inBubble(t, func(l *lab) {
		alice, bob := proxied(l)
		alice.call(contract.MethodPublish, alice.both(), nil)
		bob.await(1, is(contract.EventPublished, "alice"))
		bob.call(contract.MethodSubscribe, bob.to("alice"), nil)
		bob.call(contract.MethodPublish, bob.both(), nil)
		alice.await(1, is(contract.EventPublished, "bob"))
		alice.call(contract.MethodSubscribe, alice.to("bob"), nil)
		before := l.lookups()
		time.Sleep(3 * time.Second)
		l.mem.Cut(aliceHost)
		alice.await(1, state(contract.StateReconnecting))
		alice.fails(sdk.CodeInvalidOperation, contract.MethodStopProxyServer, alice.me())
		alice.fails(sdk.CodeNotConnected, contract.MethodSend, alice.send("too early"))
		alice.await(2, state(contract.StateConnected))
		require.Greater(t, l.lookups(), before)

		alice.call(contract.MethodSend, alice.send("here again"), nil)
		bob.await(1, is(contract.EventMessage, "alice"))
		time.Sleep(5 * time.Second)
		mid := alice.stats()
		midBob := bob.stats()
		time.Sleep(5 * time.Second)
		require.Greater(t, alice.stats().Sent.Video.Frames, mid.Sent.Video.Frames+70, "publishing goes on")
		require.Greater(t, bob.stats().Received["alice"].Video.Frames, midBob.Received["alice"].Video.Frames+70, "and arrives")
		require.Greater(t, alice.stats().Received["bob"].Video.Frames, mid.Received["bob"].Video.Frames+70, "and bob's does")
		require.Zero(t, l.sees(direct))
		alice.call(contract.MethodLeave, alice.me(), nil)
		require.Equal(t, []string{
			contract.StateConnecting, contract.StateConnected, contract.StateReconnecting, contract.StateConnected,
			contract.StateDisconnecting, contract.StateDisconnected,
		}, alice.states())
	})
}

// TestSubscriptionOutlivesAPublisherWhoIsAwayMeanwhile has bob gone when alice's connection is back: what she asks for then
// isn't there, until bob publishes again.
func TestSubscriptionOutlivesAPublisherWhoIsAwayMeanwhile(t *testing.T) {
	inBubble(t, func(l *lab) {
		alice, bob := proxied(l)
		bob.call(contract.MethodPublish, bob.both(), nil)
		alice.await(1, is(contract.EventPublished, "bob"))
		alice.call(contract.MethodSubscribe, alice.to("bob"), nil)
		l.mem.Block(func(network string, from, _ netip.AddrPort) bool { return network == "udp" && isRelay(from) })
		l.mem.Cut(aliceHost)
		bob.call(contract.MethodLeave, bob.me(), nil)
		alice.await(2, state(contract.StateConnected))
		alice.await(1, func(e contract.Event) bool { return e.Type == contract.EventError }) // the subscription has stopped
		l.mem.Block(nothing)
		bob.call(contract.MethodJoin, bob.joining("bob"), nil)
		bob.call(contract.MethodPublish, bob.both(), nil)
		alice.await(2, is(contract.EventPublished, "bob"))
		before := alice.stats()
		time.Sleep(10 * time.Second)
		require.Greater(t, alice.stats().Received["bob"].Video.Frames, before.Received["bob"].Video.Frames+70)
	})
}

func TestProxyThatDiesEndsTheCall(t *testing.T) {
	inBubble(t, func(l *lab) {
		alice, _ := proxied(l)
		alice.call(contract.MethodPublish, alice.both(), nil)
		l.mem.Block(func(_ string, from, to netip.AddrPort) bool {
			return from.Addr() == aliceHost && (isRelay(to) || isEdge(to))
		})
		l.mem.Cut(aliceHost)
		began := time.Now()
		alice.await(1, state(contract.StateDisconnected))
		require.Less(t, time.Since(began), time.Minute)
		require.Zero(t, l.sees(direct), "not even now does anything go around the proxy")

		l.mem.Block(nothing)
		alice.call(contract.MethodStopProxyServer, alice.me(), nil)
		alice.call(contract.MethodJoin, alice.joining("alice"), nil)
	})
}

func TestMediaThatFailsFindsAnotherWay(t *testing.T) {
	inBubble(t, func(l *lab) {
		alice, bob := proxied(l)
		alice.call(contract.MethodPublish, alice.both(), nil)
		bob.await(1, is(contract.EventPublished, "alice"))
		bob.call(contract.MethodSubscribe, bob.to("alice"), nil)
		l.mem.Block(func(network string, from, to netip.AddrPort) bool {
			return network == "udp" && (from.Addr() == aliceHost || to.Addr() == aliceHost)
		})
		time.Sleep(time.Minute)
		before := bob.stats()
		time.Sleep(10 * time.Second)
		require.Greater(t, bob.stats().Received["alice"].Audio.Frames, before.Received["alice"].Audio.Frames+450, "over TCP")
		require.Zero(t, l.sees(direct))
	})
}

// nothing blocks nothing.
func nothing(string, netip.AddrPort, netip.AddrPort) bool { return false }

func TestPublishingThatFailedCanBeTriedAgain(t *testing.T) {
	inBubble(t, func(l *lab) {
		alice, bob := proxied(l)
		l.mem.Block(func(_ string, from, to netip.AddrPort) bool {
			return from.Addr() == aliceHost && isRelay(to) && to.Port() != 443
		})
		alice.fails(sdk.CodeMedia, contract.MethodPublish, alice.both())
		bob.await(1, is(contract.EventUnpublished, "alice"))
		l.mem.Block(nothing)
		alice.call(contract.MethodPublish, alice.both(), nil)
	})
}

func TestUserWhoWasCutOffJoinsAgain(t *testing.T) {
	inBubble(t, func(l *lab) {
		alice, _ := proxied(l)
		l.mem.Block(func(_ string, from, to netip.AddrPort) bool { return from.Addr() == aliceHost && isEdge(to) })
		l.mem.Partition(aliceHost)
		alice.call(contract.MethodLeave, alice.me(), nil)
		alice.call(contract.MethodStopProxyServer, alice.me(), nil)
		alice.call(contract.MethodJoin, alice.joining("alice"), nil)
		require.Equal(t, 1, l.sees(func(e sdrtn.Event) bool { return e.Name == sdrtn.EventJoined && e.Detail == "resumed" }),
			"SD-RTN had not noticed yet that she was gone")
	})
}

// distant is a network on which what comes over TCP has been on its way for a moment.
type distant struct{ transport.Net }

func (n distant) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := n.Net.(interface {
		DialContext(ctx context.Context, network, address string) (net.Conn, error)
	}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return distantConn{c.(transport.TCPConn)}, nil
}

type distantConn struct{ transport.TCPConn }

func (c distantConn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	time.Sleep(time.Millisecond)
	return n, err
}

func TestLeaveTakesAJoinOutOfTheQueue(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.through = func(n transport.Net) transport.Net { return distant{n} } // or the first leave might have ended by then
		alice, _ := proxied(l)
		first := alice.begin(contract.MethodLeave, alice.me())
		join := alice.begin(contract.MethodJoin, alice.joining("alice"))
		second := alice.begin(contract.MethodLeave, alice.me())
		require.NoError(t, first.Wait(context.Background(), nil))
		require.NoError(t, second.Wait(context.Background(), nil))
		require.ErrorContains(t, join.Wait(context.Background(), nil), sdk.CodeAborted)
		require.Equal(t, []string{
			contract.StateConnecting, contract.StateConnected, contract.StateDisconnecting, contract.StateDisconnected,
		}, alice.states())
	})
}

func TestLeaveCountsFromTheCall(t *testing.T) {
	inBubble(t, func(l *lab) {
		alice, _ := proxied(l)
		leave := alice.begin(contract.MethodLeave, alice.me())
		stop := alice.begin(contract.MethodStopProxyServer, alice.me())
		join := alice.begin(contract.MethodJoin, alice.joining("alice"))
		for _, p := range []*contract.Pending{leave, stop, join} {
			require.NoError(t, p.Wait(context.Background(), nil), p.Method)
		}
		require.LessOrEqual(t, l.lookups(), 2, "the second join asked nobody")
		require.Positive(t, l.sees(direct))
		require.Equal(t, []string{
			contract.StateConnecting, contract.StateConnected, contract.StateDisconnecting, contract.StateDisconnected,
			contract.StateConnecting, contract.StateConnected,
		}, alice.states(), "it waited for the leave")
	})
}

func TestLeaveEndsAJoinUnderWay(t *testing.T) {
	inBubble(t, func(l *lab) {
		alice := l.user()
		l.mem.Block(func(_ string, from, _ netip.AddrPort) bool { return from.Addr() == aliceHost })
		join := alice.begin(contract.MethodJoin, alice.joining("alice"))
		alice.fails(sdk.CodeInvalidOperation, contract.MethodStartProxyServer, alice.me())
		again := alice.begin(contract.MethodJoin, alice.joining("alice"))
		time.Sleep(time.Second)
		began := time.Now()
		alice.call(contract.MethodLeave, alice.me(), nil)
		require.Less(t, time.Since(began), 100*time.Millisecond)
		var e *contract.Error
		require.ErrorAs(t, join.Wait(context.Background(), nil), &e)
		require.Equal(t, sdk.CodeAborted, e.Data.Code)
		require.ErrorAs(t, again.Wait(context.Background(), nil), &e)
		require.Equal(t, sdk.CodeInvalidOperation, e.Data.Code)
		require.Empty(t, l.sdrtn)
	})
}

func TestSettingsArePerClient(t *testing.T) {
	inBubble(t, func(l *lab) {
		alice := l.user()
		first := alice.client
		alice.call(contract.MethodStartProxyServer, alice.me(), nil)
		alice.client = alice.createClient(contract.CreateClient{Codec: "h264", Mode: "rtc"})
		alice.call(contract.MethodJoin, alice.joining("direct"), nil)
		require.Zero(t, l.lookups())
		alice.client = first
		alice.call(contract.MethodJoin, alice.joining("proxied"), nil)
		require.Positive(t, l.lookups())
	})
}

func TestNothingFollowsLeave(t *testing.T) {
	inBubble(t, func(l *lab) {
		alice, bob := proxied(l)
		alice.call(contract.MethodPublish, alice.both(), nil)
		time.Sleep(time.Second)
		alice.call(contract.MethodLeave, alice.me(), nil)
		bob.call(contract.MethodSend, bob.send("to nobody"), nil)
		sent := alice.stats()
		packets := 0
		l.mem.Block(func(_ string, from, _ netip.AddrPort) bool {
			if from.Addr() == aliceHost {
				packets++
			}
			return false
		})
		time.Sleep(time.Minute)
		require.Zero(t, packets)
		require.Equal(t, sent, alice.stats())
		require.Empty(t, alice.texts())
		in := l.await(func(e sdrtn.Event) bool { return e.Name == sdrtn.EventMediaIn && e.Kind == "audio" })
		require.Equal(t, counted(in), sent.Sent.Audio, "all that was sent before has arrived")
	})
}

func TestCallsThatHaveNoPlace(t *testing.T) {
	inBubble(t, func(l *lab) {
		alice := l.user()
		for method, params := range map[string]any{
			contract.MethodLeave: alice.me(), contract.MethodSend: alice.send("x"),
			contract.MethodPublish: alice.both(), contract.MethodSubscribe: alice.to("bob"),
		} {
			alice.fails(sdk.CodeInvalidOperation, method, params)
		}
		alice.fails(sdk.CodeInvalidParams, contract.MethodStats, contract.ClientCall{Client: "client-99"})
		alice.fails(sdk.CodeInvalidParams, contract.MethodCreateClient, contract.CreateClient{Mode: "tv"})
		var e *contract.Error
		require.ErrorAs(t, alice.try("setVolume", alice.me(), nil), &e)
		require.Equal(t, contract.CodeMethodNotFound, e.Code)

		alice.call(contract.MethodJoin, alice.joining("alice"), nil)
		alice.fails(sdk.CodeInvalidOperation, contract.MethodJoin, alice.joining("alice"))
		alice.fails(sdk.CodeInvalidOperation, contract.MethodInit, contract.Init{Client: alice.client, AppID: "other"})
		alice.fails(sdk.CodeInvalidParams, contract.MethodPublish, contract.Publish{Client: alice.client})
		alice.fails(sdrtn.CodeUnknownUser, contract.MethodSubscribe, alice.to("bob"))
		bob := l.user()
		bob.fails(sdrtn.CodeUIDInUse, contract.MethodJoin, bob.joining("alice"))
		bob.call(contract.MethodJoin, bob.joining("bob"), nil)
		alice.fails(sdrtn.CodeNotPublished, contract.MethodSubscribe, alice.to("bob"))
		alice.call(contract.MethodPublish, alice.both(), nil)
		alice.fails(sdk.CodeInvalidOperation, contract.MethodPublish, alice.both())
		bob.call(contract.MethodSubscribe, bob.to("alice"), nil)
		bob.fails(sdk.CodeInvalidOperation, contract.MethodSubscribe, bob.to("alice"))
	})
}

func TestResetForgetsClients(t *testing.T) {
	inBubble(t, func(l *lab) {
		alice, bob := proxied(l)
		alice.call(contract.MethodPublish, alice.both(), nil)
		bob.await(1, is(contract.EventPublished, "alice"))
		subscribe := bob.begin(contract.MethodSubscribe, bob.to("alice"))
		alice.call(contract.MethodReset, nil, nil)
		_ = subscribe.Wait(context.Background(), nil) // it may go either way
		bob.await(1, is(contract.EventUserLeft, "alice"))
		alice.fails(sdk.CodeInvalidParams, contract.MethodStats, alice.me())
		alice.client = alice.createClient(contract.CreateClient{})
		alice.call(contract.MethodJoin, alice.joining("alice"), nil)
	})
}
