package reports

import (
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// casePage is what the page of one case shows.
type casePage struct {
	Case         result.Case
	View         *caseView
	Requirements []result.Requirement
	SDK          string
	Seed         uint64
	Root         string        // from here to the report's folder: "../../"
	StandIns     []result.Host // that have some
	Decides      int           // the number of the event that decided; 0: none did
}

// Page writes the page of one case. It lies beside the case's timeline.js, which it shows, and needs nothing else.
func Page(w io.Writer, run *result.Run, c result.Case) error {
	view, err := caseViewOf(c, true)
	if err != nil {
		return err
	}
	p := casePage{
		Case: c, View: view, SDK: product(run.SDK), Seed: run.Seed,
		Root: strings.Repeat("../", strings.Count(PageOf(c.ID), "/")),
	}
	for _, id := range c.Requirements {
		i := slices.IndexFunc(run.Requirements, func(r result.Requirement) bool { return r.ID == id })
		if i >= 0 {
			p.Requirements = append(p.Requirements, run.Requirements[i])
		}
	}
	for _, h := range c.Hosts {
		if len(h.StandIns) > 0 {
			p.StandIns = append(p.StandIns, h)
		}
	}
	if c.Failure != nil {
		p.Decides = c.Failure.Deciding()
	}
	return pages.ExecuteTemplate(w, "case.html", p)
}

// PageOf is the name of a case's page, relative to the report folder.
func PageOf(id string) string { return path.Join("evidence", id, "index.html") }

// WritePage writes the page of a case into a report's folder and names it in the case, which then needs its ladder
// for this page no more, if it passed.
func WritePage(dir string, run *result.Run, c *result.Case) error {
	if c.Evidence.Timeline == "" {
		return nil // there is no folder of its evidence
	}
	name := PageOf(c.ID)
	err := writeFile(filepath.Join(dir, filepath.FromSlash(name)), func(w io.Writer) error { return Page(w, run, *c) })
	if err == nil {
		c.Evidence.Page = name
		if shown(c.Outcome) == result.Pass {
			c.Ladder = nil
		}
	}
	return err
}
