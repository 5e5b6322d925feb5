package mutation

import (
	"regexp"
	"slices"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/selection"
)

// checks is the kinds of step that judge in the suite, in the vocabulary's order, and the mutants at which each failed. A
// scenario ends at the first step that fails: what stands below a step that catches every mutant is never seen to fail.
func (p *plan) checks() []result.Check {
	all := make([]result.Check, len(p.cfg.Definitions))
	kinds := make([]*regexp.Regexp, len(all))
	for i, d := range p.cfg.Definitions {
		all[i].Step = d.Pattern()
		kinds[i] = regexp.MustCompile(d.Expr)
	}
	kind := func(text string) int {
		return slices.IndexFunc(kinds, func(k *regexp.Regexp) bool { return k.MatchString(text) })
	}
	judges := make([]bool, len(all))
	for _, c := range p.cfg.Cases {
		for _, s := range judging(c) {
			if i := kind(s.Text); i >= 0 {
				judges[i] = true
			}
		}
	}
	for _, o := range p.met {
		if o.ended.Outcome != result.Fail || o.ended.Failure == nil {
			continue
		}
		sdk := p.cfg.Mutants[o.mutant].SDK
		if i := kind(o.ended.Failure.Step); i >= 0 && !slices.Contains(all[i].Kills, sdk) {
			all[i].Kills = append(all[i].Kills, sdk)
		}
	}
	var found []result.Check
	for i, check := range all {
		if judges[i] {
			found = append(found, check)
		}
	}
	return found
}

// neverFailed counts the suite's cases, and names those that failed at no mutant: whoever breaks what they are about may
// pass them.
func (p *plan) neverFailed(rules []result.KillingRule) (cases int, harmless []result.Harmless) {
	failed, owes := make(map[string]bool), make(map[string]bool)
	for _, o := range p.met {
		if o.ended.Outcome == result.Fail {
			failed[o.ended.ID] = true
		}
	}
	for _, r := range rules {
		owes[r.ID] = r.Owes()
	}
	for _, c := range p.cfg.Cases {
		if c.Own {
			continue
		}
		if cases++; !failed[c.ID] {
			owed := slices.ContainsFunc(c.Requirements, func(id string) bool { return owes[id] })
			harmless = append(harmless, result.Harmless{Case: c.ID, Owes: owed})
		}
	}
	return cases, harmless
}

// judging is the steps of a case that stand under a Then.
func judging(c selection.Case) (steps []selection.Step) {
	if c.Own {
		return nil
	}
	then := false
	for _, s := range c.Steps {
		switch s.Keyword {
		case "Given", "When", "Then":
			then = s.Keyword == "Then"
		}
		if then {
			steps = append(steps, s)
		}
	}
	return steps
}
