package expectation_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/expectation"
	"github.com/proxyspec/proxyspec/conformance/result"
)

// entry is a file with one entry for a requirement, of these versions, that holds until the 31st of January 2027.
func entry(t *testing.T, what, versions string) *expectation.File {
	t.Helper()
	text := "expect:\n  - " + what + "\n    sdk: our SDK\n"
	if versions != "" {
		text += "    versions: \"" + versions + "\"\n"
	}
	file, err := expectation.Parse("known.yaml", []byte(text+"    reason: it gives up\n    issue: https://tracker.example/1\n    expires: 2027-01-31\n"))
	require.NoError(t, err)
	return file
}

func day(t *testing.T, text string) time.Time {
	t.Helper()
	d, err := time.Parse(time.DateOnly, text)
	require.NoError(t, err)
	return d
}

// TestWhoIsMeant: the name of the SDK or how it was selected, and of its versions those in the range; a version that
// can't be read is in none.
func TestWhoIsMeant(t *testing.T) {
	for _, c := range []struct {
		versions, name, version string
		meant                   bool
	}{
		{"", "our SDK", "2.5.1", true},
		{"", "our SDK", "", true},
		{"", "their SDK", "2.5.1", false},
		{">=2.5.1 <3.4.0", "our SDK", "2.5.1", true},
		{">=2.5.1 <3.4.0", "our SDK", "3.3.9", true},
		{">=2.5.1 <3.4.0", "our SDK", "3.4.0", false},
		{">=2.5.1 <3.4.0", "our SDK", "2.5.0", false},
		{">=2.5.1", "our SDK", "", false},
		{">=2.5.1", "our SDK", "the newest", false},
	} {
		entries, _ := entry(t, "requirement: CP-RES-05", c.versions).For(result.SDK{Name: c.name, Version: c.version})
		require.Equal(t, c.meant, len(entries) == 1, "%+v", c)
	}
	entries, _ := entry(t, "requirement: CP-RES-05", "").For(result.SDK{Selected: "our SDK", Name: "another name"})
	require.Len(t, entries, 1, "as it was selected")
}

// TestNotOurFile has files from which nothing would be read, and which mustn't pass for empty ones.
func TestNotOurFile(t *testing.T) {
	const want = "the file must be a map with the sections expect and profiles"
	for text, want := range map[string]string{
		"- requirement: CP-RES-05\n":     "known.yaml:1: " + want,
		"\n\n- requirement: CP-RES-05\n": "known.yaml:3: " + want,
		"known failures\n":               "known.yaml:1: " + want,
		"expect: []\n---\nexpect: []\n":  "known.yaml: the file has 2 YAML documents; one is read",

		"expect:\n  - known\n  -\n":                   "known.yaml:2: it must be a map, with sdk and what is said of it\nknown.yaml:3: it must be a map, with sdk and what is said of it",
		"expect:\n  - requirement: [CP-RES-05]\n":     "known.yaml:2: requirement must be one text",
		"profiles:\n  - sdk: a\n    claims: CP-RES\n": "known.yaml:2: claims must be a list of themes or requirements, such as [CP-FLOW, CP-API-12]",
	} {
		_, err := expectation.Parse("known.yaml", []byte(text))
		require.EqualError(t, err, want, text)
	}
	for _, text := range []string{"", "# nothing fails\n", "{}\n", "~\n", "---\nexpect: []\n", "expect:\nprofiles: # none\n", "\ufeffexpect: []\n"} {
		_, err := expectation.Parse("known.yaml", []byte(text))
		require.NoError(t, err, text)
	}
}

// TestExitCodes holds what a file of one entry makes of a run of one case: 4 whenever the entry is no longer true.
func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		name, what, today string
		ended             result.Outcome
		version           string
		want              result.Outcome
		stale             string
		code              int
	}{
		{"it fails as expected", "requirement: CP-RES-05", "2027-01-31", result.Fail, "2.5.1", result.KnownFailure, "", result.ExitPassed},
		{"so does a scenario", "scenario: resilience/one", "2027-01-31", result.Fail, "2.5.1", result.KnownFailure, "", result.ExitPassed},
		{"it passes", "requirement: CP-RES-05", "2027-01-31", result.Pass, "2.5.1", result.UnexpectedPass, "", result.ExitStale},
		{"it expired yesterday", "requirement: CP-RES-05", "2027-02-01", result.Fail, "2.5.1", result.KnownFailure,
			"line 2, CP-RES-05: expired on 2027-01-31: https://tracker.example/1", result.ExitStale},
		{"no scenario proves it", "requirement: CP-RES-99", "2027-01-31", result.Pass, "2.5.1", result.Pass,
			"line 2, CP-RES-99: no scenario proves such a requirement", result.ExitStale},
		{"there is no such scenario", "scenario: resilience/onee", "2027-01-31", result.Pass, "2.5.1", result.Pass,
			"line 2, resilience/onee: there is no such scenario; did you mean \"resilience/one\"?", result.ExitStale},
		{"there is no such scenario in this own file", "scenario: own/ours/onee", "2027-01-31", result.Pass, "2.5.1", result.Pass,
			"line 2, own/ours/onee: there is no such scenario; did you mean \"own/ours/one\"?", result.ExitStale},
		{"another own file isn't part of this run", "scenario: own/theirs/one", "2027-01-31", result.Pass, "2.5.1", result.Pass, "", result.ExitPassed},
		{"it is about other versions", "requirement: CP-RES-05", "2027-01-31", result.Fail, "3.4.0", result.Fail, "", result.ExitFailed},
		{"a harness fault is nobody's expectation", "requirement: CP-RES-05", "2027-01-31", result.HarnessFault, "2.5.1", result.HarnessFault, "", result.ExitFault},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := &result.Run{
				SDK:          result.SDK{Name: "our SDK", Version: c.version},
				Requirements: []result.Requirement{{ID: "CP-RES-05", Level: result.Must, Subject: result.SubjectSDK, Scenarios: 1}},
				Cases:        []result.Case{{ID: "resilience/one", Requirements: []string{"CP-RES-05"}, Outcome: c.ended}},
			}
			run.Expectations, run.Profile = entry(t, c.what, "<3.4.0").For(run.SDK)
			run.Stale = expectation.Stale(run.Expectations, run.Profile, day(t, c.today), []string{"resilience/one", "own/ours/one"}, map[string]int{"CP-RES-05": 1})
			result.Judge(run)
			require.Equal(t, c.want, run.Cases[0].Outcome)
			if c.stale == "" {
				require.Empty(t, run.Stale)
			} else {
				require.Equal(t, []string{c.stale}, run.Stale)
			}
			require.Equal(t, c.code, result.ExitCode(run))
		})
	}
}
