// Package catalogue reads the requirement catalogue: what must hold, grouped by theme, in the order in
// which people read it.
//
// To know what a suite proves, Load the catalogue of features.Files and look a requirement up by its
// ID, or range over Themes.
//
// The package owns the form of requirements.yaml and every rule about it: an unknown key, an ID that is
// malformed, repeated, out of order or in the wrong theme, an unknown level or subject and an empty text are
// errors that name their line. A Catalogue is therefore complete and never changes. The package never knows
// what a run found; Blank gives the requirements to whoever does.
package catalogue

import (
	"io/fs"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// Catalogue is every requirement there is.
type Catalogue struct {
	// Themes are in the order of the file.
	Themes []Theme

	byID map[string]Requirement
}

// Theme is a group of requirements that share a prefix and, most of the time, a subject.
type Theme struct {
	ID           string // "CP-FLOW"
	Title        string // "The four steps of a proxied call"
	Requirements []Requirement
}

// Requirement is one thing that must, or should, hold.
type Requirement struct {
	ID        string       // "CP-FLOW-01"
	Level     result.Level // result.Must or result.Should
	Subject   string       // what a failure says something about: one of Subjects
	Source    string       // where it is from: "W3, T1", "derived: the SDK's typings", "RFC 8656 §7.2"
	Statement string       // one sentence
	Observed  string       // what a scenario looks at
	// Tests are those of this project that prove it where no scenario can: "conformance/suite.TestNoPacketLeavesTheHost".
	Tests []string
	Line  int // of its ID in the file
}

// Load reads the catalogue in the named file.
func Load(files fs.FS, name string) (*Catalogue, error) {
	source, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	return parse(name, source)
}

// Lookup finds a requirement by its ID, "CP-FLOW-01".
func (c *Catalogue) Lookup(id string) (Requirement, bool) {
	r, ok := c.byID[id]
	return r, ok
}

// Requirements is all of them, in the order of the file.
func (c *Catalogue) Requirements() []Requirement {
	all := make([]Requirement, 0, len(c.byID))
	for _, t := range c.Themes {
		all = append(all, t.Requirements...)
	}
	return all
}

// Blank is the catalogue as a run begins with it, to be judged by result.Judge. scenarios says how many
// cases of the whole suite carry each requirement's tag.
func (c *Catalogue) Blank(scenarios map[string]int) []result.Requirement {
	var blank []result.Requirement
	for _, t := range c.Themes {
		for _, r := range t.Requirements {
			blank = append(blank, result.Requirement{
				ID: r.ID, Theme: t.Title, Level: r.Level, Subject: r.Subject, Source: r.Source,
				Statement: r.Statement, Observed: r.Observed, Scenarios: scenarios[r.ID], Tests: r.Tests,
			})
		}
	}
	return blank
}
