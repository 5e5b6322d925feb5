package reports_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/reports"
)

// versions are three reports of the sample: in the second the leak is mended, in the third the first scenario isn't run
// and one isn't there.
func versions() []reports.Column {
	columns := make([]reports.Column, 3)
	for i, name := range []string{"3.2", "3.3", "3.4"} {
		run := sample()
		run.SDK.Version = name
		columns[i] = reports.Column{Name: name, Link: name + "/index.html", Run: run}
	}
	mended, last := columns[1].Run, columns[2].Run
	mended.Cases[1].Actual, mended.Cases[1].Failure = result.Pass, nil
	last.Limits = []result.Limit{{Name: "join", Value: "1m30s", Default: "60s"}}
	last.Cases[0].Actual = result.NotRun
	last.Cases = last.Cases[:len(last.Cases)-1]
	for _, c := range columns {
		result.Judge(c.Run)
	}
	return columns
}

func TestComparisonGolden(t *testing.T) {
	c := reports.Compare(versions(), false)
	require.False(t, c.Same())
	golden(t, "compare.txt", func(w io.Writer) error { return c.Text(w, false) })
	golden(t, "compare.html", c.HTML)
}

// TestWhatWasNotRunCanBeLeftOut compares two reports that differ in that alone.
func TestWhatWasNotRunCanBeLeftOut(t *testing.T) {
	columns := []reports.Column{{Name: "a", Run: sample()}, {Name: "b", Run: sample()}}
	columns[1].Run.Cases[0].Actual = result.NotRun
	result.Judge(columns[1].Run)
	require.False(t, reports.Compare(columns, false).Same())

	c := reports.Compare(columns, true)
	require.True(t, c.Same())
	var text bytes.Buffer
	require.NoError(t, c.Text(&text, false))
	require.Contains(t, text.String(), "left out, because one of them didn't run it: ")

	columns[1].Run.Cases[1].Actual = result.NotJudged
	result.Judge(columns[1].Run)
	require.False(t, reports.Compare(columns, true).Same(), "nothing else is left out")
}
