package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// page is what index.html shows, ready to be put into the template.
type page struct {
	Run        *result.Run
	Headline   string
	Who        string // was tested, when
	Reasons    []string
	Mood       result.Outcome // that has the verdict's colour
	Facts      []fact
	Bars       []bar
	Troubles   []trouble
	Untroubled string // what to say where there are none
	Others     []otherGroup
	Matrix     *matrix // nil: the folder has no mutation run
	Themes     []themeView
	Features   []featureView
	// Filters offer what occurs.
	RequirementFilters, CaseFilters []count
}

type fact struct{ Name, Value string }

// bar counts the requirements of one subject and level, or the scenarios.
type bar struct {
	Name  string
	Level result.Level
	Total int
	Words string
	Parts []count
}

// otherGroup is the cases of one outcome that is neither a pass nor a trouble.
type otherGroup struct {
	Outcome result.Outcome
	Words   string
	Cases   []*caseView
}

type themeView struct {
	ID, Title    string
	Words        string
	Parts        []count
	Requirements []requirementView
}

type requirementView struct {
	result.Requirement
	Cases []*caseView
	Words string // what its cases did: "3 passed, 1 failed"
}

type featureView struct {
	Name, Path string
	Open       bool
	Words      string
	Cases      []*caseView
}

// longFeatures is how many cases a page has before the features without trouble begin closed.
const longFeatures = 80

func pageOf(run *result.Run) (page, error) {
	p := page{
		Run: run, Headline: headline(run), Who: who(run), Reasons: reasons(run), Untroubled: untroubled(run),
		Mood: mood(run.Verdict), Facts: factsOf(run), Bars: barsOf(run),
		RequirementFilters: tallyOf(run).counts(), CaseFilters: tallyCases(run.Cases).counts(),
	}
	views := make(map[string]*caseView, len(run.Cases))
	opened := 0
	for _, f := range featuresOf(run.Cases) {
		v := featureView{Name: f.Name, Path: f.Path, Words: tallyCases(f.Cases).words(), Open: len(run.Cases) <= longFeatures}
		for _, c := range f.Cases {
			open := troubled(c.Outcome) && opened < openCases
			cv, err := caseViewOf(c, open)
			if err != nil {
				return page{}, fmt.Errorf("case %s: %w", c.ID, err)
			}
			if open {
				opened++
			}
			v.Open = v.Open || troubled(c.Outcome)
			v.Cases = append(v.Cases, cv)
			views[c.ID] = cv
		}
		p.Features = append(p.Features, v)
	}
	p.Themes = themesOf(run, views)
	p.Troubles = troublesOf(run, views)
	p.Others = othersOf(run, views)
	return p, nil
}

// mood is the outcome that looks like a verdict.
func mood(verdict string) result.Outcome {
	switch verdict {
	case result.Conformant:
		return result.Pass
	case result.NotConformant:
		return result.Fail
	case result.Partial:
		return result.NotJudged
	}
	return result.HarnessFault
}

// product is an SDK as its maker calls it, if we know.
func product(sdk result.SDK) string {
	return cmp.Or(strings.TrimSpace(sdk.Name+" "+sdk.Version), sdk.Selected)
}

// who was tested, on what, and when.
func who(run *result.Run) string {
	words := product(run.SDK)
	if run.SDK.Network != "" {
		words += " on the " + run.SDK.Network + " network"
	}
	return words + ", " + run.Started.UTC().Format("2 January 2006, 15:04 UTC")
}

func factsOf(run *result.Run) []fact {
	facts := []fact{
		{"SDK", product(run.SDK)},
		{"Selected as", "--sdk " + run.SDK.Selected},
		{"Network", run.SDK.Network},
		{"Program", run.SDK.Program},
		{"Seed", fmt.Sprint(run.Seed)},
		{"Limits", limitWords(run)},
		{"Started", run.Started.UTC().Format("2 January 2006, 15:04:05 UTC")},
		{"Took", span(run.Wall) + ", for " + span(run.Virtual) + " of timeline"},
		{"Tool", strings.TrimSpace(run.Tool.Name + " " + run.Tool.Version + ", " + run.Tool.GoVersion)},
	}
	return slices.DeleteFunc(facts, func(f fact) bool { return f.Value == "" })
}

const ground = "The ground: firewall, cloud proxy, relay, tool"

func barsOf(run *result.Run) []bar {
	var bars []bar
	for _, row := range []struct {
		name  string
		level result.Level
		pick  []which
	}{
		{"The SDK", result.Must, []which{isSDK, isMust}},
		{"The SDK", result.Should, []which{isSDK, isShould}},
		{ground, result.Must, []which{isGround, isMust}},
		{ground, result.Should, []which{isGround, isShould}},
	} {
		t := tallyOf(run, row.pick...)
		if t.total() == 0 {
			continue
		}
		bars = append(bars, bar{row.name, row.level, t.total(), t.words(), t.counts()})
	}
	t := tallyCases(run.Cases)
	return append(bars, bar{"Scenarios", "", t.total(), t.words(), t.counts()})
}

func themesOf(run *result.Run, views map[string]*caseView) []themeView {
	var themes []themeView
	for _, r := range run.Requirements {
		id := r.ID[:max(0, strings.LastIndex(r.ID, "-"))]
		if n := len(themes); n == 0 || themes[n-1].ID != id {
			themes = append(themes, themeView{ID: id, Title: r.Theme})
		}
		v := requirementView{Requirement: r}
		t := tally{}
		for _, id := range r.Cases {
			if c, ok := views[id]; ok {
				v.Cases = append(v.Cases, c)
				t[shown(c.Outcome)]++
			}
		}
		v.Words = t.words()
		last := &themes[len(themes)-1]
		last.Requirements = append(last.Requirements, v)
	}
	for i, theme := range themes {
		t := tally{}
		for _, r := range theme.Requirements {
			t[shown(r.Outcome)]++
		}
		themes[i].Words, themes[i].Parts = t.words(), t.counts()
	}
	return themes
}

func othersOf(run *result.Run, views map[string]*caseView) []otherGroup {
	var groups []otherGroup
	for _, o := range outcomes {
		if troubled(o) || o == result.Pass {
			continue
		}
		g := otherGroup{Outcome: o}
		for _, c := range run.Cases {
			if shown(c.Outcome) == o {
				g.Cases = append(g.Cases, views[c.ID])
			}
		}
		if len(g.Cases) > 0 {
			g.Words = tally{o: len(g.Cases)}.words()
			groups = append(groups, g)
		}
	}
	return groups
}
