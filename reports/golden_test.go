package reports_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/reports"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestGolden(t *testing.T) {
	plain := func(w io.Writer, run *result.Run) error {
		run.Cases[1].Evidence.Page = "evidence/" + run.Cases[1].ID + "/index.html"
		return reports.Summary(w, run, reports.Terminal{Dir: "proxyspec-report"})
	}
	colored := func(w io.Writer, run *result.Run) error {
		return reports.Summary(w, run, reports.Terminal{Color: true})
	}
	page := func(w io.Writer, run *result.Run) error { return reports.HTML(w, run, mutation()) }
	for _, tt := range []struct {
		file  string
		write func(io.Writer, *result.Run) error
	}{
		{"index.html", page},
		{"conformance.json", reports.JSON},
		{"junit.xml", reports.JUnit},
		{"messages.ndjson", reports.Messages},
		{"summary.md", reports.Markdown},
		{"badge.svg", reports.Badge},
		{"annotations.txt", reports.Annotations},
		{"summary.txt", plain},
		{"summary-color.txt", colored},
	} {
		t.Run(tt.file, func(t *testing.T) { golden(t, tt.file, func(w io.Writer) error { return tt.write(w, sample()) }) })
	}
}

// golden holds what is written against a file of testdata.
func golden(t *testing.T, file string, write func(io.Writer) error) {
	t.Helper()
	var have bytes.Buffer
	require.NoError(t, write(&have))
	name := filepath.Join("testdata", file)
	if *update {
		require.NoError(t, os.WriteFile(name, have.Bytes(), 0o644))
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, have.Bytes()),
		"%s differs from what is written now: look at the difference after `go test ./reports -update`", name)
}
