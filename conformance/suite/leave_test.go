package suite_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/suite"
)

// TestLeavingWhileRelaysAreAsked holds the reference to its word: whichever relays it still waits for when it leaves, it
// leaves no allocation behind.
func TestLeavingWhileRelaysAreAsked(t *testing.T) {
	cases, err := selection.Select(selection.Config{Suite: os.DirFS("testdata"), Paths: []string{"features/leave.feature"}})
	require.NoError(t, err)
	require.Len(t, cases, 12)
	var tasks []runner.Task
	for _, c := range cases {
		tasks = append(tasks, runner.Task{Case: c, SDK: suite.Reference})
	}
	mustPass(t, tasks)
}
