package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// Compare writes runs side by side, a column each: the requirements and the scenarios on which they differ, or all of
// them. It tells whether they are the same.
func Compare(w io.Writer, names []string, runs []*result.Run, all bool) (same bool, err error) {
	t := comparison{columns: len(runs), all: all, same: true}
	t.row("", names)
	cells := make([]string, len(runs))
	for _, fact := range []struct {
		name string
		of   func(*result.Run) string
	}{
		{"SDK", func(r *result.Run) string { return oneLine(r.SDK.Name + " " + r.SDK.Version) }},
		{"verdict", func(r *result.Run) string { return r.Verdict }},
		{"MUST passed", func(r *result.Run) string { return passed(tallyOf(r, isMust)) }},
		{"SHOULD passed", func(r *result.Run) string { return passed(tallyOf(r, isShould)) }},
		{"scenarios", func(r *result.Run) string { return passed(tallyCases(r.Cases)) }},
		{"seed", func(r *result.Run) string { return fmt.Sprint(r.Seed) }},
	} {
		for i, r := range runs {
			cells[i] = fact.of(r)
		}
		t.row(fact.name, cells)
	}
	t.section("requirements", func(r *result.Run) (ids []string, outcomes map[string]result.Outcome) {
		outcomes = make(map[string]result.Outcome)
		for _, one := range r.Requirements {
			ids = append(ids, one.ID)
			outcomes[one.ID] = one.Outcome
		}
		return ids, outcomes
	}, runs)
	t.section("scenarios", func(r *result.Run) (ids []string, outcomes map[string]result.Outcome) {
		outcomes = make(map[string]result.Outcome)
		for _, one := range r.Cases {
			ids = append(ids, one.ID)
			outcomes[one.ID] = one.Outcome
		}
		return ids, outcomes
	}, runs)
	_, err = io.WriteString(w, t.text())
	return t.same, err
}

func passed(t tally) string {
	return fmt.Sprintf("%d of %d", t.of(result.Pass, result.UnexpectedPass), t.total())
}

// comparison is a table under construction.
type comparison struct {
	columns   int
	all, same bool
	rows      [][]string
}

func (t *comparison) row(name string, cells []string) {
	t.rows = append(t.rows, append([]string{name}, cells...))
}

// section adds what the runs say of each thing that one of them knows.
func (t *comparison) section(title string, of func(*result.Run) ([]string, map[string]result.Outcome), runs []*result.Run) {
	var order []string
	seen := make(map[string]bool)
	said := make([]map[string]result.Outcome, len(runs))
	for i, r := range runs {
		var ids []string
		ids, said[i] = of(r)
		for _, id := range ids {
			if !seen[id] {
				seen[id] = true
				order = append(order, id)
			}
		}
	}
	begun := false
	for _, id := range order {
		cells := make([]string, len(runs))
		differ := false
		for i := range runs {
			cells[i] = "not there"
			if o, ok := said[i][id]; ok {
				cells[i] = string(shown(o))
			}
			differ = differ || cells[i] != cells[0]
		}
		t.same = t.same && !differ
		if !differ && !t.all {
			continue
		}
		if !begun {
			begun = true
			t.rows = append(t.rows, nil, []string{title})
		}
		t.row(oneLine(id), cells)
	}
}

func (t *comparison) text() string {
	widths := make([]int, t.columns+1)
	for _, r := range t.rows {
		if len(r) < 2 {
			continue
		}
		for i, cell := range r {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for _, r := range t.rows {
		line := ""
		for i, cell := range r {
			line += cell + strings.Repeat(" ", max(0, widths[i]-len([]rune(cell)))+2)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	if t.same {
		b.WriteString("\nno requirement and no scenario differs\n")
	}
	return b.String()
}
