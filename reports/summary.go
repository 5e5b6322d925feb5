package reports

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/timeline"
)

// Terminal says how Summary writes. Its zero value is plain text without a report folder.
type Terminal struct {
	Color bool   // ANSI colours; the caller knows whether w is a terminal and whether NO_COLOR is set
	Dir   string // the report folder, as the user named it; "" when none was written
}

// toldFailures is how many cases in trouble a summary tells in full: more than that nobody reads there.
const toldFailures = 20

// longestFact is how many lines of one fact of a failure a summary shows.
const longestFact = 6

// provingEvents is how many events of a failure a summary shows.
const provingEvents = 3

// Summary writes what someone at a terminal wants to know when a run ends: each case in trouble in a few
// lines, then the verdict and the counts. The verdict comes last because that is where the eye is.
func Summary(w io.Writer, run *result.Run, t Terminal) error {
	s := summary{run: run, dir: t.Dir, paint: paint(t.Color), catalogue: catalogueOf(run)}
	told := 0
	more := tally{}
	for _, c := range run.Cases {
		switch {
		case !troubled(c.Outcome):
		case told < toldFailures:
			s.failure(c)
			told++
		default:
			more[shown(c.Outcome)]++
		}
	}
	if n := more.total(); n > 0 {
		s.line("and %s more like these: %s", plural(n, "case", "cases"), more.words())
		s.line("")
	}
	s.open()
	s.totals()
	_, err := io.WriteString(w, s.b.String())
	return err
}

type summary struct {
	run       *result.Run
	dir       string
	paint     paint
	catalogue map[string]result.Requirement
	b         strings.Builder
}

func (s *summary) line(format string, args ...any) {
	s.b.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

// failure tells a case in trouble: what must hold, what was, why, and how to see it again.
func (s *summary) failure(c result.Case) {
	outcome := shown(c.Outcome)
	s.line("%s %s  %s", s.paint.outcome(outcome, symbol(outcome)+" "+string(outcome)), s.paint.bold(oneLine(c.Name)),
		s.paint.dim(fmt.Sprintf("%s:%d", c.Path, c.Line)))
	for _, id := range c.Requirements {
		r := s.catalogue[id]
		s.line("  %s %s %s", id, r.Level, r.Statement)
	}
	if c.Failure == nil {
		s.line("")
		return
	}
	f := *c.Failure
	more := len(f.Events) - provingEvents
	if more > 0 { // those up to the one that decides
		f.Decides = f.Deciding()
		last := slices.IndexFunc(f.Events, func(e timeline.Event) bool { return e.Seq == f.Decides })
		from := max(0, last+1-provingEvents)
		f.Events = f.Events[from : from+provingEvents]
	}
	c.Failure = &f
	for _, text := range explain(c) {
		lines := strings.Split(printable(text), "\n")
		cut := len(lines) - longestFact
		if cut > 0 { // a goroutine dump, most likely
			lines = append(lines[:longestFact], fmt.Sprintf("%10sand %s more, in the report", "", plural(cut, "line", "lines")))
		}
		s.line("  %s", strings.Join(lines, "\n  "))
	}
	if more > 0 {
		s.line("  and %s more, in the report", plural(more, "event", "events"))
	}
	if s.dir != "" && c.Evidence.Page != "" {
		s.line("  page      %s", filepath.Join(s.dir, filepath.FromSlash(c.Evidence.Page)))
	}
	s.line("")
}

// open lists what neither passed nor failed, a line a case.
func (s *summary) open() {
	listed := 0
	for _, o := range outcomes {
		if troubled(o) || o == result.Pass {
			continue
		}
		for _, c := range s.run.Cases {
			if shown(c.Outcome) != o {
				continue
			}
			listed++
			if listed > toldFailures {
				continue
			}
			reason := ""
			switch {
			case c.Known != "":
				reason = oneLine(": " + c.Known)
			case c.Failure != nil:
				reason = oneLine(": " + c.Failure.Message)
			}
			s.line("%s %s%s", s.paint.outcome(o, symbol(o)+" "+string(o)), oneLine(c.Name), s.paint.dim(reason))
		}
	}
	if listed > toldFailures {
		s.line("and %d more that stayed open", listed-toldFailures)
	}
	if listed > 0 {
		s.line("")
	}
}

func (s *summary) totals() {
	run := s.run
	s.line("%s", s.paint.bold(s.paint.verdict(run.Verdict, headline(run))))
	for _, r := range reasons(run) {
		s.line("%s", r)
	}
	s.line("")
	sdk := oneLine(run.SDK.Name + " " + run.SDK.Version)
	s.line("SDK           %s (--sdk %s), %s network, seed %d", sdk, run.SDK.Selected, run.SDK.Network, run.Seed)
	if len(run.Limits) > 0 {
		s.line("limits        %s", oneLine(limitWords(run)))
	}
	s.line("scenarios     %s", tallyCases(run.Cases).words())
	label := "requirements"
	for _, level := range []struct {
		name string
		pick which
	}{{"MUST  ", isMust}, {"SHOULD", isShould}} {
		t := tallyOf(run, level.pick)
		elsewhere := ""
		if n := t.of(result.Elsewhere); n > 0 {
			elsewhere = fmt.Sprintf(", %d proved elsewhere", n)
		}
		s.line("%-13s %s %d of %d are covered, %d of %d passed%s", label, level.name,
			t.covered(), t.total(), t.of(result.Pass, result.UnexpectedPass), t.total(), elsewhere)
		label = ""
	}
	s.line("time          %s for %s of timeline", span(run.Wall), span(run.Virtual))
	if s.dir != "" {
		s.line("report        %s", filepath.Join(s.dir, "index.html"))
	}
}

// oneLine makes words fit a line. Like printable, it keeps an SDK's own words from steering the terminal.
func oneLine(words string) string { return strings.Join(strings.Fields(printable(words)), " ") }

// paint colours words for a terminal, or doesn't.
type paint bool

func (p paint) with(code, words string) string {
	if !p || words == "" {
		return words
	}
	return "\x1b[" + code + "m" + words + "\x1b[0m"
}

func (p paint) bold(words string) string { return p.with("1", words) }
func (p paint) dim(words string) string  { return p.with("2", words) }

func (p paint) outcome(o result.Outcome, words string) string {
	switch o {
	case result.Pass:
		return p.with("32", words)
	case result.Fail, result.Undefined:
		return p.with("31", words)
	case result.HarnessFault:
		return p.with("35", words)
	case result.KnownFailure, result.UnexpectedPass:
		return p.with("33", words)
	}
	return p.with("36", words)
}

func (p paint) verdict(verdict, words string) string {
	switch verdict {
	case result.Conformant:
		return p.outcome(result.Pass, words)
	case result.NotConformant:
		return p.outcome(result.Fail, words)
	case result.Unsound:
		return p.outcome(result.HarnessFault, words)
	}
	return p.outcome(result.NotJudged, words)
}
