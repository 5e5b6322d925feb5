package suite_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/catalogue"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/suite"
	"github.com/proxyspec/proxyspec/features"
	"github.com/proxyspec/proxyspec/reports"
)

// TestTwoRunsGiveOneReport runs a part of the suite twice, with one worker and with two, and compares
// conformance.json byte by byte, but for the fields that say when and how long. The tested SDK breaks a rule, so
// that there are failures with their events.
func TestTwoRunsGiveOneReport(t *testing.T) {
	if shuffled {
		t.Skip("the race detector shuffles goroutines on purpose")
	}
	cases, err := suite.Cases("@CP-FLOW-01 or @CP-FLOW-04 or @CP-FLOW-09 or @CP-API-12 or @CP-SEQ-02")
	require.NoError(t, err)
	requirements, err := catalogue.Load(features.Files, features.RequirementsFile)
	require.NoError(t, err)
	report := func(jobs int) string {
		run, err := runner.Run(t.Context(), runner.Config{
			Cases: cases, Seed: 3, SDK: "mutant:direct-media", Jobs: jobs, Out: t.TempDir(),
		})
		require.NoError(t, err)
		run.Requirements = requirements.Blank(nil)
		run.Suite.Digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
		result.Judge(run)
		requireSchema(t, run)
		run.Started, run.Wall = time.Time{}, 0
		for i := range run.Cases {
			run.Cases[i].Wall = 0
		}
		var b bytes.Buffer
		require.NoError(t, reports.JSON(&b, run))
		return b.String()
	}
	first := report(1)
	require.Contains(t, first, `"outcome": "fail"`)
	require.Equal(t, first, report(2))
}

func requireSchema(t *testing.T, run *result.Run) {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(reports.Schema))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("conformance.schema.json", document))
	schema, err := compiler.Compile("conformance.schema.json")
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, reports.JSON(&b, run))
	instance, err := jsonschema.UnmarshalJSON(&b)
	require.NoError(t, err)
	require.NoError(t, schema.Validate(instance))
}
