package suite_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/browser"
	"github.com/proxyspec/proxyspec/conformance/catalogue"
	"github.com/proxyspec/proxyspec/conformance/mutation"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/suite"
	"github.com/proxyspec/proxyspec/features"
	"github.com/proxyspec/proxyspec/sim/kernel"
)

// TestWebMutants has the suite tell broken Web SDKs in a real browser from the sound one: some mutants meet one scenario
// each, of the first rule that they break, which the reference must pass. "make soak-browser" has the rest.
func TestWebMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser isn't started with -short")
	}
	if _, err := browser.Find(); err != nil {
		t.Skip(err)
	}
	if err := kernel.Probe(); err != nil {
		t.Skip(err)
	}
	requirements, err := catalogue.Load(features.Files, features.RequirementsFile)
	require.NoError(t, err)
	all, err := suite.Cases("")
	require.NoError(t, err)

	mutants := slices.Clone(suite.Suite().WebMutants)
	require.GreaterOrEqual(t, len(mutants), 8)
	mutants = slices.DeleteFunc(mutants, func(m mutation.Mutant) bool {
		return !slices.Contains([]string{"browser:mutant:mixes-start", "browser:mutant:mixes-set", "browser:mutant:messages-direct"}, m.SDK)
	})
	require.Len(t, mutants, 3)
	var cases []selection.Case
	for i, m := range mutants {
		at := slices.IndexFunc(all, func(c selection.Case) bool { return slices.Contains(c.Requirements, m.Breaks[0]) })
		require.GreaterOrEqual(t, at, 0, "%s: %s has no scenario", m.SDK, m.Breaks[0])
		mutants[i].Breaks = m.Breaks[:1]
		if !slices.ContainsFunc(cases, func(c selection.Case) bool { return c.ID == all[at].ID }) {
			cases = append(cases, all[at])
		}
	}
	m, err := mutation.Run(context.Background(), mutation.Config{
		Mutants: mutants, Reference: suite.Suite().WebSDK, Cases: cases, Requirements: requirements.Blank(nil), Chosen: true, Seed: 1,
		Place: func(selection.Case) runner.Place { return runner.Place{Network: runner.Kernel} },
	})
	require.NoError(t, err)
	require.Empty(t, m.Reference, "the reference passes what tells the mutants apart")
	for _, found := range m.Mutants {
		require.Equal(t, result.Killed, found.Fate, "%s: %+v", found.SDK, found.Breaks)
	}
}

// TestPagesAreFoundByName tries names that people could type.
func TestPagesAreFoundByName(t *testing.T) {
	file := filepath.Join(t.TempDir(), "my-sdk.js")
	require.NoError(t, os.WriteFile(file, []byte("window.AgoraRTC = {}"), 0o644))
	page := suite.Suite().Page
	for name, want := range map[string]string{
		"browser:reference":          "proxyspec reference Web SDK",
		"browser:mutant:mixes-start": "mutant Web SDK that returns from startProxyServer after a set method as if all were well",
		"browser:" + file:            "my-sdk.js (SHA-256 a6532d0b",
	} {
		found, err := page(name)
		require.NoError(t, err)
		require.Equal(t, name, found.Name)
		require.Contains(t, found.Product, want)
	}
	for name, want := range map[string]string{
		"browser:no-such.js":         "there is no file no-such.js: name a script that defines AgoraRTC, or reference, or mutant:NAME",
		"browser:mutant:mixes-strat": `; did you mean "mixes-start"?`,
		"browser:browser_test.go":    "browser_test.go: the name of a script ends in .js, or in .mjs if it is a module",
	} {
		_, err := page(name)
		require.ErrorContains(t, err, want)
	}
}
