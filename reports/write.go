package reports

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// writers are the files of a report folder, but for index.html, which shows what else the folder has.
var writers = []struct {
	name  string
	write func(io.Writer, *result.Run) error
}{
	{"conformance.json", JSON},
	{"junit.xml", JUnit},
	{"messages.ndjson", Messages},
	{"cucumber.html", CucumberHTML},
	{"summary.md", Markdown},
	{"badge.svg", Badge},
}

// Write writes every report of a judged run into a folder, which it makes if need be. Where the folder has a mutation
// run, index.html shows its matrix. Each file appears whole or not at all, and replaces an earlier one. A file that
// can't be written doesn't keep the others from it; the error names all that failed.
func Write(dir string, run *result.Run) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the report folder: %w", err)
	}
	var errs []error
	m, err := readMutants(dir)
	if err != nil {
		m = nil
		if !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("show the mutants in index.html: %w", err))
		}
	}
	errs = append(errs, writeReport(dir, "index.html", func(w io.Writer) error { return HTML(w, run, m) }))
	for _, f := range writers {
		errs = append(errs, writeReport(dir, f.name, func(w io.Writer) error { return f.write(w, run) }))
	}
	return errors.Join(errs...)
}

// WriteMutants writes mutants.html and mutants.json of a judged mutation run into a folder. Where the folder has a
// run's report, its index.html is written anew and shows the matrix.
func WriteMutants(dir string, m *result.Mutation) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the report folder: %w", err)
	}
	errs := []error{
		writeReport(dir, "mutants.html", func(w io.Writer) error { return MutantsHTML(w, m) }),
		writeReport(dir, "mutants.json", func(w io.Writer) error { return MutantsJSON(w, m) }),
	}
	switch run, err := Read(dir); {
	case err == nil:
		errs = append(errs, writeReport(dir, "index.html", func(w io.Writer) error { return HTML(w, run, m) }))
	case !errors.Is(err, fs.ErrNotExist):
		errs = append(errs, fmt.Errorf("show the mutants in index.html: %w", err))
	}
	return errors.Join(errs...)
}

func writeReport(dir, name string, write func(io.Writer) error) error {
	name = filepath.Join(dir, name)
	if err := writeFile(name, write); err != nil {
		return fmt.Errorf("write report %s: %w", name, err)
	}
	return nil
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
