package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// matrix is who killed whom, a row a mutant and a column a rule, as a page shows it.
type matrix struct {
	Headline string
	Mood     result.Outcome
	Origin   string // when and by what the mutants were tested
	Page     string // where each mutant is told of: "" for this page
	Columns  []ruleColumn
	Rows     []mutantRow
}

// ruleColumn is a rule of the matrix, where those aren't that nobody breaks and that owe nothing. First says that
// its theme begins there.
type ruleColumn struct {
	result.KillingRule
	First bool
	Link  string
}

// mutantRow is a mutant of the matrix.
type mutantRow struct {
	result.Mutant
	Cells []mutantCell
}

type mutantCell struct {
	Fate  result.Fate // empty: it doesn't name the rule
	Stray bool        // the rule's scenarios failed all the same
	First bool
	Title string
}

func matrixOf(m *result.Mutation) *matrix {
	x := &matrix{Headline: mutantsHeadline(m), Mood: mutantsMood(m)}
	met := make(map[string]bool)
	for _, one := range m.Mutants {
		for _, b := range slices.Concat(one.Breaks, one.Besides) {
			met[b.Requirement] = true
		}
	}
	theme := ""
	for _, r := range m.Rules {
		if met[r.ID] || r.Owes() {
			x.Columns = append(x.Columns, ruleColumn{r, r.Theme != theme, "#rule-" + r.ID})
			theme = r.Theme
		}
	}
	for _, one := range m.Mutants {
		x.Rows = append(x.Rows, mutantRowOf(one, x.Columns))
	}
	return x
}

// matrixBeside is the matrix on the page of a run, which tells of the rules itself.
func matrixBeside(run *result.Run, m *result.Mutation) *matrix {
	x := matrixOf(m)
	x.Page = "mutants.html"
	by := strings.TrimSpace(m.Tool.Name + " " + m.Tool.Version)
	if m.Tool != run.Tool {
		by += ", which is not what this run was made with,"
	}
	x.Origin = fmt.Sprintf("Tested by %s on %s with seed %d.", by, m.Started.UTC().Format("2 January 2006"), m.Seed)
	catalogue := catalogueOf(run)
	for i := range x.Columns {
		c := &x.Columns[i]
		if _, known := catalogue[c.ID]; known {
			c.Link = "#req-" + c.ID
		} else {
			c.Link = x.Page + c.Link
		}
	}
	return x
}

func mutantRowOf(one result.Mutant, columns []ruleColumn) mutantRow {
	r := mutantRow{Mutant: one}
	broken := make(map[string]result.Broken)
	stray := make(map[string]bool)
	for _, b := range one.Breaks {
		broken[b.Requirement] = b
	}
	for _, b := range one.Besides {
		stray[b.Requirement] = true
	}
	for _, col := range columns {
		c := mutantCell{First: col.First, Stray: stray[col.ID]}
		if b, ok := broken[col.ID]; ok {
			c.Fate = b.Fate
			c.Title = short(one.SDK) + ", " + col.ID + ": " + string(b.Fate)
		}
		r.Cells = append(r.Cells, c)
	}
	return r
}
