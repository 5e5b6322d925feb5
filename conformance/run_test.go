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

// stranger is the reference with a way of its own to ask for its way: in the open, of nobody here.
type stranger struct{ contract.Handler }

func (s stranger) Begin(c *contract.Call) {
	inner := c
	if c.Method == contract.MethodHello {
		inner = c.Divert(func(r any, err error) {
			hello, _ := r.(contract.HelloResult)
			hello.Lookup = contract.LookupOwn
			c.Reply(hello, err)
		})
	}
	s.Handler.Begin(inner)
}

// TestOwnLookupIsNotJudged sees that of an SDK whose lookup nobody here understands only that is judged which can be.
func TestOwnLookupIsNotJudged(t *testing.T) {
	m, found := mutant.Find("skips-lookup")
	require.True(t, found)
	own := SDK{Tags: "@CP-FLOW-01 or @CP-API-12", New: func(n transport.Net) (contract.Handler, error) {
		return stranger{m.New(sdk.Config{Net: n})}, nil
	}}
	cases, err := own.cases()
	require.NoError(t, err)
	outcomes := map[string]result.Outcome{}
	for _, c := range cases {
		outcomes[c.Requirements[0]] = own.play(c).Outcome
	}
	require.Equal(t, map[string]result.Outcome{"CP-FLOW-01": result.NotJudged, "CP-API-12": result.Pass}, outcomes)
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
