package suite_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/browser"
	"github.com/proxyspec/proxyspec/conformance/catalogue"
	"github.com/proxyspec/proxyspec/conformance/mutation"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/suite"
	"github.com/proxyspec/proxyspec/fakes/websdk"
	"github.com/proxyspec/proxyspec/features"
)

// TestWebMutants has the suite tell broken Web SDKs in a real browser from the sound one: some mutants meet one scenario
// each, of the first rule that they break, which the reference must pass. "make soak-browser" has the rest.
func TestWebMutants(t *testing.T) {
	needBrowser(t)
	t.Parallel() // it waits, most of its time
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
		"browser:":                   "it needs a script: browser:FILE.js, browser:reference or browser:mutant:NAME",
		"browser:no-such.js":         "there is no file no-such.js: name a script that defines AgoraRTC, or reference, or mutant:NAME",
		"browser:mutant:mixes-strat": `; did you mean "mixes-start"?`,
		"browser:browser_test.go":    "browser_test.go: the name of a script ends in .js, or in .mjs if it is a module",
	} {
		_, err := page(name)
		require.ErrorContains(t, err, want)
	}
}

// TestAScriptWithItsOwnLookupIsJudgedFromOutside has a script ask in a protocol of its vendor's, at an address that the lab
// doesn't know, as any does that wasn't made for it.
func TestAScriptWithItsOwnLookupIsJudgedFromOutside(t *testing.T) {
	needBrowser(t)
	t.Parallel() // it waits, most of its time
	name := vendors(t, func(file, text string) string {
		if file != websdk.Main {
			return text
		}
		return strings.Replace(text, "globalThis.proxyspecEndpoints",
			"{ lookup: ['https://lookup.vendor.test/v9'], gateways: ['wss://channel.vendor.test/'] }", 1)
	})
	want := map[string]result.Outcome{"CP-FLOW-01": result.NotJudged, "CP-API-12": result.Pass}
	var tasks []runner.Task
	for _, c := range aboutSDK(t, "@CP-FLOW-01 or @CP-API-12") {
		tasks = append(tasks, runner.Task{Case: c, SDK: name})
	}
	for i, c := range onKernel(t, 1, tasks) {
		require.Equal(t, want[tasks[i].Case.Requirements[0]], c.Outcome, "%s: %+v", c.ID, c.Failure)
		if c.Outcome == result.NotJudged {
			require.Contains(t, c.Failure.Message, "a lookup protocol of its own")
		}
	}
}

// TestStrangersWebSDKPasses has the suite take a Web SDK for sound that owes nothing to the reference. "make soak-browser"
// has it in every scenario.
func TestStrangersWebSDKPasses(t *testing.T) {
	needBrowser(t)
	t.Parallel() // it waits, most of its time
	var tasks []runner.Task
	for _, c := range aboutSDK(t, "@CP-FLOW-04 or @CP-FLOW-05 or @CP-API-12") {
		tasks = append(tasks, runner.Task{Case: c, SDK: "browser:testdata/stranger.js"})
	}
	for i, c := range onKernel(t, 1, tasks) {
		require.Equal(t, result.Pass, c.Outcome, "%s: %+v", tasks[i].Case.ID, c.Failure)
	}
}

// vendors is a script that is the reference Web SDK, module by module, but for what change makes of its files.
func vendors(t *testing.T, change func(file, text string) string) string {
	dir := t.TempDir()
	modules := os.DirFS("../../fakes/websdk")
	files, err := fs.Glob(modules, "*.mjs")
	require.NoError(t, err)
	for _, file := range files {
		text, err := fs.ReadFile(modules, file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(change(file, string(text))), 0o644))
	}
	return "browser:" + filepath.Join(dir, websdk.Main)
}

func needBrowser(t testing.TB) {
	if testing.Short() {
		t.Skip("a browser isn't started with -short")
	}
	if _, err := browser.Find(); err != nil {
		t.Skip(err)
	}
	needKernel(t)
}

// TestBrokenPagesCostOneCase has each be followed by the reference, in the same worker process and its browser: one that
// hangs, and one that takes all memory.
func TestBrokenPagesCostOneCase(t *testing.T) {
	needBrowser(t)
	t.Parallel() // it waits, most of its time
	c := aboutSDK(t, "@CP-API-12")[0]
	broken := []struct {
		does    string
		outcome result.Outcome
		message string
	}{
		{"for (;;);", result.Fail, "startProxyServer did not return an error"},
		{"const all = []; for (;;) all.push(new Array(1e6).fill(0));", result.HarnessFault, "the page crashed"},
	}
	var tasks []runner.Task
	for _, b := range broken {
		name := vendors(t, func(file, text string) string {
			return strings.Replace(text, "startProxyServer() {", "startProxyServer() { "+b.does, 1)
		})
		tasks = append(tasks, runner.Task{Case: c, SDK: name}, runner.Task{Case: c, SDK: suite.Suite().WebSDK})
	}
	for i, ended := range onKernel(t, 1, tasks) {
		b := broken[i/2]
		if i%2 == 1 {
			require.Equal(t, result.Pass, ended.Outcome, "after %s: %v", b.does, ended.Failure)
			continue
		}
		require.Equal(t, b.outcome, ended.Outcome, "%s: %v", b.does, ended.Failure)
		require.Contains(t, ended.Failure.Message, b.message)
	}
}
