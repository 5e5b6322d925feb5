package reports

import (
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/result"
)

var mutantsTemplate = template.Must(template.New("mutants.html").Funcs(pageFuncs).Funcs(template.FuncMap{
	"short":  short,
	"like":   outcomeLike,
	"by":     by,
	"grid":   func() template.CSS { return template.CSS(pageFile("mutants.css")) },
	"fateOf": fateMark,
}).ParseFS(pageFiles, "page/mutants.html"))

// MutantsHTML writes mutants.html: one page that needs no network and no other file.
func MutantsHTML(w io.Writer, m *result.Mutation) error {
	return mutantsTemplate.Execute(w, mutantsPageOf(m))
}

// mutantsPage is what mutants.html shows.
type mutantsPage struct {
	Run      *result.Mutation
	Headline string
	Mood     result.Outcome
	Bars     []fateBar
	Facts    []fact
	Escaped  []result.Mutant // in whatever way
	Idle     []result.KillingRule
	Rules    []result.KillingRule
	Columns  []ruleColumn
	Rows     []mutantRow
	Filters  []fateCount
}

// fateBar counts the mutants of a subject, or the rules, by how they came off.
type fateBar struct {
	Name  string
	Total int
	Words string
	Parts []count
}

type fateCount struct {
	Fate  result.Fate
	Count int
}

// ruleColumn is a rule of the matrix, where those aren't that nobody breaks and that owe nothing. First says that
// its theme begins there.
type ruleColumn struct {
	result.KillingRule
	First bool
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

var fateOrder = []result.Fate{result.Killed, result.Survived, result.Open, result.Unmet, result.Unproved}

func mutantsPageOf(m *result.Mutation) mutantsPage {
	p := mutantsPage{
		Run: m, Headline: mutantsHeadline(m), Mood: mutantsMood(m), Bars: fateBars(m),
		Facts: []fact{
			{"Mutants", fates(m)},
			{"Rules", killing(m)},
			{"Each met", map[bool]string{true: "the whole suite", false: "the scenarios that name a rule which it breaks"}[m.Whole]},
			{"Seed", fmt.Sprint(m.Seed)},
			{"Started", m.Started.UTC().Format("2 January 2006, 15:04:05 UTC")},
			{"Took", span(m.Wall) + ", for " + plural(m.Runs, "case", "cases")},
			{"Tool", strings.TrimSpace(m.Tool.Name + " " + m.Tool.Version + ", " + m.Tool.GoVersion)},
		},
		Idle: m.Idle(), Rules: m.Rules,
	}
	met := make(map[string]bool)
	for _, one := range m.Mutants {
		for _, b := range slices.Concat(one.Breaks, one.Besides) {
			met[b.Requirement] = true
		}
	}
	theme := ""
	for _, r := range m.Rules {
		if met[r.ID] || r.Owes() {
			p.Columns = append(p.Columns, ruleColumn{r, r.Theme != theme})
			theme = r.Theme
		}
	}
	for _, f := range fateOrder {
		some := m.Of(f)
		if len(some) > 0 {
			p.Filters = append(p.Filters, fateCount{f, len(some)})
		}
		if f != result.Killed {
			p.Escaped = append(p.Escaped, some...)
		}
	}
	for _, one := range m.Mutants {
		p.Rows = append(p.Rows, mutantRowOf(one, p.Columns))
	}
	return p
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

func fateBars(m *result.Mutation) []fateBar {
	var bars []fateBar
	var subjects []string
	for _, one := range m.Mutants {
		if !slices.Contains(subjects, one.Subject) {
			subjects = append(subjects, one.Subject)
		}
	}
	for _, subject := range subjects {
		bar := fateBar{Name: "Broken " + subject}
		var words []string
		for _, f := range fateOrder {
			n := 0
			for _, one := range m.Of(f) {
				if one.Subject == subject {
					n++
				}
			}
			if n > 0 {
				bar.Total += n
				bar.Parts = append(bar.Parts, count{outcomeLike(f), n})
				words = append(words, fmt.Sprintf("%d %s", n, f))
			}
		}
		bar.Words = strings.Join(words, ", ")
		bars = append(bars, bar)
	}
	return bars
}

// fateMark is a fate in one letter.
func fateMark(f result.Fate) string { return symbol(outcomeLike(f)) }
