package reports

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// writers are the files of a report folder.
var writers = []struct {
	name  string
	write func(io.Writer, *result.Run) error
}{
	{"index.html", HTML},
	{"conformance.json", JSON},
	{"junit.xml", JUnit},
	{"messages.ndjson", Messages},
	{"cucumber.html", CucumberHTML},
	{"summary.md", Markdown},
	{"badge.svg", Badge},
}

// Write writes every report of a judged run into a folder, which it makes if need be. Each file appears
// whole or not at all, and replaces an earlier one. A file that can't be written doesn't keep the others
// from it; the error names all that failed.
func Write(dir string, run *result.Run) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the report folder: %w", err)
	}
	var errs []error
	for _, f := range writers {
		if err := writeFile(filepath.Join(dir, f.name), func(w io.Writer) error { return f.write(w, run) }); err != nil {
			errs = append(errs, fmt.Errorf("write report %s: %w", filepath.Join(dir, f.name), err))
		}
	}
	return errors.Join(errs...)
}

// writeFile writes beside the file and then moves: a reader never sees half a report.
func writeFile(name string, write func(io.Writer) error) (err error) {
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			file.Close()
			os.Remove(file.Name())
		}
	}()
	if err := file.Chmod(0o644); err != nil { // CreateTemp's 0600 would keep it from CI's web server
		return err
	}
	buffered := bufio.NewWriter(file)
	if err := write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}
