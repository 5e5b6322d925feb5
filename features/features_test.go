package features_test

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/suite"
)

// The flags are the command's, but for -only, since go test has a -tags of its own: go test ./features -only "@CP-FLOW-01" -sdk mutant:direct-media
var (
	only = flag.String("only", "not @exhaustive", "tag expression that selects scenarios")
	sdk  = flag.String("sdk", suite.Reference, "SDK under test")
	seed = flag.Uint64("seed", 1, "seed of the run")
)

func TestMain(m *testing.M) {
	runner.WorkerMain(suite.Stages())
	os.Exit(m.Run())
}

// TestSuite runs the suite, a subtest a case.
func TestSuite(t *testing.T) {
	cases, err := suite.Cases(*only)
	require.NoError(t, err)
	run, err := runner.Run(t.Context(), runner.Config{Cases: cases, Seed: *seed, SDK: *sdk})
	require.NoError(t, err)
	require.Len(t, run.Cases, len(cases))
	for _, c := range run.Cases {
		t.Run(c.ID, func(t *testing.T) {
			if c.Outcome == result.Pass {
				return
			}
			t.Errorf("%s:%d: %s", c.Path, c.Line, c.Outcome)
			if f := c.Failure; f != nil {
				t.Errorf("step: %s\n%v\ncause: %s\nreplay: %s", f.Step, f, f.Cause, f.Replay)
			}
		})
	}
}
