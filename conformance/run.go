// Package conformance runs the suite on an SDK of the caller's, inside of his own go test.
//
// An SDK in Go needs no program: it implements contract.Handler, takes its sockets from a transport.Net, and
//
//	func TestConformance(t *testing.T) {
//		conformance.Run(t, conformance.SDK{New: func(n transport.Net) (contract.Handler, error) { return mysdk.New(n), nil }})
//	}
//
// tests it in virtual time, with a subtest for each scenario: about 200, in ten seconds. What the methods and events are is
// in contract/README.md and in the documentation of package contract; what the SDK says to the servers is in that of the
// packages relay (lookup, messages, TURN), fakes/sdrtn (channel, WebRTC) and fakes/selfhosted (setProxyServer,
// setTurnServer). Endpoints and the certificate authority come with the call of hello.
//
// # Sockets
//
// All of them come from n. An http.Transport and a WebSocket's dialer take n.Dial, or, for one that may give up, the
// DialContext that n also has:
//
//	n.(interface { DialContext(context.Context, string, string) (net.Conn, error) }).DialContext
//
// pion/webrtc takes n by SettingEngine.SetNet; it says that mDNS failed unless SetICEMulticastDNSMode disables that. A dial
// that nobody answers takes two minutes, as on Linux. Sockets of the system's lead out of the simulated office into the real
// network: nothing sees what goes there, and who waits for one stops the clock.
//
// # Virtual time
//
// A scenario is a bubble of testing/synctest, and the rules of that package hold in New and in all that the SDK does:
//
//   - New is called once in each scenario. What it makes (channels, timers, contexts, idle connections) must be gone with
//     it, so nothing of the kind in a package's variable, such as http.DefaultClient, nor t.Context(): "synctest channel
//     from outside bubble" is what the runtime says, at the line, and ends the test binary.
//   - Who holds a mutex must not sleep or wait for the network while somebody else may want it: that stops the clock.
//   - Every goroutine must have ended five minutes after shutdown has been answered.
//
// # When it fails
//
// There is no report but the test's output: what was expected and seen, the firewall's part in it, and the events. "fail" is
// the SDK's; "harness fault" is whatever kept the scenario from a verdict, and mostly of the SDK as a Go program: a second
// reply, a goroutine left over, a clock that stands still. A scenario whose clock stood still for a minute ends the run. A
// panic and os.Exit end the test binary, as in any test; go test -v shows in which scenario. For packets, timeline and
// diagram, make a program of the SDK with contract.Serve, and run it with "proxyspec run --sdk exec:PROGRAM".
//
// The rest of the suite's machinery lives in the packages below. This one owns nothing, and starts no process.
package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pion/transport/v3"

	"github.com/proxyspec/proxyspec/conformance/catalogue"
	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/steps"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/fakes/sdk"
	"github.com/proxyspec/proxyspec/features"
)

// SDK is an SDK under test.
type SDK struct {
	// New makes one whose sockets come from n, anew in each scenario. It must be set.
	New func(n transport.Net) (contract.Handler, error)
	// Tags selects scenarios: "@CP-API-12 or @CP-FLOW-01". Default: all but those of the model check, "not @exhaustive".
	// Test one with go test -run too: its subtests' names are those of the report, "TestConformance/api/mixing/...".
	Tags string
	// Seed is what chance in the scenarios depends on. Default 1.
	Seed uint64
}

// Run runs every scenario whose subject is the SDK as a subtest. One fails if a requirement isn't met, with the packets
// and events that show it; one is skipped, with the reason, if the SDK lacks a method or nothing can be told.
func Run(t *testing.T, tested SDK) {
	t.Helper()
	if tested.New == nil {
		t.Fatal("conformance: SDK.New is nil")
	}
	cases, err := tested.cases()
	if err != nil {
		t.Fatalf("conformance: %v", err)
	}
	for i, c := range cases {
		stuck := ""
		t.Run(c.ID, func(t *testing.T) {
			var outcome *result.Case
			outcome, stuck = tested.play(c)
			switch outcome.Outcome {
			case result.Pass:
			case result.Fail:
				t.Error(explain(outcome))
			case result.NotSupported, result.NotJudged:
				t.Skip(explain(outcome))
			default:
				t.Fatal(explain(outcome))
			}
		})
		if stuck != "" {
			t.Fatalf("conformance: %s: %s and can't be ended. Scenarios after it that were not run: %d", c.ID, stuck, len(cases)-i-1)
		}
	}
}

// cases is what is selected of the scenarios that judge an SDK.
func (tested SDK) cases() ([]selection.Case, error) {
	requirements, err := catalogue.Load(features.Files, features.RequirementsFile)
	if err != nil {
		return nil, err
	}
	cfg := selection.Config{Suite: features.Files, Tags: tested.Tags}
	if cfg.Tags == "" {
		cfg.Tags = "not @exhaustive"
	}
	for _, r := range requirements.Requirements() {
		cfg.Requirements = append(cfg.Requirements, r.ID)
	}
	cases, err := selection.Select(cfg)
	return slices.DeleteFunc(cases, func(c selection.Case) bool { return steps.ProvesGround(c.Requirements) }), err
}

// play runs one scenario in this process.
func (tested SDK) play(c selection.Case) (outcome *result.Case, stuck string) {
	seed := tested.Seed
	if seed == 0 {
		seed = 1
	}
	stages := steps.Stages(func(_ runner.Job, cfg *world.Config) error {
		cfg.Tested = func(n transport.Net, _ uint64) (contract.Handler, error) { return tested.start(n) }
		cfg.Reference = func(n transport.Net, _ uint64) (contract.Handler, error) { return sdk.New(sdk.Config{Net: n}), nil }
		return nil
	})
	return runner.Play(stages, runner.Job{Case: c, Seed: runner.CaseSeed(seed, c.ID)})
}

// start makes one of the caller's SDKs.
func (tested SDK) start(n transport.Net) (contract.Handler, error) {
	h, err := tested.New(n)
	if err != nil {
		return nil, fmt.Errorf("conformance.SDK.New: %w", err)
	}
	if h == nil {
		return nil, errors.New("conformance.SDK.New returned nil, and no error")
	}
	return guard{h}, nil
}

// guard is in front of an SDK's Begin, which may end its goroutine, as t.Fatal does: the session would end with it, and
// nobody could tell why. A panic goes on to end the test binary.
type guard struct{ contract.Handler }

func (g guard) Begin(c *contract.Call) {
	returned, over := false, make(chan struct{})
	go func() {
		defer close(over)
		g.Handler.Begin(c)
		returned = true
	}()
	if <-over; !returned {
		c.Reply(nil, &contract.Error{Code: codeInternal, Message: "Begin ended its goroutine, as t.Fatal and runtime.Goexit do: reply with an error instead"})
	}
}

const codeInternal = -32603 // of JSON-RPC 2.0: none that an SDK may answer with, so it is the adapter's fault

// explain is what became of a case, in lines.
func explain(c *result.Case) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s:%d %s\n", c.Outcome, c.Path, c.Line, strings.Join(c.Requirements, ", "))
	f := c.Failure
	if f == nil {
		return text.String()
	}
	for _, line := range [][2]string{{"step", f.Step}, {"", f.Message}, {"expected", f.Expected}, {"actual", f.Actual}, {"cause", f.Cause}} {
		if line[1] != "" {
			fmt.Fprintf(&text, "%9s %s\n", line[0], line[1])
		}
	}
	for _, e := range f.Events {
		way := ""
		if e.To.IsValid() {
			way = fmt.Sprintf(" %s %v > %v", e.Proto, e.From, e.To)
		}
		fmt.Fprintf(&text, "%9s #%d %s %s%s %s\n", "event", e.Seq, e.Actor, e.Name, way, e.Detail)
	}
	return text.String()
}
