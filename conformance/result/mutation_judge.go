package result

import "slices"

// JudgeMutation derives the fates, which rules kill whom, and the verdict. Calling it again changes nothing.
//
// A mutant is killed if of each rule that it says it breaks, and that has a scenario, a scenario failed: a scenario
// of another rule doesn't count, nor does a harness fault. The verdict, in this order:
//
//   - unsound, if the reference didn't pass: a scenario that fails a sound SDK proves nothing about a broken one;
//   - not proven, if a mutant survived, or if a rule that owes a kill has none, or a case of such a rule, while every
//     mutant was tested;
//   - partial, if anything stayed open or wasn't run, or if no mutant met a scenario;
//   - proven. Mutants all of whose rules are without a scenario are shown, and change nothing.
func JudgeMutation(m *Mutation) {
	kills := make(map[string][]string)
	survived, open, any := false, m.Interrupted, false
	for i := range m.Mutants {
		one := &m.Mutants[i]
		one.judge()
		for _, b := range one.Breaks {
			if b.Fate == Killed {
				kills[b.Requirement] = append(kills[b.Requirement], one.SDK)
			}
		}
		survived = survived || one.Fate == Survived
		open = open || one.Fate == Open || one.Fate == Unmet
		any = any || one.Fate == Killed
	}
	for i := range m.Rules {
		m.Rules[i].Kills = kills[m.Rules[i].ID]
	}
	switch {
	case len(m.Reference) > 0:
		m.Verdict = Unsound
	case survived || len(m.Idle()) > 0 || len(m.Unshown()) > 0:
		m.Verdict = NotProven
	case open || !any:
		m.Verdict = Partial
	default:
		m.Verdict = Proven
	}
}

// judge names a mutant by the worst that became of a rule which it breaks.
func (m *Mutant) judge() {
	order := []Fate{Unproved, Killed, Unmet, Open, Survived}
	m.Fate = Unproved
	for i := range m.Breaks {
		b := &m.Breaks[i]
		b.judge()
		if slices.Index(order, b.Fate) > slices.Index(order, m.Fate) {
			m.Fate = b.Fate
		}
	}
	for i := range m.Besides {
		m.Besides[i].judge()
	}
}

func (b *Broken) judge() {
	notRun := func(s Shot) bool { return s.Outcome == NotRun }
	switch {
	case len(b.Failed) > 0:
		b.Fate = Killed
	case slices.ContainsFunc(b.Open, notRun):
		b.Fate = Unmet
	case len(b.Open) > 0:
		b.Fate = Open
	case b.Passed > 0:
		b.Fate = Survived
	default:
		b.Fate = Unproved
	}
}

// MutationExitCode is what the command says to the shell: 130 for an interrupted run, 3 where the reference
// failed or where only a harness fault kept a mutant, 1 if the suite isn't proven, 5 if a scenario left a question open.
func MutationExitCode(m *Mutation) int {
	if m.Interrupted {
		return ExitInterrupted
	}
	fault := m.Verdict == Unsound
	for _, one := range m.Of(Open) {
		for _, b := range one.Breaks {
			fault = fault || b.Fate == Open && slices.ContainsFunc(b.Open, func(s Shot) bool { return s.Outcome.orFault() == HarnessFault })
		}
	}
	switch {
	case fault:
		return ExitFault
	case m.Verdict == NotProven:
		return ExitFailed
	case m.Verdict == Partial:
		return ExitPartial
	}
	return ExitPassed
}
