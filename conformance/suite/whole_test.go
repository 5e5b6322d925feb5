package suite_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/suite"
	"github.com/proxyspec/proxyspec/reports"
)

// TestOneSeedGivesOneReport runs the whole suite twice with one seed, on two processors and on eight workers that vie
// for them: but for when it began and how long it took, conformance.json is the same to the byte. The trace of every
// case is in it.
func TestOneSeedGivesOneReport(t *testing.T) {
	if shuffled {
		t.Skip("the race detector shuffles goroutines on purpose: make unit runs this test once more without it")
	}
	if testing.Short() {
		t.Skip("it runs the whole suite twice")
	}
	cases, err := suite.Cases("not @exhaustive")
	require.NoError(t, err)
	var first [][]byte // each case alone, to say which one differs, and the whole
	for _, jobs := range []int{2, 8} {
		run, err := runner.Run(t.Context(), runner.Config{Cases: cases, Seed: 1, Jobs: jobs, SDK: suite.Reference})
		require.NoError(t, err)
		run.Started, run.Wall = time.Time{}, 0
		var now [][]byte
		for i := range run.Cases {
			run.Cases[i].Wall = 0
			alone := *run
			alone.Cases, alone.Virtual = run.Cases[i:i+1], 0
			now = append(now, document(t, &alone))
		}
		now = append(now, document(t, run))
		for i := range first {
			require.Equal(t, string(first[i]), string(now[i]), "with --jobs %d", jobs)
		}
		first = now
	}
	t.Logf("%d cases", len(cases))
}

func document(t *testing.T, run *result.Run) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, reports.JSON(&b, run))
	return b.Bytes()
}
