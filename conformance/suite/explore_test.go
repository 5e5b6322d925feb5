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

var (
	planted      = flag.String("planted", "direct-messages,skips-lookup,gives-in", "the mutants that TestRandomWorldsFindWhatIsPlanted looks for")
	plantedSeeds = flag.Uint64("planted-seeds", 1, "with how many seeds")
)

// mostPlanted is how many worlds may pass before the first that shows a mutant.
const mostPlanted = 10_000

// TestRandomWorldsFindWhatIsPlanted has random worlds find mutants, of which they know nothing.
func TestRandomWorldsFindWhatIsPlanted(t *testing.T) {
	for name := range strings.SplitSeq(*planted, ",") {
		var took []int
		for seed := range *plantedSeeds {
			took = append(took, worldsUntil(t, "mutant:"+name, seed+1))
		}
		slices.Sort(took)
		t.Logf("%s: found after %v worlds, median %d", name, took, took[len(took)/2])
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
func worldsUntil(t *testing.T, sdk string, seed uint64) int {
	t.Helper()
	const batch = 40
	for first := uint64(0); first < mostPlanted; first += batch {
		var tasks []runner.Task
		for n := first; n < first+batch; n++ {
			tasks = append(tasks, runner.Task{Case: explore.New(seed, n).Case(), SDK: sdk})
		}
		outcomes := make([]result.Outcome, batch)
		require.NoError(t, runner.Each(t.Context(), runner.Config{Seed: seed, SDK: sdk}, tasks, func(i int, r *result.Case) { outcomes[i] = r.Outcome }))
		for i, o := range outcomes {
			switch o {
			case result.Pass:
			case result.Fail:
				return int(first) + i + 1
			default:
				t.Fatalf("%s, seed %d: world %d ended with %v", sdk, seed, int(first)+i, o)
			}
		}
	}
	t.Fatalf("%s: %d worlds of seed %d show nothing", sdk, mostPlanted, seed)
	return 0
}
