package world

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/kernel"
)

// onlooker is a Remote that sees what its look goes through, and never lets an SDK begin.
type onlooker struct {
	see func(kernel.Expect)
}

var errOnlooker = errors.New("nobody begins here")

func (onlooker) Open(kernel.Site, func(contract.Log)) (io.ReadWriteCloser, error) {
	device, _ := net.Pipe()
	return device, nil
}

func (o onlooker) Look(e kernel.Expect) (kernel.Proof, error) {
	o.see(e)
	return kernel.Proof{}, nil
}

func (onlooker) Enter() (io.ReadWriteCloser, error) { return nil, errOnlooker }
func (onlooker) Close() error                       { return nil }

// TestLookIsNear has a look go over short and sound ways, which are as a scenario made them when the SDK begins.
func TestLookIsNear(t *testing.T) {
	var w *World
	ways := func() (configs []sim.LinkConfig) {
		relay := w.mediaRelay().Name
		return []sim.LinkConfig{w.uplink.Config(w.wall), w.links[relay].Config(w.hosts[relay])}
	}
	var during []sim.LinkConfig
	w, err := New(Config{Seed: 1, Tested: nobody, Reference: nobody, Remote: onlooker{func(kernel.Expect) { during = ways() }}})
	require.NoError(t, err)
	require.NoError(t, w.SetRoundTrip(time.Second, 0.5))
	before := ways()
	_, err = w.confine(nil)
	require.ErrorIs(t, err, errOnlooker)
	for _, way := range during {
		require.Zero(t, way.Delay)
		require.Zero(t, way.Loss)
	}
	require.Len(t, during, 2)
	require.Equal(t, before, ways())
	require.NoError(t, w.Close())
}

// TestLookAsksTheNameServerLast has the name server's answer end a look wherever there is one: what a look had sent
// and nobody had seen yet would be taken for the SDK's.
func TestLookAsksTheNameServerLast(t *testing.T) {
	for broken, name := range map[string]string{Edges[0].Name: ProxyName, officeDNS.Name: ""} {
		var asked kernel.Expect
		w, err := New(Config{Seed: 1, Tested: nobody, Reference: nobody, Remote: onlooker{func(e kernel.Expect) { asked = e }}})
		require.NoError(t, err)
		require.NoError(t, w.Cut(broken))
		_, err = w.confine(nil)
		require.ErrorIs(t, err, errOnlooker)
		require.Equal(t, name, asked.Name, broken)
		require.Empty(t, asked.Open, "what is broken needn't answer")
		require.NoError(t, w.Close())
	}
}
