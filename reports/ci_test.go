package reports_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// TestManifests reads what is offered to copy, and holds it against what --shard env needs and what exit codes mean.
func TestManifests(t *testing.T) {
	read := func(name string, into any) string {
		text, err := os.ReadFile(filepath.Join("ci", name))
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(text, into), name)
		return string(text)
	}
	var job struct {
		Kind string
		Spec struct {
			CompletionMode string `yaml:"completionMode"`
			Completions    int
			Template       struct {
				Spec struct {
					Containers []struct {
						Command []string
						Env     []struct{ Name, Value string }
					}
				}
			}
		}
	}
	read("kubernetes-job.yaml", &job)
	container := job.Spec.Template.Spec.Containers[0]
	require.Equal(t, "Indexed", job.Spec.CompletionMode)
	require.Equal(t, "JOB_COMPLETIONS", container.Env[0].Name)
	require.Equal(t, "5", container.Env[0].Value)
	require.Equal(t, 5, job.Spec.Completions)
	require.Contains(t, container.Command[2], "--shard env")

	var workflow struct {
		Jobs map[string]struct {
			Strategy struct{ Matrix struct{ Index []int } }
			Env      map[string]any
			Needs    string
			Steps    []struct{ Run string }
		}
	}
	text := read("github-matrix.yaml", &workflow)
	require.Len(t, workflow.Jobs["shard"].Strategy.Matrix.Index, 5)
	require.EqualValues(t, 5, workflow.Jobs["shard"].Env["CI_NODE_TOTAL"])
	require.Equal(t, "shard", workflow.Jobs["report"].Needs)
	require.Contains(t, text, "proxyspec report merge part-*")

	run := slices.IndexFunc(workflow.Jobs["shard"].Steps, func(s struct{ Run string }) bool { return strings.Contains(s.Run, "--shard env") })
	command := strings.ReplaceAll(workflow.Jobs["shard"].Steps[run].Run, "${{ matrix.index }}", "1")
	for code, goesOn := range map[int]bool{
		result.ExitPassed: true, result.ExitFailed: true, result.ExitFault: true, result.ExitStale: true, result.ExitPartial: true,
		result.ExitUsage: false, result.ExitReport: false, result.ExitInterrupted: false,
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "proxyspec"), fmt.Appendf(nil, "#!/bin/sh\nexit %d\n", code), 0o755))
		shell := exec.Command("sh", "-e", "-c", command)
		shell.Dir = dir
		require.Equal(t, goesOn, shell.Run() == nil, "after exit code %d", code)
	}
}
