package suite_test

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/suite"
)

var replays = flag.Int("replays", 0, "how many cases the replay test runs twice; 1000 is the long form")

// TestReplayGivesTheRecordedTrace runs cases of the whole suite, seed after seed, and each of them again, and holds
// the traces against each other.
func TestReplayGivesTheRecordedTrace(t *testing.T) {
	if shuffled {
		t.Skip("the race detector shuffles goroutines on purpose")
	}
	tags, wanted := "@CP-FLOW-01 or @CP-FLOW-06 or @CP-API-03 or @CP-RES-01", *replays
	if wanted > 0 {
		tags = "not @exhaustive"
	}
	cases, err := suite.Cases(tags)
	require.NoError(t, err)
	same, differ := 0, 0
	for seed := uint64(1); same+differ < max(wanted, len(cases)); seed++ {
		if wanted > 0 {
			cases = cases[:min(len(cases), wanted-same-differ)]
		}
		play := func() []result.Case {
			run, err := runner.Run(t.Context(), runner.Config{Cases: cases, Seed: seed, SDK: suite.Reference})
			require.NoError(t, err)
			return run.Cases
		}
		first, again := play(), play()
		for i, c := range first {
			if c.Trace == again[i].Trace && c.Outcome == again[i].Outcome {
				same++
				continue
			}
			differ++
			t.Errorf("seed %d, %s: %s with %v, then %s with %v", seed, c.ID, c.Outcome, c.Trace, again[i].Outcome, again[i].Trace)
		}
	}
	t.Logf("%d of %d cases gave the recorded trace", same, same+differ)
}
