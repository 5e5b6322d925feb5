package suite_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/suite"
)

// TestLostEvidence: where evidence can't be kept, the case says why, and only that.
func TestLostEvidence(t *testing.T) {
	out := t.TempDir()
	blocked := filepath.Join(out, "evidence")
	require.NoError(t, os.WriteFile(blocked, nil, 0o644))
	run, err := runner.Run(t.Context(), runner.Config{
		Cases: written(t, "Feature: F\n  Scenario: S\n    Then the office firewall lets everything out\n"), Seed: 1, SDK: suite.Reference, Out: out,
	})
	require.NoError(t, err)
	require.Equal(t, "mkdir "+blocked+": not a directory", run.Cases[0].Evidence.Lost)
}
