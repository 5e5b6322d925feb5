package reports

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// MutantsJSON writes the whole Mutation, indented, in a fixed order, with [] rather than null for what is empty.
func MutantsJSON(w io.Writer, m *result.Mutation) error {
	full := *m
	full.Reference = list(m.Reference)
	full.Mutants = list(m.Mutants)
	for i := range full.Mutants {
		one := &full.Mutants[i]
		one.Breaks, one.Besides = listBroken(one.Breaks), listBroken(one.Besides)
	}
	full.Rules = list(m.Rules)
	for i := range full.Rules {
		full.Rules[i].Kills = list(full.Rules[i].Kills)
	}
	full.Checks, full.NeverFailed = list(m.Checks), list(m.NeverFailed)
	for i := range full.Checks {
		full.Checks[i].Kills = list(full.Checks[i].Kills)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(full)
}

func listBroken(in []result.Broken) []result.Broken {
	out := list(in)
	for i := range out {
		out[i].Failed, out[i].Open = list(out[i].Failed), list(out[i].Open)
	}
	return out
}

// MutantsText writes the matrix for a terminal: a line for each mutant and rule that it breaks, then what is wrong,
// then the verdict.
func MutantsText(w io.Writer, m *result.Mutation, t Terminal) error {
	s := mutantsText{m: m, paint: paint(t.Color)}
	s.matrix()
	s.reference()
	s.troubles()
	s.idle()
	s.totals(t.Dir)
	_, err := io.WriteString(w, s.b.String())
	return err
}

type mutantsText struct {
	m     *result.Mutation
	paint paint
	b     strings.Builder
}

func (s *mutantsText) line(format string, args ...any) {
	s.b.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

func (s *mutantsText) matrix() {
	wide := 0
	for _, one := range s.m.Mutants {
		wide = max(wide, len(short(one.SDK)))
	}
	for _, one := range s.m.Mutants {
		name := short(one.SDK)
		for _, b := range one.Breaks {
			s.line("%-*s  %-10s  %s  %s", wide, name, b.Requirement, s.fate(b.Fate), s.paint.dim(by(b)))
			name = ""
		}
		if n := len(one.Besides); n > 0 {
			s.line("%-*s  %s", wide, "", s.paint.dim("besides "+listOf(requirementsOf(one.Besides), 8)))
		}
	}
	s.line("")
}

// short is a mutant's name without what --sdk needs before it.
func short(sdk string) string { return strings.TrimPrefix(sdk, "mutant:") }

func requirementsOf(some []result.Broken) []string {
	ids := make([]string, len(some))
	for i, b := range some {
		ids[i] = b.Requirement
	}
	return ids
}

// by says who killed, or didn't.
func by(b result.Broken) string {
	of := b.Passed + len(b.Failed) + len(b.Open)
	switch {
	case len(b.Failed) > 0:
		where := fmt.Sprintf("%s:%d", b.Failed[0].Path, b.Failed[0].Line)
		if of > 1 {
			where += fmt.Sprintf(", %d of %d cases", len(b.Failed), of)
		}
		return where
	case len(b.Open) > 0:
		return fmt.Sprintf("%s:%d ended as %q: %s", b.Open[0].Path, b.Open[0].Line, b.Open[0].Outcome, oneLine(b.Open[0].Message))
	case of > 0:
		return "passed " + plural(of, "case", "cases")
	}
	return ""
}

// fate is padded before it is painted: colours have no width.
func (s *mutantsText) fate(f result.Fate) string {
	return s.paint.outcome(outcomeLike(f), fmt.Sprintf("%-11s", f))
}

// outcomeLike is the outcome that has a fate's colour.
func outcomeLike(f result.Fate) result.Outcome {
	switch f {
	case result.Killed:
		return result.Pass
	case result.Survived:
		return result.Fail
	case result.Open:
		return result.HarnessFault
	case result.Unmet:
		return result.NotRun
	}
	return result.Uncovered
}

func (s *mutantsText) reference() {
	if len(s.m.Reference) == 0 {
		return
	}
	s.line("%s", s.paint.bold("The reference didn't pass; no mutant was run:"))
	for _, shot := range s.m.Reference {
		s.shot(shot)
	}
	s.line("")
}

func (s *mutantsText) shot(shot result.Shot) {
	s.line("    %s:%d %s: %s", shot.Path, shot.Line, shot.Outcome, oneLine(shot.Message))
	s.line("    %s", s.paint.dim(shot.Replay))
}

// troubles tells of mutants that weren't killed by every rule.
func (s *mutantsText) troubles() {
	for _, f := range []result.Fate{result.Survived, result.Open, result.Unproved} {
		for _, one := range s.m.Of(f) {
			s.line("%s %s: %s that %s", s.paint.outcome(outcomeLike(f), string(f)), s.paint.bold(short(one.SDK)), one.Subject, oneLine(one.Description))
			for _, b := range one.Breaks {
				if b.Fate == result.Killed {
					continue
				}
				s.line("  %s %s %s", b.Requirement, b.Fate, s.paint.dim(by(b)))
				if b.Fate == result.Survived {
					s.line("    %s", s.paint.dim(fmt.Sprintf("proxyspec run --tags @%s --seed %d --sdk %s", b.Requirement, s.m.Seed, one.SDK)))
				}
			}
			if len(one.Besides) > 0 {
				s.line("  killed only by rules that it doesn't name: %s", listOf(requirementsOf(one.Besides), 8))
			}
			s.line("")
		}
	}
}

func (s *mutantsText) idle() {
	if idle := s.m.Idle(); len(idle) > 0 {
		s.line("%s", s.paint.bold("These MUSTs kill no mutant:"))
		for _, r := range idle {
			s.line("  %s %s", r.ID, r.Statement)
		}
		s.line("")
	}
	if unshown := s.m.Unshown(); len(unshown) > 0 {
		s.line("%s", s.paint.bold("These cases of MUSTs failed at no mutant:"))
		for _, id := range unshown {
			s.line("  %s", oneLine(id))
		}
		s.line("")
	}
}

func (s *mutantsText) totals(dir string) {
	m := s.m
	s.line("%s", s.paint.bold(s.paint.outcome(mutantsMood(m), mutantsHeadline(m))))
	s.line("")
	s.line("mutants   %s, seed %d", fates(m), m.Seed)
	s.line("rules     %s", killing(m))
	if m.Tested() {
		s.line("checks    %s", failing(m))
	}
	s.line("time      %s for %s", span(m.Wall), plural(m.Runs, "case", "cases"))
	if dir != "" {
		s.line("report    %s/mutants.html", strings.TrimSuffix(dir, "/"))
	}
}

// fates counts the mutants.
func fates(m *result.Mutation) string {
	var parts []string
	for _, f := range fateOrder {
		if n := len(m.Of(f)); n > 0 {
			what := string(f)
			if f == result.Unproved {
				what = "without a scenario"
			}
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	return strings.Join(parts, ", ")
}

// killing counts the rules that kill, of those that owe a kill and of the others.
func killing(m *result.Mutation) string {
	var owing, paid, others, more int
	for _, r := range m.Rules {
		kills := 0
		if len(r.Kills) > 0 {
			kills = 1
		}
		if r.Owes() {
			owing, paid = owing+1, paid+kills
		} else {
			others, more = others+1, more+kills
		}
	}
	return fmt.Sprintf("%d of %d MUSTs that judge an SDK, the cloud proxy, the relay or the firewall kill a mutant, and %d of %d others", paid, owing, more, others)
}

// failing counts the kinds of step, and the cases, that were seen to fail.
func failing(m *result.Mutation) string {
	seen := 0
	for _, c := range m.Checks {
		if len(c.Kills) > 0 {
			seen++
		}
	}
	return fmt.Sprintf("%d of %d kinds of step that judge, and %d of %s, were seen to fail",
		seen, len(m.Checks), m.Cases-len(m.NeverFailed), plural(m.Cases, "case", "cases"))
}

// mutantsHeadline is the verdict as a sentence.
func mutantsHeadline(m *result.Mutation) string {
	total := len(m.Mutants)
	switch m.Verdict {
	case result.Proven:
		without := ""
		if n := len(m.Of(result.Unproved)); n > 0 {
			without = fmt.Sprintf(" %d more break only rules that have no scenario yet.", n)
		}
		return fmt.Sprintf("Proven: the suite killed %s, each by every rule that it breaks.%s", plural(len(m.Of(result.Killed)), "mutant", "mutants"), without)
	case result.NotProven:
		var parts []string
		if n := len(m.Of(result.Survived)); n > 0 {
			parts = append(parts, fmt.Sprintf("%d of %s survived", n, plural(total, "mutant", "mutants")))
		}
		if n := len(m.Idle()); n > 0 {
			parts = append(parts, plural(n, "MUST kills no mutant", "MUSTs kill no mutant"))
		}
		if n := len(m.Unshown()); n > 0 {
			parts = append(parts, plural(n, "case of a MUST failed at none", "cases of MUSTs failed at none"))
		}
		return "Not proven: " + listOf(parts, len(parts)) + "."
	case result.Unsound:
		return fmt.Sprintf("Unsound: the reference did not pass %s.", plural(len(m.Reference), "case", "cases"))
	case result.Partial:
		return fmt.Sprintf("Partial: %d of %s were killed.", len(m.Of(result.Killed)), plural(total, "mutant", "mutants"))
	}
	return "This mutation run was not judged."
}

// mutantsMood is the outcome that looks like the verdict.
func mutantsMood(m *result.Mutation) result.Outcome {
	switch m.Verdict {
	case result.Proven:
		return result.Pass
	case result.NotProven:
		return result.Fail
	case result.Partial:
		return result.NotJudged
	}
	return result.HarnessFault
}
