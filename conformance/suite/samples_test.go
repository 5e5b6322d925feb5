package suite_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
)

// TestSampleAdapters runs the samples on a scenario that they can pass and on one that needs what they don't have.
func TestSampleAdapters(t *testing.T) {
	needKernel(t)
	t.Parallel() // it waits, most of its time
	for program, sample := range map[string][2]string{"node": {"adapter.mjs", "sample for Node"}, "python3": {"adapter.py", "sample for Python"}} {
		t.Run(program, func(t *testing.T) {
			if _, err := exec.LookPath(program); err != nil {
				t.Skip(err)
			}
			path, err := filepath.Abs(filepath.Join("../../fakes/adapters", sample[0]))
			require.NoError(t, err)
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.LessOrEqual(t, bytes.Count(text, []byte("\n")), 200, "a sample is to be read")
			var tasks []runner.Task
			for _, tag := range []string{"@CP-FLOW-01", "@CP-API-12"} {
				tasks = append(tasks, runner.Task{Case: aboutSDK(t, tag)[0], SDK: "exec:" + program + " '" + path + "'"})
			}
			ended := onKernel(t, 2, tasks)
			require.Equal(t, result.Pass, ended[0].Outcome, "%v", ended[0].Failure)
			require.Equal(t, &result.Product{Name: sample[1], Version: "2.5.1"}, ended[0].Product, "what it said in hello")
			require.Equal(t, result.NotSupported, ended[1].Outcome, "%v", ended[1].Failure)
		})
	}
}
