package selection

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Config says what to select from, and what.
type Config struct {
	// Suite is the embedded suite, shown to users under Root ("features").
	Suite fs.FS
	Root  string
	// Requirements are the IDs of the catalogue, such as "CP-FLOW-01".
	Requirements []string
	// IsStep tells whether words are a step that the world knows; nil: nobody can tell.
	IsStep func(words string) bool

	// Paths are those of the command line: files, folders, and FILE:LINE for the scenario or the row there. None
	// means the whole suite.
	Paths []string
	// Tags is a tag expression; "" lets everything pass.
	Tags string
}

// Select lists the cases, path by path, file by file, in the order of their lines, none of them twice. Its
// error is the user's to mend: each line of it says what is wrong and where.
func Select(cfg Config) ([]Case, error) {
	r := reader{requirements: cfg.Requirements, isStep: cfg.IsStep}
	match, err := r.newFilter(cfg.Tags)
	if err != nil {
		return nil, err
	}
	paths := cfg.Paths
	src := source{suite: cfg.Suite, root: cfg.Root}
	if src.root == "" {
		src.root = "features"
	}

	var mistakes []error
	var cases []Case
	read := make(map[string]*feature)
	add := func(files []file, line int) {
		for _, file := range files {
			f, known := read[file.path]
			if !known {
				var err error
				if f, err = r.read(file); err != nil {
					mistakes = append(mistakes, err)
				}
				read[file.path] = f
			}
			if f == nil {
				continue
			}
			chosen := f.cases
			if line != 0 {
				if chosen = f.at(line); len(chosen) == 0 {
					mistakes = append(mistakes, f.nothingAt(line))
				}
			}
			cases = append(cases, chosen...)
		}
	}
	if len(paths) == 0 {
		files, err := src.embedded(src.root)
		if err != nil {
			return nil, err
		}
		add(files, 0)
	}
	for _, asked := range paths {
		files, line, err := src.find(asked)
		if err != nil {
			mistakes = append(mistakes, err)
			continue
		}
		add(files, line)
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	if cases, err = distinct(cases); err != nil {
		return nil, err
	}
	if len(cases) == 0 {
		return nil, errors.New("the suite has no scenario")
	}
	chosen := slices.DeleteFunc(slices.Clone(cases), func(c Case) bool { return !match.match.Evaluate(c.Tags) })
	if len(chosen) == 0 {
		return nil, match.none(cases)
	}
	return chosen, nil
}

// distinct drops a case that two paths selected.
func distinct(cases []Case) ([]Case, error) {
	var kept []Case
	at := make(map[string]Case)
	for _, c := range cases {
		before, found := at[c.ID]
		switch {
		case !found:
			at[c.ID] = c
			kept = append(kept, c)
		case before.Path != c.Path || before.Line != c.Line:
			return nil, fmt.Errorf("%s:%d: its ID %q is that of %s:%d too; rename one of them", c.Path, c.Line, c.ID, before.Path, before.Line)
		}
	}
	return kept, nil
}

// nothingAt says where the scenarios of a file are, when a line is in none.
func (f *feature) nothingAt(line int) error {
	var lines []string
	for _, b := range f.blocks {
		lines = append(lines, fmt.Sprint(b.scenario.Location.Line))
	}
	if len(lines) > 10 {
		lines = append(lines[:10], "...")
	}
	return fmt.Errorf("%s:%d: no scenario stands there; the file has them at %s", f.path, line, strings.Join(lines, ", "))
}
