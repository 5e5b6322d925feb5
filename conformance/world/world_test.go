package world

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/transport/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdk"
	"github.com/proxyspec/proxyspec/sim/bubble"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

// nobody is an SDK for worlds in which nobody uses one.
func nobody(transport.Net, uint64) (contract.Handler, error) {
	return nil, errors.New("there is no SDK in this world")
}

// inBubble runs f in a bubble of its own and demands that nothing is left behind.
func inBubble(t testing.TB, f func()) {
	t.Helper()
	b, err := bubble.Open(bubble.Config{})
	require.NoError(t, err)
	require.NoError(t, b.Do(f))
	require.NoError(t, b.Close(5*time.Minute))
}

func TestWorldComesUpAndGoes(t *testing.T) {
	inBubble(t, func() {
		w, err := New(Config{Seed: 1, Tested: nobody, Reference: nobody})
		require.NoError(t, err)
		require.NoError(t, w.Up())
		require.Error(t, w.Prepare(func(*Setup) {}), "it is too late to prepare")
		alice, err := w.Host(Alice)
		require.NoError(t, err)
		c, err := alice.Dial("tcp", "47.74.211.17:443")
		require.NoError(t, err)
		require.NoError(t, c.Close())
		_, err = alice.ResolveIPAddr("ip4", "gateway-1.sd-rtn.test")
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.NotEmpty(t, w.Timeline.Events())
	})
}

// TestNewTimeoutsKeepTheRules: what is open besides, and how the firewall misreads what it is told, last.
func TestNewTimeoutsKeepTheRules(t *testing.T) {
	inBubble(t, func() {
		var read int
		w, err := New(Config{
			Seed: 1, Tested: nobody, Reference: nobody,
			Open:  []firewall.Rule{{ID: "open", Proto: firewall.TCP, Ports: []firewall.PortRange{firewall.Port(80)}, Action: firewall.Allow}},
			Rules: func(*firewall.Policy) { read++ },
		})
		require.NoError(t, err)
		require.NoError(t, w.SetTimeouts(firewall.Timeouts{UDP: time.Second}))
		require.Equal(t, 2, read)
		require.Equal(t, "open", w.Decide(firewall.Packet{
			Proto: firewall.TCP, Flags: firewall.SYN,
			Src: netip.MustParseAddrPort("10.10.0.2:50000"), Dst: netip.MustParseAddrPort("192.0.2.1:80"),
		}).Rule)
		require.NoError(t, w.Close())
	})
}

func BenchmarkWorld(b *testing.B) {
	for b.Loop() {
		inBubble(b, func() {
			w, err := New(Config{Seed: 1, Tested: nobody, Reference: nobody})
			require.NoError(b, err)
			require.NoError(b, w.Up())
			require.NoError(b, w.Close())
		})
	}
}

// TestNoServerWaitsForOneThatHasEnded has alice's SDK leave a channel at SD-RTN, through a relay: when both end with the
// world, the relay's goodbye still finds its way.
func TestNoServerWaitsForOneThatHasEnded(t *testing.T) {
	inBubble(t, func() {
		reference := func(n transport.Net, _ uint64) (contract.Handler, error) { return sdk.New(sdk.Config{Net: n}), nil }
		w, err := New(Config{Seed: 1, Tested: reference, Reference: reference})
		require.NoError(t, err)
		alice, err := w.User(Alice)
		require.NoError(t, err)
		call := func(method string, params any) {
			c, err := alice.Begin(method, params)
			require.NoError(t, err)
			ended, err := c.Wait(10 * time.Second)
			require.NoError(t, err)
			require.True(t, ended, method)
			_, err = c.Over()
			require.NoError(t, err, method)
		}
		call(contract.MethodInit, contract.Init{Client: alice.Client(), AppID: AppID})
		call(contract.MethodStartProxyServer, contract.ClientCall{Client: alice.Client()})
		call(contract.MethodJoin, contract.Join{Client: alice.Client(), Channel: "town-hall", UID: Alice})
		began := time.Now()
		require.NoError(t, w.Close())
		require.Less(t, time.Since(began), time.Second)
	})
}
