package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"net"
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
	c, stuck := broken.play(cases[0])
	require.Empty(t, stuck)
	require.Equal(t, result.Fail, c.Outcome)
	require.Contains(t, explain(c), "TCP 10.10.0.2:49152 > 198.51.100.11:443")
	require.Contains(t, explain(c), "event")
}

// TestDialContext sees that the net which an SDK is given has what the documentation promises.
func TestDialContext(t *testing.T) {
	Run(t, SDK{Tags: "@CP-API-12", New: func(n transport.Net) (contract.Handler, error) {
		if _, ok := n.(interface {
			DialContext(context.Context, string, string) (net.Conn, error)
		}); !ok {
			return nil, errors.New("n has no DialContext")
		}
		return mine(n)
	}})
}

// handler is an SDK that is asked what to do first; it goes on if that says so.
type handler struct {
	contract.Handler
	first func(*contract.Call) (goOn bool)
}

func (h handler) Begin(c *contract.Call) {
	if h.first(c) {
		h.Handler.Begin(c)
	}
}

// TestMisuse sees that an author hears what it is that his SDK does wrong as a part of a Go program.
func TestMisuse(t *testing.T) {
	at := func(method string, do func()) func(transport.Net) (contract.Handler, error) {
		return func(n transport.Net) (contract.Handler, error) {
			return handler{sdk.New(sdk.Config{Net: n}), func(c *contract.Call) bool {
				if c.Method == method {
					do()
				}
				return true
			}}, nil
		}
	}
	for _, tt := range []struct {
		name  string
		make  func(transport.Net) (contract.Handler, error)
		want  string
		stuck string
	}{
		{"New fails", func(transport.Net) (contract.Handler, error) { return nil, errors.New("no licence") }, "start the SDK of alice: conformance.SDK.New: no licence", ""},
		{"New gives nothing", func(transport.Net) (contract.Handler, error) { return nil, nil }, "start the SDK of alice: conformance.SDK.New returned nil, and no error", ""},
		{"Begin calls t.Fatal", at(contract.MethodJoin, func() { new(testing.T).FailNow() }), "Begin ended its goroutine, as t.Fatal and runtime.Goexit do", ""},
		{"Begin never returns", at(contract.MethodJoin, func() { <-make(chan int) }), "TestMisuse.", "its bubble froze"},
		{"a goroutine is left", at(contract.MethodJoin, func() { go func() { <-make(chan int) }() }), "1 goroutine left at the end", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wrong := SDK{Tags: "@CP-SEQ-01", New: tt.make}
			cases, err := wrong.cases()
			require.NoError(t, err)
			c, stuck := wrong.play(cases[0])
			require.NotEqual(t, result.Pass, c.Outcome)
			require.Contains(t, explain(c), tt.want)
			require.Equal(t, tt.stuck, stuck)
		})
	}
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
				played, _ := own.play(c)
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
