package reports

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

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
	var lost losses
	m, err := readMutants(dir)
	if err != nil {
		m = nil
		if !errors.Is(err, fs.ErrNotExist) {
			lost.add("", fmt.Errorf("show the mutants in index.html: %w", err))
		}
	}
	lost.add("index.html", writeFile(filepath.Join(dir, "index.html"), func(w io.Writer) error { return HTML(w, run, m) }))
	for _, f := range writers {
		lost.add(f.name, writeFile(filepath.Join(dir, f.name), func(w io.Writer) error { return f.write(w, run) }))
	}
	return lost.in(dir)
}

// WriteMutants writes mutants.html and mutants.json of a judged mutation run into a folder. Where the folder has a
// run's report, its index.html is written anew and shows the matrix.
func WriteMutants(dir string, m *result.Mutation) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the report folder: %w", err)
	}
	var lost losses
	lost.add("mutants.html", writeFile(filepath.Join(dir, "mutants.html"), func(w io.Writer) error { return MutantsHTML(w, m) }))
	lost.add("mutants.json", writeFile(filepath.Join(dir, "mutants.json"), func(w io.Writer) error { return MutantsJSON(w, m) }))
	switch run, err := Read(dir); {
	case err == nil:
		lost.add("index.html", writeFile(filepath.Join(dir, "index.html"), func(w io.Writer) error { return HTML(w, run, m) }))
	case !errors.Is(err, fs.ErrNotExist):
		lost.add("", fmt.Errorf("show the mutants in index.html: %w", err))
	}
	return lost.in(dir)
}

// losses are the files that couldn't be written, by why. What a full disk has in common with seven files is one error.
type losses struct {
	causes []error
	names  [][]string // of each cause
	others []error
}

func (l *losses) add(name string, err error) {
	switch {
	case err == nil:
		return
	case name == "":
		l.others = append(l.others, err)
		return
	}
	var at *fs.PathError
	var moving *os.LinkError
	switch { // which name the file that is written first and moved then
	case errors.As(err, &at):
		err = at.Err
	case errors.As(err, &moving):
		err = moving.Err
	}
	for i, cause := range l.causes {
		if cause.Error() == err.Error() {
			l.names[i] = append(l.names[i], name)
			return
		}
	}
	l.causes, l.names = append(l.causes, err), append(l.names, []string{name})
}

// in is all of them as an error; nil if there are none.
func (l *losses) in(dir string) error {
	errs := l.others
	for i, cause := range l.causes {
		errs = append(errs, fmt.Errorf("write %s into %s: %w", listOf(l.names[i], len(l.names[i])), dir, cause))
	}
	return errors.Join(errs...)
}

// buffers are lent to one file after the other: the page of a case fits into one.
var buffers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 1<<16) }}

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
	buffered := buffers.Get().(*bufio.Writer)
	defer buffers.Put(buffered)
	buffered.Reset(file)
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
