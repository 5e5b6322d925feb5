package suite_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pion/transport/v3/stdnet"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/cli"
	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/suite"
	"github.com/proxyspec/proxyspec/conformance/suite/stranger"
)

// strangerPrefix is before the name of a twist: an SDK of package stranger that has it.
const strangerPrefix = "stranger:"

var (
	strangerTags = flag.String("stranger-tags", "not @exhaustive", "what the stranger is tested with, and with -stranger-all each of its liberties")
	strangerAll  = flag.Bool("stranger-all", false, "all of its liberties, and all of its faults")
)

// TestStrangerPasses has the suite take an SDK for sound that owes nothing to the reference.
func TestStrangerPasses(t *testing.T) {
	var tasks []runner.Task
	for _, c := range played(t, *strangerTags) {
		tasks = append(tasks, runner.Task{Case: c, SDK: strangerPrefix})
	}
	mustPass(t, tasks)
}

// TestStrangerPassesAsAProgram has it on sockets of a kernel, in real time: with -kernel.whole in every scenario but those
// of 25 and of 75 minutes.
func TestStrangerPassesAsAProgram(t *testing.T) {
	needKernel(t)
	t.Parallel() // it waits, most of its time
	self, err := os.Executable()
	require.NoError(t, err)
	tags := "@CP-FLOW-04 or @CP-FLOW-05 or @CP-API-12"
	if *whole {
		tags = "not @exhaustive and not @CP-RES-03 and not @CP-RES-04"
	}
	var tasks []runner.Task
	for _, c := range aboutSDK(t, tags) {
		tasks = append(tasks, runner.Task{Case: c, SDK: cli.ExecPrefix + self + " " + strangerPrefix})
	}
	for i, c := range onKernel(t, 8, tasks) {
		if c.Outcome != result.Pass {
			t.Errorf("%s: %s: %+v", tasks[i].Case.ID, c.Outcome, c.Failure)
		}
	}
	t.Logf("%d cases", len(tasks))
}

// strangerMain is the stranger as a program.
func strangerMain() int {
	n, err := stdnet.NewNet()
	if err == nil {
		err = contract.Serve(context.Background(), contract.Duplex(io.NopCloser(os.Stdin), os.Stdout), stranger.New(n, ""))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "stranger:", err)
		return 1
	}
	return 0
}

// TestStrangerTakesLiberties has it do what the rules leave open, one thing at a time.
func TestStrangerTakesLiberties(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs scenarios with more than forty SDKs")
	}
	tags := "@CP-RES-06 or @CP-RES-09 or @CP-SEQ-06 or @CP-CFG-08" // where what an SDK is free to do shows most
	if *strangerAll {
		tags = *strangerTags
	}
	cases := played(t, tags)
	liberties := stranger.Liberties()
	require.Greater(t, len(liberties), 40)
	var tasks []runner.Task
	for n, liberty := range liberties {
		for m, c := range cases {
			if *strangerAll || n%len(cases) == m {
				tasks = append(tasks, runner.Task{Case: c, SDK: strangerPrefix + liberty.Name})
			}
		}
	}
	mustPass(t, tasks)
}

// TestStrangerHidesItsMediaInTLS has media where the firewall can't tell it from anything else.
func TestStrangerHidesItsMediaInTLS(t *testing.T) {
	var tasks []runner.Task
	for _, c := range played(t, "@CP-RES-01 or @CP-RES-11") {
		tasks = append(tasks, runner.Task{Case: c, SDK: strangerPrefix + "turn-in-tls"})
	}
	require.Len(t, tasks, 2)
	mustPass(t, tasks)
}

// TestStrangerReusesAnAnswer has an SDK that goes by the answer to an earlier join while it is good, which is against
// CP-FLOW-12 alone, a SHOULD: no MUST may fail for it.
func TestStrangerReusesAnAnswer(t *testing.T) {
	var tasks []runner.Task
	for _, c := range played(t, "not @exhaustive and not @CP-FLOW-12") {
		tasks = append(tasks, runner.Task{Case: c, SDK: strangerPrefix + "cached-lookup"})
	}
	mustPass(t, tasks)
}

// played is the cases in which an SDK is tested: the others prove the ground, with the reference.
func played(t *testing.T, tags string) []selection.Case {
	t.Helper()
	cases, err := suite.Cases(tags)
	require.NoError(t, err)
	return slices.DeleteFunc(cases, suite.Suite().Ground)
}

func mustPass(t *testing.T, tasks []runner.Task) {
	t.Helper()
	require.NoError(t, runner.Each(t.Context(), runner.Config{Seed: 1}, tasks, func(i int, c *result.Case) {
		if c.Outcome != result.Pass {
			t.Errorf("%s: %s: %s: %+v", tasks[i].SDK, c.ID, c.Outcome, c.Failure)
		}
	}))
	t.Logf("%d cases", len(tasks))
}

// TestStrangersFaultsAreNoticed breaks one requirement after the other: a scenario that names it must fail.
func TestStrangersFaultsAreNoticed(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs scenarios with more than a hundred SDKs")
	}
	cases, err := suite.Cases("not @exhaustive")
	require.NoError(t, err)
	faults := stranger.Faults()
	require.Greater(t, len(faults), 100)
	type broken struct{ fault, requirement string }
	var tasks []runner.Task
	var of []broken
	missed := map[broken]bool{}
	for n, fault := range faults {
		if !*strangerAll && n%6 != 0 {
			continue
		}
		for _, id := range fault.Breaks {
			missed[broken{fault.Name, id}] = true
			for _, c := range cases {
				if proves(c, id) {
					tasks, of = append(tasks, runner.Task{Case: c, SDK: strangerPrefix + fault.Name}), append(of, broken{fault.Name, id})
				}
			}
		}
	}
	require.NoError(t, runner.Each(t.Context(), runner.Config{Seed: 1}, tasks, func(i int, c *result.Case) {
		switch c.Outcome {
		case result.Fail:
			delete(missed, of[i])
			if strings.Contains(c.Failure.Message, "a step before this one must") {
				t.Errorf("%s: %s blames the scenario: %s", tasks[i].SDK, c.ID, c.Failure.Message)
			}
		case result.Pass:
		default:
			t.Errorf("%s: %s: %s: %+v", tasks[i].SDK, c.ID, c.Outcome, c.Failure)
		}
	}))
	for m := range missed {
		fault, _ := stranger.Find(m.fault)
		t.Errorf("an SDK that %s (%s) gets away with it: nothing of %s fails", fault.Does, m.fault, m.requirement)
	}
	t.Logf("%d cases", len(tasks))
}

func proves(c selection.Case, requirement string) bool {
	return slices.Contains(c.Requirements, requirement)
}
