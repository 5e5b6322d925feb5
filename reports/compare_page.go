package reports

import (
	"io"
	"strings"
	"unicode"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// HTML writes the comparison as one page that needs no network; it links to the pages of the reports.
func (c *Comparison) HTML(w io.Writer) error {
	headline := []rune(c.headline())
	headline[0] = unicode.ToUpper(headline[0])
	p := comparisonPage{
		Headline: string(headline), Mood: result.Pass, Columns: c.columns, Many: len(c.columns) > 2, Facts: c.facts,
	}
	if !c.Same() {
		p.Mood = result.NotJudged
	}
	if rest := c.rest(); rest != "" {
		p.Rest = strings.ToUpper(rest[:1]) + rest[1:] + "."
	}
	p.Tool = c.columns[0].Run.Tool
	for _, s := range c.sections {
		p.Sections = append(p.Sections, comparisonSection{comparedSection: s, Changes: s.changes()})
	}
	return pages.ExecuteTemplate(w, "compare.html", p)
}

// WriteComparison writes the page into a file, whole or not at all.
func WriteComparison(name string, c *Comparison) error { return writeFile(name, c.HTML) }

// comparisonPage is what the page shows.
type comparisonPage struct {
	Headline, Rest string
	Mood           result.Outcome
	Tool           result.Tool
	Columns        []Column
	Many           bool // so that it matters in which of them something changed first
	Facts          []comparedFact
	Sections       []comparisonSection
}

type comparisonSection struct {
	comparedSection
	Changes int
}
