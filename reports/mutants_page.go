package reports

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// MutantsHTML writes mutants.html: one page that needs no network and no other file.
func MutantsHTML(w io.Writer, m *result.Mutation) error {
	return pages.ExecuteTemplate(w, "mutants.html", mutantsPageOf(m))
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
	Unshown  []string
	Tested   bool
	Matrix   *matrix
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
		Idle: m.Idle(), Unshown: m.Unshown(), Rules: m.Rules, Tested: m.Tested(), Matrix: matrixOf(m),
	}
	if p.Tested {
		p.Facts = slices.Insert(p.Facts, 2, fact{"Checks", failing(m)})
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
	return p
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
