package result_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// A small catalogue: one requirement of each kind that the rules tell apart.
const (
	sdkMust      = "CP-FLOW-01"
	sdkMust2     = "CP-API-01"
	sdkShould    = "CP-RES-01"
	groundMust   = "CP-FW-01"
	groundShould = "CP-FW-24"
	toolMust     = "CP-RPT-01"
	own          = "" // a case of the user's own
)

func catalogue() []result.Requirement {
	return []result.Requirement{
		{ID: sdkMust, Level: result.Must, Subject: "sdk", Scenarios: 1},
		{ID: sdkMust2, Level: result.Must, Subject: "sdk", Scenarios: 1},
		{ID: sdkShould, Level: result.Should, Subject: "sdk", Scenarios: 1},
		{ID: groundMust, Level: result.Must, Subject: "firewall", Scenarios: 1},
		{ID: groundShould, Level: result.Should, Subject: "firewall", Scenarios: 1},
		{ID: toolMust, Level: result.Must, Subject: "tool", Scenarios: 1},
	}
}

// a says how a case of one requirement ended.
type a struct {
	id      string
	outcome result.Outcome
}

// both are the two MUSTs of the SDK, passing: enough for "conformant" and 0.
var both = []a{{sdkMust, result.Pass}, {sdkMust2, result.Pass}}

func runOf(ended ...a) *result.Run {
	run := &result.Run{Requirements: catalogue()}
	for i, e := range ended {
		c := result.Case{ID: fmt.Sprintf("case-%d", i+1), Outcome: e.outcome}
		if e.id == own {
			c.Own = true
		} else {
			c.Requirements = []string{e.id}
		}
		run.Cases = append(run.Cases, c)
	}
	return run
}

func TestVerdictAndExitCode(t *testing.T) {
	const conformant, not, partial, unsound = result.Conformant, result.NotConformant, result.Partial, result.Unsound
	with := func(more ...a) []a { return append(both[:2:2], more...) }
	tests := []struct {
		name    string
		cases   []a
		change  func(*result.Run)
		verdict string
		code    int
	}{
		{name: "every MUST of the SDK passed", cases: both, verdict: conformant, code: 0},
		{name: "nothing selected", verdict: partial, code: 2},
		{name: "one MUST selected and passed", cases: both[:1], verdict: partial, code: 0},

		{name: "a MUST failed", cases: []a{{sdkMust, result.Pass}, {sdkMust2, result.Fail}}, verdict: not, code: 1},
		{name: "a MUST failed in one of its cases", cases: with(a{sdkMust, result.Fail}), verdict: not, code: 1},
		{name: "a SHOULD failed", cases: with(a{sdkShould, result.Fail}), verdict: conformant, code: 1},
		{name: "a user's own scenario failed", cases: with(a{own, result.Fail}), verdict: conformant, code: 1},

		{name: "a MUST of the ground failed", cases: with(a{groundMust, result.Fail}), verdict: unsound, code: 3},
		{name: "a MUST of the tool failed", cases: with(a{toolMust, result.Fail}), verdict: unsound, code: 3},
		{name: "a SHOULD of the ground failed", cases: with(a{groundShould, result.Fail}), verdict: conformant, code: 1},
		{name: "on failed ground a failure says nothing",
			cases: with(a{sdkMust, result.Fail}, a{groundMust, result.Fail}), verdict: unsound, code: 3},

		{name: "the harness broke on a MUST", cases: with(a{sdkMust, result.HarnessFault}), verdict: unsound, code: 3},
		{name: "the harness broke on the ground", cases: with(a{groundMust, result.HarnessFault}), verdict: unsound, code: 3},
		{name: "the harness broke on a SHOULD", cases: with(a{sdkShould, result.HarnessFault}), verdict: conformant, code: 3},
		{name: "a failure is proven even if the harness broke elsewhere",
			cases: []a{{sdkMust, result.Fail}, {sdkMust2, result.HarnessFault}}, verdict: not, code: 3},
		{name: "no outcome is a harness fault", cases: with(a{sdkMust, ""}), verdict: unsound, code: 3},
		{name: "a requirement's outcome on a case is a harness fault",
			cases: with(a{sdkMust, result.Uncovered}), verdict: unsound, code: 3},

		{name: "a known failure of a MUST", cases: with(a{sdkMust, result.KnownFailure}), verdict: not, code: 0},
		{name: "a known failure of a SHOULD", cases: with(a{sdkShould, result.KnownFailure}), verdict: conformant, code: 0},
		{name: "a known failure of the ground", cases: with(a{groundMust, result.KnownFailure}), verdict: unsound, code: 0},
		{name: "an unexpected pass", cases: with(a{sdkMust, result.UnexpectedPass}), verdict: conformant, code: 4},
		{name: "an unexpected pass of a SHOULD", cases: with(a{sdkShould, result.UnexpectedPass}), verdict: conformant, code: 4},
		{name: "an expectation that no case answered to", cases: both,
			change: func(r *result.Run) { r.Stale = []string{"flow/gone"} }, verdict: conformant, code: 4},
		{name: "a failure before a stale expectation",
			cases: with(a{sdkMust, result.Fail}, a{sdkMust2, result.UnexpectedPass}), verdict: not, code: 1},

		{name: "a MUST not supported", cases: with(a{sdkMust, result.NotSupported}), verdict: partial, code: 5},
		{name: "a MUST not judged", cases: with(a{sdkMust, result.NotJudged}), verdict: partial, code: 5},
		{name: "a MUST not run", cases: with(a{sdkMust, result.NotRun}), verdict: partial, code: 5},
		{name: "a MUST of the ground not judged", cases: with(a{groundMust, result.NotJudged}), verdict: conformant, code: 5},
		{name: "a SHOULD not supported", cases: with(a{sdkShould, result.NotSupported}), verdict: conformant, code: 0},
		{name: "a user's own scenario not run", cases: with(a{own, result.NotRun}), verdict: conformant, code: 5},
		{name: "a stale expectation before what stayed open",
			cases: with(a{sdkMust, result.NotRun}, a{sdkMust2, result.UnexpectedPass}), verdict: partial, code: 4},

		{name: "an undefined step", cases: with(a{sdkMust, result.Undefined}), verdict: partial, code: 2},
		{name: "an undefined step of the user's own", cases: with(a{own, result.Undefined}), verdict: conformant, code: 2},
		{name: "an undefined step before a fault and a failure",
			cases: with(a{sdkMust, result.Undefined}, a{sdkShould, result.HarnessFault}, a{sdkMust2, result.Fail}), verdict: not, code: 2},
		{name: "a tag that names no requirement", cases: with(a{"CP-FLOW-99", result.Pass}), verdict: conformant, code: 2},

		{name: "interrupted", cases: both,
			change: func(r *result.Run) { r.Interrupted = true }, verdict: partial, code: 130},
		{name: "interrupted before the first case",
			change: func(r *result.Run) { r.Interrupted = true }, verdict: partial, code: 130},
		{name: "interrupted after a failure", cases: with(a{sdkMust, result.Fail}),
			change: func(r *result.Run) { r.Interrupted = true }, verdict: not, code: 130},

		{name: "a SHOULD without a scenario", cases: both,
			change: func(r *result.Run) { r.Requirements[2].Scenarios = 0 }, verdict: conformant, code: 0},
		{name: "a MUST without a scenario is not shown, but changes no code", cases: both[:1],
			change: func(r *result.Run) { r.Requirements[1].Scenarios = 0 }, verdict: partial, code: 0},
		{name: "an empty catalogue shows nothing", cases: []a{{own, result.Pass}},
			change: func(r *result.Run) { r.Requirements = nil }, verdict: partial, code: 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run := runOf(tt.cases...)
			if tt.change != nil {
				tt.change(run)
			}
			result.Judge(run)
			require.Equal(t, tt.verdict, run.Verdict)
			require.Equal(t, tt.code, result.ExitCode(run))
		})
	}
}

func TestRequirementEndsAsTheGravestOfItsCases(t *testing.T) {
	// From the lightest to the gravest: each beats all before it, in either order.
	order := []result.Outcome{
		result.Pass, result.UnexpectedPass, result.NotSupported, result.NotJudged, result.NotRun,
		result.KnownFailure, result.Undefined, result.HarnessFault, result.Fail,
	}
	for i, graver := range order {
		for _, lighter := range order[:i+1] {
			for _, cases := range [][]a{
				{{sdkMust, lighter}, {sdkMust, graver}},
				{{sdkMust, graver}, {sdkMust, lighter}},
			} {
				run := runOf(cases...)
				result.Judge(run)
				require.Equal(t, graver, run.Requirements[0].Outcome, "%s with %s", lighter, graver)
				require.Equal(t, []string{"case-1", "case-2"}, run.Requirements[0].Cases)
			}
		}
	}
}

func TestRequirementWithoutACase(t *testing.T) {
	run := runOf()
	run.Requirements[0].Scenarios = 0
	result.Judge(run)
	require.Equal(t, result.Uncovered, run.Requirements[0].Outcome)
	require.Equal(t, result.Unselected, run.Requirements[1].Outcome)
	require.Empty(t, run.Requirements[0].Cases)
}

func TestOwnScenarioNeverProvesARequirement(t *testing.T) {
	run := runOf(a{sdkMust, result.Pass})
	run.Cases[0].Own = true
	result.Judge(run)
	require.Equal(t, result.Unselected, run.Requirements[0].Outcome)
	require.Empty(t, run.Requirements[0].Cases)
	require.Equal(t, result.ExitPassed, result.ExitCode(run))
}

func TestJudgeTwiceIsJudgeOnce(t *testing.T) {
	once := runOf(a{sdkMust, result.Fail}, a{sdkMust2, result.NotRun}, a{groundShould, result.Pass})
	twice := runOf(a{sdkMust, result.Fail}, a{sdkMust2, result.NotRun}, a{groundShould, result.Pass})
	result.Judge(once)
	result.Judge(twice)
	result.Judge(twice)
	require.Equal(t, once, twice)
}
