package steps

import (
	"testing"
	"time"

	"github.com/pion/transport/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/fakes/sdk"
	"github.com/proxyspec/proxyspec/sim/bubble"
)

// BenchmarkTenMinutes is a scenario in which alice has joined through the cloud proxy and ten minutes of
// virtual time pass, from the making of its world to the last goroutine's end.
func BenchmarkTenMinutes(b *testing.B) {
	reference := func(n transport.Net, _ uint64) (contract.Handler, error) { return sdk.New(sdk.Config{Net: n}), nil }
	stages := Stages(func(_ runner.Job, cfg *world.Config) error {
		cfg.Tested, cfg.Reference = reference, reference
		return nil
	})
	for b.Loop() {
		box, err := bubble.Open(bubble.Config{})
		require.NoError(b, err)
		require.NoError(b, box.Do(func() {
			stage, err := stages(runner.Job{Seed: 1})
			require.NoError(b, err)
			s := stage.(*scene)
			require.NoError(b, s.call(world.Alice, contract.MethodStartProxyServer, plain))
			require.NoError(b, s.join(world.Alice, "town-hall"))
			require.NoError(b, s.joined(world.Alice))
			time.Sleep(10 * time.Minute)
			require.NoError(b, stage.Close())
		}))
		require.NoError(b, box.Close(5*time.Minute))
	}
}
