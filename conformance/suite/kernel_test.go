package suite_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/steps"
	"github.com/proxyspec/proxyspec/conformance/suite"
	"github.com/proxyspec/proxyspec/sim/kernel"
)

var whole = flag.Bool("kernel.whole", false, "compare the virtual network and the kernel network in every scenario, which takes minutes")

// few is a part of the suite with a case of each kind that takes a second or two of real time: rules of the API, a
// lookup, messages, media both ways, a fallback.
const few = "@CP-FLOW-01 or @CP-FLOW-04 or @CP-API-12 or @CP-API-13 or @CP-CFG-01"

// onKernel runs tasks on the kernel network.
func onKernel(t testing.TB, jobs int, tasks []runner.Task) []*result.Case {
	t.Helper()
	for i := range tasks {
		tasks[i].Network = runner.Kernel
	}
	ended := make([]*result.Case, len(tasks))
	err := runner.Each(context.Background(), runner.Config{Seed: 1, Jobs: jobs}, tasks, func(i int, c *result.Case) { ended[i] = c })
	require.NoError(t, err)
	return ended
}

func needKernel(t testing.TB) {
	if err := kernel.Probe(); err != nil {
		t.Skip(err)
	}
}

// aboutSDK is the cases of some tags that judge an SDK and that real time has time for.
func aboutSDK(t testing.TB, tags string) []selection.Case {
	cases, err := suite.Cases(tags)
	require.NoError(t, err)
	return slices.DeleteFunc(cases, func(c selection.Case) bool {
		return steps.ProvesGround(c.Requirements) || slices.Contains(c.Tags, "@exhaustive")
	})
}

// TestKernelAndVirtualAgree holds the outcome of the reference as a program with real sockets in real time against
// that of the same code in virtual time, scenario by scenario.
func TestKernelAndVirtualAgree(t *testing.T) {
	needKernel(t)
	t.Parallel() // it waits, most of its time
	tags := few
	if *whole {
		tags = ""
	}
	cases := aboutSDK(t, tags)
	virtual, err := runner.Run(t.Context(), runner.Config{Cases: cases, Seed: 1, SDK: suite.Reference})
	require.NoError(t, err)
	var tasks []runner.Task
	var compared []result.Case
	for i, c := range cases {
		if v := virtual.Cases[i]; v.Virtual < 10*time.Minute { // what takes hours isn't run in real time
			tasks, compared = append(tasks, runner.Task{Case: c, SDK: suite.Reference}), append(compared, v)
		}
	}
	began := time.Now()
	real := onKernel(t, 8, tasks)
	var beyond time.Duration
	for i, v := range compared {
		r := real[i]
		t.Logf("%-14s %-14s %6.2f s %6.2f s  %s", v.Outcome, r.Outcome, v.Virtual.Seconds(), r.Wall.Seconds(), v.ID)
		beyond += r.Wall - v.Virtual
		why := ""
		if r.Failure != nil {
			why = r.Failure.Message + "; " + r.Failure.Actual
		}
		if v.Outcome != r.Outcome {
			t.Errorf("%s: %s on the virtual network, %s on the kernel's: %s", v.ID, v.Outcome, r.Outcome, why)
		}
	}
	t.Logf("%d scenarios, 8 at once, in %v; each took %v longer than in virtual time", len(compared), time.Since(began).Round(time.Millisecond),
		(beyond / time.Duration(len(compared))).Round(time.Millisecond))
}

// TestMutantsAsProgramsAreKilled runs broken SDKs as programs: without -kernel.whole the first four, one for each kind of
// thing that goes past the proxy.
func TestMutantsAsProgramsAreKilled(t *testing.T) {
	needKernel(t)
	t.Parallel() // it waits, most of its time
	var tasks []runner.Task
	mutants := []struct{ name, tag string }{
		{"direct-media", "@CP-FLOW-04"},
		{"direct-messages", "@CP-FLOW-08"},
		{"skips-lookup", "@CP-FLOW-01"},
		{"early-contact", "@CP-FLOW-03"},
		{"late-lookup", "@CP-FLOW-04"},
		{"ignores-credentials", "@CP-FLOW-02"},
		{"reuses-lookup", "@CP-FLOW-12"},
		{"always-proxied", "@CP-FLOW-14"},
		{"never-proxied", "@CP-FLOW-01"},
		{"start-after-proxy", "@CP-API-12"},
		{"start-after-turn", "@CP-API-13"},
		{"proxy-after-start", "@CP-API-14"},
		{"unchecked-parameters", "@CP-CFG-01"},
	}
	if !*whole {
		mutants = mutants[:4]
	}
	for _, m := range mutants {
		cases := aboutSDK(t, m.tag)
		require.NotEmpty(t, cases, m.tag)
		tasks = append(tasks, runner.Task{Case: cases[0], SDK: "mutant:" + m.name})
	}
	for i, c := range onKernel(t, 8, tasks) {
		t.Logf("%-28s %-8s by %s", tasks[i].SDK, c.Outcome, c.ID)
		if c.Outcome != result.Fail {
			t.Errorf("%s: %s is %s, and should fail: %v", tasks[i].SDK, c.ID, c.Outcome, c.Failure)
		}
	}
}

// TestBrokenAdaptersCostOneCase has each be followed by a sound SDK, in the same worker process.
func TestBrokenAdaptersCostOneCase(t *testing.T) {
	needKernel(t)
	t.Parallel() // it waits, most of its time
	c := aboutSDK(t, "@CP-API-12")[0]
	broken := map[string]string{
		"true":                              "it ended: exit status 0",
		"echo ready; cat":                   "not a JSON-RPC frame",
		"yes 'error: no config' >&2":        "it wrote more than 16 MiB to standard error",
		"head -c 2097152 /dev/zero; cat":    "line is longer than 1048576 bytes",
		"no-such-program-anywhere":          "exit status 127",
		"(sleep 60 &) ; echo giving up >&2": "the last that it wrote to standard error: giving up",
		// Its SDK fails the case besides: who knows which of the two replies was the SDK's?
		`i=0; while read -r line; do i=$((i+1)); reply='{"jsonrpc":"2.0","id":'$i',"result":{"protocol":1,"name":"twice","version":"3.0.0","client":"c"}}'; ` +
			`echo "$reply"; [ $i -lt 4 ] || echo "$reply"; done`: "a second reply to request",
	}
	var tasks []runner.Task
	for _, line := range slices.Sorted(func(yield func(string) bool) {
		for line := range broken {
			if !yield(line) {
				return
			}
		}
	}) {
		tasks = append(tasks, runner.Task{Case: c, SDK: "exec:" + line}, runner.Task{Case: c, SDK: suite.Reference})
	}
	for i, c := range onKernel(t, 1, tasks) {
		if i%2 == 1 {
			require.Equal(t, result.Pass, c.Outcome, "after %s: %v", tasks[i-1].SDK, c.Failure)
			continue
		}
		require.Equal(t, result.HarnessFault, c.Outcome, fmt.Sprint(c.Failure))
		require.Contains(t, c.Failure.Message, "alice", tasks[i].SDK)
		want := broken[strings.TrimPrefix(tasks[i].SDK, "exec:")]
		require.Equal(t, 1, strings.Count(c.Failure.Message, want), "%q, once: %q", want, c.Failure.Message)
	}
}
