package reports

import (
	"cmp"
	"slices"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// trouble is a requirement that needs somebody, with its cases that say why; or such a case without a
// requirement, which is most likely a user's own.
type trouble struct {
	Requirement *result.Requirement
	Outcome     result.Outcome // of First
	First       *caseView
	More        []*caseView
	Anchor      string
}

// firstTroubles is how many troubles the first screen names.
const firstTroubles = 8

// FirstTroubles are those that the first screen names.
func (p page) FirstTroubles() []trouble { return p.Troubles[:min(len(p.Troubles), firstTroubles)] }

// RestOfTroubles is how many they leave out.
func (p page) RestOfTroubles() int { return max(0, len(p.Troubles)-firstTroubles) }

// troublesOf is what needs somebody: the gravest outcome first, of one outcome each MUST before each SHOULD,
// then the user's own scenarios and any other case that stands for no requirement.
func troublesOf(run *result.Run, views map[string]*caseView) []trouble {
	var found []trouble
	told := make(map[string]bool)
	for i := range run.Requirements {
		t := trouble{Requirement: &run.Requirements[i]}
		for _, id := range t.Requirement.Cases {
			if c, ok := views[id]; ok && troubled(c.Outcome) {
				t.add(c)
				told[id] = true
			}
		}
		if t.First != nil {
			t.Anchor = "trouble-" + t.Requirement.ID
			found = append(found, t)
		}
	}
	slices.SortStableFunc(found, func(a, b trouble) int {
		return cmp.Or(
			cmp.Compare(rank(a.Outcome), rank(b.Outcome)),
			cmp.Compare(a.Requirement.Level, b.Requirement.Level), // "MUST" < "SHOULD"
		)
	})
	for _, c := range run.Cases {
		if troubled(c.Outcome) && !told[c.ID] {
			var t trouble
			t.add(views[c.ID])
			t.Anchor = "trouble-" + c.ID
			found = append(found, t)
		}
	}
	return found
}

// add keeps the gravest case as the one that is told in full, of several the first.
func (t *trouble) add(c *caseView) {
	switch {
	case t.First == nil:
		t.First = c
	case rank(c.Outcome) < rank(t.First.Outcome):
		t.First, t.More = c, append(t.More, t.First)
	default:
		t.More = append(t.More, c)
	}
	t.Outcome = shown(t.First.Outcome)
}

func untroubled(run *result.Run) string {
	if tallyCases(run.Cases).of(result.KnownFailure) > 0 {
		return "Nothing failed but what was expected to."
	}
	return "Nothing failed."
}
