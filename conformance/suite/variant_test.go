package suite_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/suite"
	"github.com/proxyspec/proxyspec/conformance/variant"
	"github.com/proxyspec/proxyspec/features"
)

const missingRows = `Feature: An office
  Scenario: Only lookups
    Given the office firewall allows the whitelist without rows T1, T2, T3, T8, T9 and T10
    When alice starts the cloud proxy and joins "town-hall"
    Then alice is in the channel
  Scenario: Everything
    Given the office firewall allows the whitelist without rows T8, T9 and T10
    When alice starts the cloud proxy and joins "town-hall"
    Then alice is in the channel
`

// written is the cases of a feature of one's own.
func written(t *testing.T, feature string) []selection.Case {
	t.Helper()
	file := filepath.Join(t.TempDir(), "own.feature")
	require.NoError(t, os.WriteFile(file, []byte(feature), 0o644))
	cases, err := selection.Select(selection.Config{Suite: features.Files, Paths: []string{file}})
	require.NoError(t, err)
	return cases
}

// TestAFailureNamesWhatPasses: what stopped alice is found by running her call again, and each time the same.
func TestAFailureNamesWhatPasses(t *testing.T) {
	cases := written(t, missingRows)
	cfg := runner.Config{Cases: cases, Seed: 1, SDK: suite.Reference}
	explained := func() []result.Variant {
		run, err := runner.Run(t.Context(), cfg)
		require.NoError(t, err)
		require.Equal(t, result.Fail, run.Cases[0].Outcome)
		require.Equal(t, result.Pass, run.Cases[1].Outcome, run.Cases[1].Failure)
		result.Judge(run)
		require.NoError(t, variant.Of(run, cfg).Explain(t.Context(), cfg))
		return run.Cases[0].Failure.Variants
	}
	found := explained()
	failure := result.Failure{Variants: found}
	for _, want := range []result.Variant{
		{Change: "TCP 443 to relay-1, relay-2 and relay-3 open", Outcome: result.Pass},
		{Change: "row T1 open", Outcome: result.Pass},
		{Change: "row T8 open", Outcome: result.Fail, Step: "alice is in the channel"},
		{Change: "everything open", Outcome: result.Pass},
		{Change: `nothing instead of "T1, T2, T3,"`, Outcome: result.Pass, Case: cases[1].ID},
	} {
		require.Contains(t, found, want)
	}
	require.Equal(t, found[0], *failure.Nearest(), "the narrowest comes first")
	require.Equal(t, found, explained())
}
