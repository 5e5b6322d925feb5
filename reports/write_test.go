package reports_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/reports"
)

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

var everyReport = []string{
	"badge.svg", "conformance.json", "cucumber.html", "index.html", "junit.xml", "messages.ndjson", "summary.md",
}

func TestWriteMakesTheFolderAndEveryReport(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	require.NoError(t, reports.Write(dir, sample()))
	require.NoError(t, reports.Write(dir, sample())) // over what is there
	require.Equal(t, everyReport, names(t, dir))
	stat, err := os.Stat(filepath.Join(dir, "index.html"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o644), stat.Mode().Perm())
}

func TestWriteNamesWhatFailedAndWritesTheRest(t *testing.T) {
	dir := t.TempDir()
	blocked := filepath.Join(dir, "junit.xml")
	require.NoError(t, os.MkdirAll(filepath.Join(blocked, "in the way"), 0o755))
	err := reports.Write(dir, sample())
	require.EqualError(t, err, "write junit.xml into "+dir+": file exists")
	require.Equal(t, everyReport, names(t, dir), "and no half-written file")
}

func TestWriteSaysOnceWhatManyFilesHaveInCommon(t *testing.T) {
	dir := t.TempDir()
	for _, name := range everyReport {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, name, "in the way"), 0o755))
	}
	require.EqualError(t, reports.Write(dir, sample()),
		"write index.html, conformance.json, junit.xml, messages.ndjson, cucumber.html, summary.md and badge.svg into "+dir+": file exists")
}

func TestWriteIntoAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	require.ErrorContains(t, reports.Write(file, sample()), "make the report folder: ")
}

func TestJSONRoundTrip(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, reports.JSON(&b, sample()))
	var back result.Run
	require.NoError(t, json.Unmarshal(b.Bytes(), &back))
	var again bytes.Buffer
	require.NoError(t, reports.JSON(&again, &back))
	require.Equal(t, b.String(), again.String())
	require.Equal(t, sample().Verdict, back.Verdict)
	require.Equal(t, sample().Cases[1].Failure, back.Cases[1].Failure)
}

func TestJSONIsForReaders(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, reports.JSON(&b, sample()))
	require.Contains(t, b.String(), "<with & without loss>", "nothing is escaped for HTML")
	b.Reset()
	require.NoError(t, reports.JSON(&b, &result.Run{Requirements: []result.Requirement{{}}, Cases: []result.Case{{}}}))
	require.NotContains(t, b.String(), "null")
}

func TestWritersLeaveTheRunAlone(t *testing.T) {
	run := sample()
	require.NoError(t, reports.Write(t.TempDir(), run))
	require.Equal(t, sample(), run)
}

func TestSummaryIsPlainUnlessAskedForColor(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, reports.Summary(&b, sample(), reports.Terminal{}))
	require.NotContains(t, b.String(), "\x1b")
	require.NotContains(t, b.String(), "index.html", "no folder was named")
}

func TestSummaryKeepsAnSDKsWordsFromSteeringTheTerminal(t *testing.T) {
	run := judged([]result.Case{{
		ID: "a", Name: "a\x1b[2J", Outcome: result.Fail,
		Failure: &result.Failure{Message: "\x1b]0;title\x07\rgone", Actual: "one\ntwo"},
	}, {
		ID: "b", Name: "b", Outcome: result.NotRun, Failure: &result.Failure{Message: "\x1b[31mred\nand more"},
	}})
	var b bytes.Buffer
	require.NoError(t, reports.Summary(&b, run, reports.Terminal{}))
	require.NotContains(t, b.String(), "\x1b")
	require.NotContains(t, b.String(), "\r")
	require.Contains(t, b.String(), "actual    one\n            two\n")
	require.Contains(t, b.String(), "red and more\n")
}

func TestSummaryCutsALongFact(t *testing.T) {
	run := judged([]result.Case{{
		ID: "a", Name: "a", Outcome: result.HarnessFault,
		Failure: &result.Failure{Message: "no progress", Actual: strings.Repeat("goroutine\n", 500)},
	}})
	var b bytes.Buffer
	require.NoError(t, reports.Summary(&b, run, reports.Terminal{}))
	require.Equal(t, 6, strings.Count(b.String(), "goroutine"))
	require.Contains(t, b.String(), "            and 494 lines more, in the report\n")
}

func TestSummaryOfManyFailuresSaysHowManyMore(t *testing.T) {
	cases := slices.Repeat(sample().Cases[1:2], 500)
	var b bytes.Buffer
	require.NoError(t, reports.Summary(&b, judged(cases), reports.Terminal{}))
	require.Contains(t, b.String(), "and 480 cases more like these: 480 failed")
	require.Less(t, strings.Count(b.String(), "\n"), 320)
}

// TestPageShowsTheMatrixOfItsFolder writes a run and mutants into one folder, in both orders: the pages are the same.
func TestPageShowsTheMatrixOfItsFolder(t *testing.T) {
	page := func(dir string) string {
		text, err := os.ReadFile(filepath.Join(dir, "index.html"))
		require.NoError(t, err)
		return string(text)
	}
	first, last := t.TempDir(), t.TempDir()
	require.NoError(t, reports.WriteMutants(first, mutation()))
	require.NoFileExists(t, filepath.Join(first, "index.html"), "of no run")
	require.NoError(t, reports.Write(first, many(3)))
	require.NoError(t, reports.Write(last, many(3)))
	require.False(t, strings.Contains(page(last), `id="mutants"`))
	require.NoError(t, reports.WriteMutants(last, mutation()))
	require.Equal(t, page(first), page(last))

	for _, want := range []string{
		`title="direct-media, CP-FLOW-04: killed"`, `href="mutants.html#mutant-harmless"`, `href="#req-CP-FLOW-04"`,
	} {
		require.True(t, strings.Contains(page(last), want), want)
	}
}

func TestPageSaysThatAnotherBuildTestedTheMutants(t *testing.T) {
	run := sample()
	run.Tool.Version = "v0.2.0"
	run.Requirements = slices.DeleteFunc(run.Requirements, func(r result.Requirement) bool { return r.ID == "CP-PROV-02" })
	var b bytes.Buffer
	require.NoError(t, reports.HTML(&b, run, mutation()))
	for _, want := range []string{
		"proxyspec v0.1.0, which is not what this run was made with, on 23 November 2026 with seed 1.",
		`href="mutants.html#rule-CP-PROV-02"`,
	} {
		require.True(t, strings.Contains(b.String(), want), want)
	}
}

func TestAFolderWithSomethingElseInItsPlace(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mutants.json"), []byte(`{"schema": "another"}`), 0o644))
	err := reports.Write(dir, sample())
	require.ErrorContains(t, err, `show the mutants in index.html: `+dir+`/mutants.json has the schema "another"; this program reads "proxyspec.mutants/v1"`)
	require.FileExists(t, filepath.Join(dir, "index.html"), "it is written without the matrix")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "conformance.json"), []byte("[]"), 0o644))
	require.ErrorContains(t, reports.WriteMutants(dir, mutation()), "conformance.json is no report: ")
	require.FileExists(t, filepath.Join(dir, "mutants.html"))
}

// TestSummaryNamesWhatIsProvedElsewhere: nobody should look for the scenario of a MUST that didn't pass.
func TestSummaryNamesWhatIsProvedElsewhere(t *testing.T) {
	run := sample()
	i := slices.IndexFunc(run.Requirements, func(r result.Requirement) bool { return r.Level == result.Must })
	run.Requirements[i].Outcome = result.Elsewhere
	var b strings.Builder
	require.NoError(t, reports.Summary(&b, run, reports.Terminal{}))
	require.Regexp(t, `MUST .* passed, 1 proved elsewhere\n`, b.String())
}
