package conformance

import (
	"testing"

	"github.com/pion/transport/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/fakes/mutant"
	"github.com/proxyspec/proxyspec/fakes/sdk"
)

func mine(n transport.Net) (contract.Handler, error) { return sdk.New(sdk.Config{Net: n}), nil }

// TestRun runs a part of the suite as an author would.
func TestRun(t *testing.T) {
	Run(t, SDK{New: mine, Tags: "@CP-FLOW-01 or @CP-API-12 or @CP-CFG-01"})
}

// TestRunFailsABrokenSDK sees that a failure names what shows it.
func TestRunFailsABrokenSDK(t *testing.T) {
	m, found := mutant.Find("skips-lookup")
	require.True(t, found)
	broken := SDK{Tags: "@CP-FLOW-01", New: func(n transport.Net) (contract.Handler, error) { return m.New(sdk.Config{Net: n}), nil }}
	cases, err := broken.cases()
	require.NoError(t, err)
	require.Len(t, cases, 1)
	c := broken.play(cases[0])
	require.Equal(t, result.Fail, c.Outcome)
	require.Contains(t, explain(c), "TCP 10.10.0.2:49152 > 198.51.100.11:443")
	require.Contains(t, explain(c), "event")
}

// In a test of your own: func TestConformance(t *testing.T) { conformance.Run(t, conformance.SDK{New: ...}) }
func ExampleRun() {
	test := func(t *testing.T) {
		Run(t, SDK{
			New:  func(n transport.Net) (contract.Handler, error) { return sdk.New(sdk.Config{Net: n}), nil },
			Tags: "@CP-FLOW-01",
		})
	}
	_ = test
}
