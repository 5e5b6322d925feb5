//go:build linux

package suite_test

import (
	"flag"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/proxyspec/proxyspec/conformance/catalogue"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/suite"
	"github.com/proxyspec/proxyspec/features"
	"github.com/proxyspec/proxyspec/reports"
)

var cost = flag.Bool("cost", false, "measure what the reports cost: TestReportsCostLittle runs the whole suite")

// TestReportsCostLittle runs the suite and measures what of its processor time goes into reports: those of the run, and
// each case's page. Whatever this process does besides while it writes is counted too. A journal of what is finished
// takes a fortieth of a run's time and no more.
func TestReportsCostLittle(t *testing.T) {
	if !*cost {
		t.Skip("a measurement: make soak-evidence")
	}
	cases, err := suite.Cases("not @exhaustive")
	require.NoError(t, err)
	catalogue, err := catalogue.Load(features.Files, features.RequirementsFile)
	require.NoError(t, err)
	out, blank := t.TempDir(), &result.Run{Requirements: catalogue.Blank(nil)}
	var writing time.Duration
	write := func(what func() error) {
		began := processorTime(t, syscall.RUSAGE_SELF)
		require.NoError(t, what())
		writing += processorTime(t, syscall.RUSAGE_SELF) - began
	}
	began := processorTime(t, syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN)
	run, err := runner.Run(t.Context(), runner.Config{
		Cases: cases, Seed: 1, SDK: suite.Reference, Out: out,
		Ended: func(c *result.Case) { write(func() error { return reports.WritePage(out, blank, c) }) },
	})
	require.NoError(t, err)
	untilReaped()
	pages := writing
	write(func() error {
		run.Requirements = blank.Requirements
		result.Judge(run)
		return reports.Write(out, run)
	})
	suiteAlone := processorTime(t, syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN) - began - writing
	share := 100 * float64(writing) / float64(suiteAlone)
	t.Logf("%d cases: %v of processor time, and %v for the reports, %v of these for pages: %.1f %%", len(cases),
		suiteAlone.Round(time.Millisecond), writing.Round(time.Millisecond), pages.Round(time.Millisecond), share)
	require.Less(t, share, 10.0)
}

// untilReaped returns when no child is left, as the workers are soon after a run. The time that a child took counts
// from then on.
func untilReaped() {
	for unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOWAIT, nil) != unix.ECHILD {
	}
}

// processorTime is what this process, or its children that have ended, took.
func processorTime(t *testing.T, whose ...int) (sum time.Duration) {
	for _, who := range whose {
		var u syscall.Rusage
		require.NoError(t, syscall.Getrusage(who, &u))
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return sum
}
