package suite_test

import (
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/catalogue"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/suite"
	"github.com/proxyspec/proxyspec/features"
	"github.com/proxyspec/proxyspec/reports"
)

var costRounds = flag.Int("cost-rounds", 0, "how often TestReportsCostLittle runs the suite each way; it needs a machine that has nothing else to do")

// TestReportsCostLittle runs the suite without a trace, with its evidence, and with its evidence and every report, in
// turn, and compares the best of each. A journal of what is finished besides takes a fortieth of a run's time and no more.
func TestReportsCostLittle(t *testing.T) {
	if *costRounds == 0 {
		t.Skip("a measurement: make soak-evidence")
	}
	cases, err := suite.Cases("not @exhaustive")
	require.NoError(t, err)
	catalogue, err := catalogue.Load(features.Files, features.RequirementsFile)
	require.NoError(t, err)
	requirements := catalogue.Blank(nil)
	play := func(out string, write bool) time.Duration {
		began := time.Now()
		blank := &result.Run{Requirements: requirements}
		cfg := runner.Config{Cases: cases, Seed: 1, SDK: suite.Reference, Out: out}
		if write {
			cfg.Ended = func(c *result.Case) { require.NoError(t, reports.WritePage(out, blank, c)) }
		}
		run, err := runner.Run(t.Context(), cfg)
		require.NoError(t, err)
		if write {
			run.Requirements = requirements
			result.Judge(run)
			require.NoError(t, reports.Write(out, run))
		}
		return time.Since(began)
	}
	bare, evidence, whole := time.Hour, time.Hour, time.Hour
	for range *costRounds {
		bare = min(bare, play("", false))
		evidence = min(evidence, play(t.TempDir(), false))
		whole = min(whole, play(t.TempDir(), true))
	}
	share := func(d time.Duration) float64 { return 100 * float64(d) / float64(evidence) }
	t.Logf("%d cases: %v without a trace, %v with evidence, %v with every report: the reports are %.1f %%, with the evidence %.1f %%",
		len(cases), bare.Round(time.Millisecond), evidence.Round(time.Millisecond), whole.Round(time.Millisecond), share(whole-evidence), 100*float64(whole-bare)/float64(bare))
	require.Less(t, share(whole-evidence), 10.0)
}
