package suite_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/catalogue"
	"github.com/proxyspec/proxyspec/conformance/mutation"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/suite"
	"github.com/proxyspec/proxyspec/features"
	"github.com/proxyspec/proxyspec/reports"
)

// unproved is which requirements nothing proves, and which scenarios prove nothing.
func unproved(t *testing.T, files fs.FS) (gaps []string) {
	t.Helper()
	requirements, err := catalogue.Load(files, "requirements.yaml")
	require.NoError(t, err)
	cfg := selection.Config{Suite: files}
	for _, r := range requirements.Requirements() {
		cfg.Requirements = append(cfg.Requirements, r.ID)
	}
	cases, err := selection.Select(cfg)
	require.NoError(t, err)
	proved := make(map[string]bool)
	for _, c := range cases {
		if len(c.Requirements) == 0 {
			gaps = append(gaps, "proves nothing: "+c.ID)
		}
		for _, id := range c.Requirements {
			proved[id] = true
		}
	}
	for _, r := range requirements.Requirements() {
		if proved[r.ID] {
			continue
		}
		if len(r.Tests) == 0 {
			gaps = append(gaps, "not proved: "+r.ID)
		}
		for _, test := range r.Tests {
			if !exists(t, test) {
				gaps = append(gaps, fmt.Sprintf("not proved: %s: there is no %s", r.ID, test))
			}
		}
	}
	return gaps
}

// exists looks for a test by its folder and name.
func exists(t *testing.T, test string) bool {
	t.Helper()
	folder, name, _ := strings.Cut(test, ".")
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(folder), "*_test.go"))
	require.NoError(t, err)
	declared := regexp.MustCompile(`(?m)^func ` + name + `\(t \*testing\.T\) \{`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if declared.Match(text) {
			return true
		}
	}
	return false
}

// TestEveryRequirementIsProved is CP-RPT-02, first on suites with a gap each, so that it is known to see one.
func TestEveryRequirementIsProved(t *testing.T) {
	const requirements = `themes:
  - id: CP-AA
    title: A
    subject: sdk
    requirements:
      - {id: CP-AA-01, level: MUST, source: W1, statement: One., observed: packets}
      - {id: CP-AA-02, level: MUST, source: W1, statement: Two., observed: packets%s}
`
	const one = "Feature: F\n  @CP-AA-01\n  Scenario: One\n    Then one\n"
	const two = "  @CP-AA-02\n  Scenario: Two\n    Then two\n"
	for _, tt := range []struct{ what, tests, feature, want string }{
		{"nothing is missing", "", one + two, ""},
		{"a requirement has no scenario", "", one, "not proved: CP-AA-02"},
		{"a test proves it", ", tests: [conformance/suite.TestEveryRequirementIsProved]", one, ""},
		{"its test is gone", ", tests: [conformance/suite.TestNobodyWrote]", one, "not proved: CP-AA-02: there is no conformance/suite.TestNobodyWrote"},
		{"a scenario has no requirement", "", one + two + "  Scenario: Three\n    Then three\n", "proves nothing: f/three"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			gaps := unproved(t, fstest.MapFS{
				"requirements.yaml": {Data: fmt.Appendf(nil, requirements, tt.tests)}, "f.feature": {Data: []byte(tt.feature)},
			})
			require.Equal(t, tt.want, strings.Join(gaps, "\n"))
		})
	}
	require.Empty(t, unproved(t, features.Files))
}

var considerations = regexp.MustCompile(`\bC[123]`)

// TestEveryConsiderationKillsAMutant is CP-RPT-03. Of the mutants it runs, for each rule of the considerations, the
// first that breaks it; make mutants runs them all.
func TestEveryConsiderationKillsAMutant(t *testing.T) {
	requirements, err := catalogue.Load(features.Files, features.RequirementsFile)
	require.NoError(t, err)
	cfg := mutation.Config{Reference: suite.Reference, Chosen: true, Seed: 1}
	var rules []string
	chosen := make(map[string]bool)
	for _, r := range requirements.Requirements() {
		if !considerations.MatchString(r.Source) {
			continue
		}
		rules = append(rules, r.ID)
		var first *mutation.Mutant
		for _, m := range suite.Suite().Mutants {
			for _, id := range m.Breaks {
				if id == r.ID && first == nil {
					first = &mutation.Mutant{SDK: m.SDK, Subject: m.Subject, Description: m.Description, Breaks: m.Breaks}
				}
			}
		}
		require.NotNil(t, first, "no mutant breaks %s", r.ID)
		if !chosen[first.SDK] {
			chosen[first.SDK] = true
			cfg.Mutants = append(cfg.Mutants, *first)
		}
	}
	require.NotEmpty(t, rules)
	cfg.Cases, err = suite.Cases("not @exhaustive and (@" + strings.Join(rules, " or @") + ")")
	require.NoError(t, err)
	scenarios := make(map[string]int)
	for _, c := range cfg.Cases {
		for _, id := range c.Requirements {
			scenarios[id]++
		}
	}
	cfg.Requirements = requirements.Blank(scenarios)
	found, err := mutation.Run(t.Context(), cfg)
	require.NoError(t, err)
	require.Empty(t, found.Reference, "the reference fails")
	kills := make(map[string][]string)
	for _, r := range found.Rules {
		kills[r.ID] = r.Kills
	}
	for _, id := range rules {
		require.NotEmpty(t, kills[id], "%s kills none", id)
	}
	t.Logf("%d rules, %d mutants, %d runs", len(rules), len(cfg.Mutants), found.Runs)
}

// TestAFailureNamesStepPacketAndRule is CP-RPT-04, of every report that people read.
func TestAFailureNamesStepPacketAndRule(t *testing.T) {
	cases, err := suite.Cases("@CP-RES-01")
	require.NoError(t, err)
	run, err := runner.Run(t.Context(), runner.Config{Cases: cases, Seed: 1, SDK: "mutant:udp-only"})
	require.NoError(t, err)
	requirements, err := catalogue.Load(features.Files, features.RequirementsFile)
	require.NoError(t, err)
	run.Requirements = requirements.Blank(nil)
	result.Judge(run)
	require.Equal(t, result.Fail, run.Cases[0].Outcome)
	dir := t.TempDir()
	require.NoError(t, reports.Write(dir, run))
	var terminal strings.Builder
	require.NoError(t, reports.Summary(&terminal, run, reports.Terminal{}))
	texts := map[string]string{"the terminal": terminal.String()}
	for _, name := range []string{"index.html", "junit.xml", "summary.md", "messages.ndjson", "conformance.json"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		texts[name] = string(text)
	}
	for name, text := range texts {
		require.Contains(t, text, "bob subscribes to alice", "%s: the step", name)
		require.Regexp(t, `UDP to relay-1 23\.236\.115\.138:3478 from alice 10\.10\.0\.2:\d+ stopped by rule (\\*"|&#34;)default(\\*"|&#34;) \(\d+ packets\)`,
			text, "%s: the packet, and the rule", name)
	}
}
