package suite_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/catalogue"
	"github.com/proxyspec/proxyspec/conformance/suite"
	"github.com/proxyspec/proxyspec/features"
)

// TestMutantsBreakWhatScenariosProve sees that no mutant names a rule that can't kill it.
func TestMutantsBreakWhatScenariosProve(t *testing.T) {
	requirements, err := catalogue.Load(features.Files, features.RequirementsFile)
	require.NoError(t, err)
	cases, err := suite.Cases("")
	require.NoError(t, err)
	proved := map[string]bool{}
	for _, c := range cases {
		for _, id := range c.Requirements {
			proved[id] = true
		}
	}
	mutants := suite.Suite().Mutants
	require.GreaterOrEqual(t, len(mutants), 40)
	for _, m := range mutants {
		for _, id := range m.Breaks {
			_, known := requirements.Lookup(id)
			require.True(t, known, "%s: %s is no requirement", m.SDK, id)
			require.True(t, proved[id], "%s: %s has no scenario", m.SDK, id)
		}
	}
}
