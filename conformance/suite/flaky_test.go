package suite_test

import (
	"flag"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/suite"
)

var (
	flakyRuns = flag.Int("flaky-runs", 2, "how often TestOutcomesNeverChange runs its scenarios")
	flakyTags = flag.String("flaky-tags", "@CP-FLOW-06 or @CP-RES-01 or @CP-API-12", `its scenarios; "not @exhaustive" is the long form`)
	flakySeed = flag.Uint64("flaky-seed", 1, "the seed of its first run")
)

// TestOutcomesNeverChange runs scenarios again and again while every processor is busy with something else, with one seed
// after another, each with one job and with more of them than processors: no case may end in one way here and in another
// there.
func TestOutcomesNeverChange(t *testing.T) {
	cases, err := suite.Cases(*flakyTags)
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	// Processors of Go for those who are busy beside those of the test: the kernel is to share out the processors, among
	// workers, too. Else all that this process has to do would wait for the loops, and the workers for this process.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2 * runtime.NumCPU()))
	var over atomic.Bool
	defer over.Store(true)
	for range runtime.NumCPU() {
		go func() {
			for !over.Load() {
			}
		}()
	}
	seen := map[string]map[result.Outcome][]string{} // by case and outcome: which runs
	for i := range *flakyRuns {
		seed, jobs := *flakySeed+uint64(i/2), [2]int{1, 8}[i%2]
		run, err := runner.Run(t.Context(), runner.Config{Cases: cases, Seed: seed, Jobs: jobs, SDK: suite.Reference})
		require.NoError(t, err)
		require.Len(t, run.Cases, len(cases))
		passed := 0
		for _, c := range run.Cases {
			if c.Outcome == result.Pass {
				passed++
			}
			if seen[c.ID] == nil {
				seen[c.ID] = map[result.Outcome][]string{}
			}
			seen[c.ID][c.Outcome] = append(seen[c.ID][c.Outcome], fmt.Sprintf("--seed %d --jobs %d", seed, jobs))
		}
		t.Logf("--seed %d --jobs %d: %d of %d cases passed", seed, jobs, passed, len(cases))
	}
	flaky := 0
	for _, id := range slices.Sorted(maps.Keys(seen)) {
		if passed := len(seen[id][result.Pass]); passed == *flakyRuns {
			continue
		}
		flaky++
		for outcome, runs := range seen[id] {
			t.Logf("%s: %v in %d of %d runs: %s", id, outcome, len(runs), *flakyRuns, strings.Join(runs[:min(5, len(runs))], ", "))
		}
	}
	require.Zero(t, flaky, "cases that didn't pass each time")
	t.Logf("%d cases ended alike in %d runs", len(cases), *flakyRuns)
}
