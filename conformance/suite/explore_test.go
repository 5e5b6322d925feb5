package suite_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/explore"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/suite"
)

// worldRules has a mutant for each rule that random worlds are held to, found early by seed 1. CP-FLOW-11's, asks-in-volleys,
// takes 1,455 worlds: make soak has it.
const worldRules = "joined-too-early=CP-FLOW-01,asks-elsewhere=CP-FLOW-03,direct-messages=CP-FLOW-04,doubles-messages=CP-FLOW-06," +
	"never-gives-up=CP-FLOW-09,always-proxied=CP-FLOW-14,gives-in=CP-API-30,keeps-allocations=CP-SEQ-04,calls-back=CP-SEQ-06"

var (
	planted      = flag.String("planted", worldRules, "the mutants that TestRandomWorldsFindWhatIsPlanted looks for, each with the rule that it breaks")
	plantedSeeds = flag.Uint64("planted-seeds", 1, "with how many seeds")
)

// mostPlanted is how many worlds may pass before the first that shows a mutant.
const mostPlanted = 10_000

// TestRandomWorldsFindWhatIsPlanted has random worlds find mutants, of which they know nothing.
func TestRandomWorldsFindWhatIsPlanted(t *testing.T) {
	for one := range strings.SplitSeq(*planted, ",") {
		name, rule, named := strings.Cut(one, "=")
		require.True(t, named, "%q names no rule", one)
		var took []int
		for seed := range *plantedSeeds {
			took = append(took, worldsUntil(t, "mutant:"+name, rule, seed+1))
		}
		slices.Sort(took)
		t.Logf("%s: found by %s after %v worlds, median %d", name, rule, took, took[len(took)/2])
	}
}

// TestWorldsOnceBlamed has worlds in which an SDK was said to break a rule that it had kept.
func TestWorldsOnceBlamed(t *testing.T) {
	cases, err := selection.Select(selection.Config{Suite: os.DirFS("testdata"), Paths: []string{"features/found.feature"}})
	require.NoError(t, err)
	require.Len(t, cases, 1)
	mustPass(t, []runner.Task{{Case: cases[0], SDK: suite.Reference}})
}

// worldsUntil is how many random worlds of a seed it takes until one shows that the SDK breaks a rule.
func worldsUntil(t *testing.T, sdk, rule string, seed uint64) int {
	t.Helper()
	const batch = 24
	for first := uint64(0); first < mostPlanted; first += batch {
		var tasks []runner.Task
		for n := first; n < first+batch; n++ {
			tasks = append(tasks, runner.Task{Case: explore.New(seed, n).Case(), SDK: sdk})
		}
		results := make([]*result.Case, batch)
		require.NoError(t, runner.Each(t.Context(), runner.Config{Seed: seed, SDK: sdk}, tasks, func(i int, r *result.Case) { results[i] = r }))
		for i, r := range results {
			switch {
			case r.Outcome == result.Pass:
			case r.Outcome != result.Fail:
				t.Fatalf("%s, seed %d: world %d ended with %v", sdk, seed, int(first)+i, r.Outcome)
			case strings.HasPrefix(r.Failure.Message, rule+":"):
				return int(first) + i + 1
			}
		}
	}
	t.Fatalf("%s: %d worlds of seed %d don't show it by %s", sdk, mostPlanted, seed, rule)
	return 0
}
