package reports_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

// TestManifests reads what is offered to copy, and holds it against what --shard env needs.
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
		}
	}
	text := read("github-matrix.yaml", &workflow)
	require.Len(t, workflow.Jobs["shard"].Strategy.Matrix.Index, 5)
	require.EqualValues(t, 5, workflow.Jobs["shard"].Env["CI_NODE_TOTAL"])
	require.Equal(t, "shard", workflow.Jobs["report"].Needs)
	require.Contains(t, text, "proxyspec report merge part-*")
}
