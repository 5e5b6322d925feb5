package suite_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/cli"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/steps"
	"github.com/proxyspec/proxyspec/conformance/suite"
	"github.com/proxyspec/proxyspec/conformance/timeline"
)

var (
	traceRuns = flag.Int("trace-runs", 20, "how often the trace test runs each scenario")
	traceJobs = flag.Int("trace-jobs", 0, "how many cases the trace test runs at once; 0: as many as there are processors")
	traceTags = flag.String("trace-tags", "@CP-FLOW-01 or @CP-FLOW-04 or @CP-FLOW-05", "the scenarios of the trace test")
)

func TestMain(m *testing.M) {
	runner.WorkerMain(steps.Stages(populate))
	if len(os.Args) > 1 && os.Args[1] == "sdk" { // as a program that is an SDK, or the author's side of one
		os.Exit(cli.Main(suite.Suite(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	if len(os.Args) > 1 && os.Args[1] == strangerPrefix {
		os.Exit(strangerMain())
	}
	os.Exit(m.Run())
}

// shuffled is set where goroutines that are ready at once come in no fixed order.
var shuffled bool

// TestOneSeedGivesOneTrace runs scenarios again and again with one seed.
func TestOneSeedGivesOneTrace(t *testing.T) {
	if shuffled {
		t.Skip("the race detector shuffles goroutines on purpose: make unit runs this test once more without it")
	}
	cases, err := suite.Cases(*traceTags)
	require.NoError(t, err)
	runs := *traceRuns
	if testing.Short() {
		runs = min(runs, 5)
	}
	first := map[string][]timeline.Sign{}
	for n := range runs {
		out := t.TempDir()
		run, err := runner.Run(t.Context(), runner.Config{Cases: cases, Seed: 7, Jobs: *traceJobs, SDK: suite.Reference, Out: out})
		require.NoError(t, err)
		for _, c := range run.Cases {
			require.Equal(t, result.Pass, c.Outcome, "%s: %v", c.ID, c.Failure)
			trace := readTrace(t, filepath.Join(out, filepath.FromSlash(c.Evidence.Timeline)))
			require.Equal(t, result.Trace{Packets: len(trace), Digest: timeline.Digest(trace)}, c.Trace, c.ID)
			if n == 0 {
				require.NotEmpty(t, trace, c.ID)
				first[c.ID] = trace
				continue
			}
			requireSame(t, fmt.Sprintf("%s, run %d", c.ID, n+1), first[c.ID], trace)
		}
		require.NoError(t, os.RemoveAll(out))
	}
	t.Logf("%d scenarios, %d runs each: one trace each", len(cases), runs)
}

func readTrace(t *testing.T, path string) []timeline.Sign {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var events []timeline.Event
	require.NoError(t, json.Unmarshal(text, &events))
	return timeline.Trace(events)
}

// requireSame shows the first packet that differs.
func requireSame(t *testing.T, what string, want, got []timeline.Sign) {
	t.Helper()
	for i := range min(len(want), len(got)) {
		require.Equal(t, want[i], got[i], "%s: packet %d of %d differs", what, i+1, len(want))
	}
	require.Len(t, got, len(want), what)
}
