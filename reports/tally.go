package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// outcomes is every outcome, in the order in which a reader wants them.
var outcomes = []result.Outcome{
	result.Fail, result.HarnessFault, result.Undefined, result.UnexpectedPass, result.KnownFailure,
	result.NotSupported, result.NotJudged, result.NotRun, result.Unselected, result.Elsewhere, result.Uncovered, result.Pass,
}

// shown is an outcome as reports show it: what is not an outcome is a harness fault, as result.Judge has it.
func shown(o result.Outcome) result.Outcome {
	if !slices.Contains(outcomes, o) {
		return result.HarnessFault
	}
	return o
}

// rank is the place of an outcome in that order.
func rank(o result.Outcome) int { return slices.Index(outcomes, shown(o)) }

// troubled says whether someone should do something about an outcome.
func troubled(o result.Outcome) bool {
	switch shown(o) {
	case result.Fail, result.HarnessFault, result.Undefined, result.UnexpectedPass:
		return true
	}
	return false
}

// tally counts outcomes.
type tally map[result.Outcome]int

func (t tally) total() int {
	n := 0
	for _, count := range t {
		n += count
	}
	return n
}

func (t tally) of(some ...result.Outcome) int {
	n := 0
	for _, o := range some {
		n += t[o]
	}
	return n
}

// covered is how many have a scenario in the suite, whether it was selected or not, or a test.
func (t tally) covered() int { return t.total() - t[result.Uncovered] }

// count is an outcome and how often it occurs.
type count struct {
	Outcome result.Outcome
	Count   int
}

// counts lists what occurs. A pass comes first here: it is the length that the eye looks for in a bar.
func (t tally) counts() []count {
	var some []count
	if n := t[result.Pass]; n > 0 {
		some = append(some, count{result.Pass, n})
	}
	for _, o := range outcomes {
		if n := t[o]; n > 0 && o != result.Pass {
			some = append(some, count{o, n})
		}
	}
	return some
}

// words lists what occurs: "71 passed, 2 failed, 1 not run".
func (t tally) words() string {
	past := map[result.Outcome]string{result.Pass: "passed", result.Fail: "failed"}
	counted := map[result.Outcome][2]string{
		result.KnownFailure:   {"known failure", "known failures"},
		result.UnexpectedPass: {"unexpected pass", "unexpected passes"},
		result.HarnessFault:   {"harness fault", "harness faults"},
	}
	var parts []string
	for _, f := range t.counts() {
		if c, ok := counted[f.Outcome]; ok {
			parts = append(parts, plural(f.Count, c[0], c[1]))
			continue
		}
		parts = append(parts, fmt.Sprintf("%d %s", f.Count, cmp.Or(past[f.Outcome], string(f.Outcome))))
	}
	return cmp.Or(strings.Join(parts, ", "), "none")
}

// A which picks requirements.
type which func(result.Requirement) bool

func isMust(r result.Requirement) bool   { return r.Level == result.Must }
func isShould(r result.Requirement) bool { return r.Level == result.Should }
func isSDK(r result.Requirement) bool    { return r.Subject == result.SubjectSDK }
func isGround(r result.Requirement) bool { return !isSDK(r) }

func ended(some ...result.Outcome) which {
	return func(r result.Requirement) bool { return slices.Contains(some, shown(r.Outcome)) }
}

// tallyOf counts the outcomes of the requirements that every condition picks.
func tallyOf(run *result.Run, all ...which) tally {
	t := tally{}
	for _, r := range run.Requirements {
		if picked(r, all) {
			t[shown(r.Outcome)]++
		}
	}
	return t
}

// idsOf lists the requirements that every condition picks.
func idsOf(run *result.Run, all ...which) []string {
	var ids []string
	for _, r := range run.Requirements {
		if picked(r, all) {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

func picked(r result.Requirement, all []which) bool {
	return !slices.ContainsFunc(all, func(w which) bool { return !w(r) })
}

// tallyCases counts how cases ended.
func tallyCases(cases []result.Case) tally {
	t := tally{}
	for _, c := range cases {
		t[shown(c.Outcome)]++
	}
	return t
}
