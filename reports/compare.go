package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// Column is one of the reports that are compared.
type Column struct {
	Name string // "sdk-3.4", "browser:my-sdk.js"
	Link string // to its page, from that of the comparison; empty: there is none
	Run  *result.Run
}

// Comparison is reports side by side, a column each: versions of an SDK, say, from the oldest on.
type Comparison struct {
	columns  []Column
	facts    []comparedFact
	sections []comparedSection
}

type comparedFact struct {
	Name  string
	Cells []string
}

type comparedSection struct {
	Title   string
	Rows    []comparedRow
	LeftOut int // rows that one of the reports didn't run
}

// comparedRow is a requirement or a scenario.
type comparedRow struct {
	ID, Words string
	Level     result.Level // of a requirement
	Cells     []comparedCell
	// Changed is the name of the first column that differs from the one before it; empty: all are the same.
	Changed string
}

// comparedCell is what a report says of a row. A report of another suite may not know it.
type comparedCell struct {
	Outcome result.Outcome
	Unknown bool
}

func (c comparedCell) String() string {
	if c.Unknown {
		return "not there"
	}
	return string(shown(c.Outcome))
}

// Compare compares reports. With onlyRun it leaves out what one of them didn't run: in real time nobody waits for hours.
func Compare(columns []Column, onlyRun bool) *Comparison {
	c := &Comparison{columns: columns}
	for _, fact := range []struct {
		name string
		of   func(*result.Run) string
	}{
		{"SDK", func(r *result.Run) string { return oneLine(r.SDK.Name + " " + r.SDK.Version) }},
		{"network", func(r *result.Run) string { return r.SDK.Network }},
		{"verdict", func(r *result.Run) string { return r.Verdict }},
		{"MUST passed", func(r *result.Run) string { return passed(tallyOf(r, isMust)) }},
		{"SHOULD passed", func(r *result.Run) string { return passed(tallyOf(r, isShould)) }},
		{"scenarios", func(r *result.Run) string { return passed(tallyCases(r.Cases)) }},
		{"seed", func(r *result.Run) string { return fmt.Sprint(r.Seed) }},
		{"limits", limitWords},
	} {
		row := comparedFact{Name: fact.name}
		for _, col := range columns {
			row.Cells = append(row.Cells, fact.of(col.Run))
		}
		c.facts = append(c.facts, row)
	}
	c.section("requirements", onlyRun, func(r *result.Run, each func(comparedRow, result.Outcome)) {
		for _, one := range r.Requirements {
			each(comparedRow{ID: one.ID, Words: one.Statement, Level: one.Level}, one.Outcome)
		}
	})
	c.section("scenarios", onlyRun, func(r *result.Run, each func(comparedRow, result.Outcome)) {
		for _, one := range r.Cases {
			each(comparedRow{ID: one.ID, Words: one.Name}, one.Outcome)
		}
	})
	return c
}

func passed(t tally) string {
	return fmt.Sprintf("%d of %d", t.of(result.Pass, result.UnexpectedPass), t.total())
}

// section adds what the reports say of each thing that one of them knows.
func (c *Comparison) section(title string, onlyRun bool, all func(*result.Run, func(comparedRow, result.Outcome))) {
	s := comparedSection{Title: title}
	place := make(map[string]int)
	for i, col := range c.columns {
		all(col.Run, func(row comparedRow, o result.Outcome) {
			at, known := place[row.ID]
			if !known {
				at = len(s.Rows)
				place[row.ID] = at
				for range c.columns {
					row.Cells = append(row.Cells, comparedCell{Unknown: true})
				}
				s.Rows = append(s.Rows, row)
			}
			s.Rows[at].Cells[i] = comparedCell{Outcome: o}
		})
	}
	kept := s.Rows[:0]
	for _, row := range s.Rows {
		if onlyRun && row.notRun() {
			s.LeftOut++
			continue
		}
		for i := 1; i < len(row.Cells) && row.Changed == ""; i++ {
			if row.Cells[i].String() != row.Cells[i-1].String() {
				row.Changed = c.columns[i].Name
			}
		}
		kept = append(kept, row)
	}
	s.Rows = kept
	c.sections = append(c.sections, s)
}

func (r comparedRow) notRun() bool {
	for _, cell := range r.Cells {
		if cell.Outcome == result.NotRun {
			return true
		}
	}
	return false
}

// changes counts the rows that aren't the same everywhere.
func (s comparedSection) changes() (n int) {
	for _, row := range s.Rows {
		if row.Changed != "" {
			n++
		}
	}
	return n
}

// Same tells whether no requirement and no scenario differs.
func (c *Comparison) Same() bool {
	for _, s := range c.sections {
		if s.changes() > 0 {
			return false
		}
	}
	return true
}

// headline is the comparison in a sentence.
func (c *Comparison) headline() string {
	if c.Same() {
		return "no requirement and no scenario differs"
	}
	return fmt.Sprintf("%s and %s",
		plural(c.sections[0].changes(), "requirement", "requirements"),
		plural(c.sections[1].changes(), "scenario differ", "scenarios differ"))
}

// rest says what was left out.
func (c *Comparison) rest() string {
	requirements, scenarios := c.sections[0].LeftOut, c.sections[1].LeftOut
	if requirements+scenarios == 0 {
		return ""
	}
	return fmt.Sprintf("left out, because one of them didn't run it: %s, %s",
		plural(requirements, "requirement", "requirements"), plural(scenarios, "scenario", "scenarios"))
}

// widestFact is how much of a fact a terminal shows: an SDK may be called by a whole sentence.
const widestFact = 40

// Text writes the comparison for a terminal: what differs, or all of it. Of more than two reports it names the first in
// which each row changed.
func (c *Comparison) Text(w io.Writer, all bool) error {
	many := len(c.columns) > 2
	heads := []string{""}
	for _, col := range c.columns {
		heads = append(heads, col.Name)
	}
	if many {
		heads = append(heads, "first changed in")
	}
	rows := [][]string{heads}
	for _, f := range c.facts {
		row := []string{f.Name}
		for _, cell := range f.Cells {
			row = append(row, clip(cell, widestFact))
		}
		rows = append(rows, row)
	}
	for _, s := range c.sections {
		if s.changes() == 0 && !all {
			continue
		}
		rows = append(rows, nil, []string{s.Title})
		for _, r := range s.Rows {
			if r.Changed == "" && !all {
				continue
			}
			row := []string{oneLine(r.ID)}
			for _, cell := range r.Cells {
				row = append(row, cell.String())
			}
			if many {
				row = append(row, r.Changed)
			}
			rows = append(rows, row)
		}
	}
	text := aligned(rows) + "\n" + c.headline() + "\n"
	if rest := c.rest(); rest != "" {
		text += rest + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

// aligned is rows as lines, with their cells below each other. A row of one cell is a title.
func aligned(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, r := range rows {
		if len(r) < 2 {
			continue
		}
		for i, cell := range r {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		line := ""
		for i, cell := range r {
			line += cell + strings.Repeat(" ", max(0, widths[i]-len([]rune(cell)))+2)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}
