package conformance

import (
	"encoding/json"
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

// stranger is an SDK that asks for its way by a protocol of its own, of somebody who isn't here.
type stranger struct{ contract.Handler }

func (s stranger) Begin(c *contract.Call) {
	inner := c
	if c.Method == contract.MethodHello {
		inner = c.Divert(func(r any, err error) {
			hello, _ := r.(contract.HelloResult)
			hello.Lookup = contract.LookupOwn
			c.Reply(hello, err)
		})
		var hello contract.Hello
		if err := c.Bind(&hello); err != nil {
			return
		}
		hello.Endpoints.Lookup = []string{"https://lookup.vendor.test/v9"}
		inner.Params, _ = json.Marshal(hello)
	}
	s.Handler.Begin(inner)
}

// TestOwnLookupIsNotJudged sees that of an SDK whose lookup nobody here understands only that is judged which can be:
// what it refuses, and that nothing goes past the cloud proxy.
func TestOwnLookupIsNotJudged(t *testing.T) {
	skips, found := mutant.Find("skips-lookup")
	require.True(t, found)
	for _, tt := range []struct {
		name string
		make func(transport.Net) (contract.Handler, error)
		past result.Outcome // of what depends on the lookup
	}{
		{"a sound one", mine, result.NotJudged},
		{"one that goes past the cloud proxy", func(n transport.Net) (contract.Handler, error) { return skips.New(sdk.Config{Net: n}), nil }, result.Fail},
	} {
		t.Run(tt.name, func(t *testing.T) {
			own := SDK{
				Tags: "@CP-FLOW-01 or @CP-FLOW-04 or @CP-FLOW-09 or @CP-FLOW-11 or @CP-API-12",
				New: func(n transport.Net) (contract.Handler, error) {
					h, err := tt.make(n)
					return stranger{h}, err
				},
			}
			cases, err := own.cases()
			require.NoError(t, err)
			for _, c := range cases {
				want := tt.past
				if c.Requirements[0] == "CP-API-12" {
					want = result.Pass
				}
				played := own.play(c)
				require.Equal(t, want, played.Outcome, "%v %s: %v", c.Requirements, c.ID, played.Failure)
			}
		})
	}
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
