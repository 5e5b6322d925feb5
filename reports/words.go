package reports

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// headline is the verdict as a sentence.
func headline(run *result.Run) string {
	must := tallyOf(run, isSDK, isMust)
	failed := must.of(result.Fail, result.KnownFailure)
	switch run.Verdict {
	case result.Conformant:
		return fmt.Sprintf("Conformant: all %d MUST requirements for the SDK passed.", must.total())
	case result.NotConformant:
		return fmt.Sprintf("Not conformant: %d of %d MUST requirements for the SDK failed.", failed, must.total())
	case result.Unsound:
		return "Unsound: this run says nothing about the SDK."
	case result.Partial:
		passed := must.of(result.Pass, result.UnexpectedPass)
		if passed == 0 {
			return fmt.Sprintf("Partial: no MUST requirement for the SDK failed, but none of %d passed.", must.total())
		}
		return fmt.Sprintf("Partial: no MUST requirement for the SDK failed, but only %d of %d passed.", passed, must.total())
	}
	return "This run was not judged."
}

// reasons say, after the headline, what else decides how to read it.
func reasons(run *result.Run) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if run.Interrupted {
		say("The run was interrupted: what is missing was not reached.")
	}
	if ids := idsOf(run, isGround, isMust, ended(result.Fail, result.KnownFailure)); len(ids) > 0 {
		say("The ground failed: %s. What an SDK does on such ground proves nothing.", listOf(ids, 6))
	}
	if ids := idsOf(run, isMust, ended(result.HarnessFault)); len(ids) > 0 {
		say("The harness or the adapter broke in the test of %s.", listOf(ids, 6))
		if run.SDK.Adapter == "exec" {
			say(`"proxyspec sdk check COMMAND" tries the adapter by itself, and says who is to blame.`)
		}
	}
	if rest := rest(tallyOf(run, isSDK, isMust)); rest != "" {
		say("Of the MUSTs for the SDK, %s.", rest)
	}
	if n := tallyOf(run, isShould).of(result.Fail, result.KnownFailure); n > 0 {
		say("%s failed, which doesn't change the verdict.", plural(n, "SHOULD", "SHOULDs"))
	}
	own := tally{}
	for _, c := range run.Cases {
		if c.Own {
			own[shown(c.Outcome)]++
		}
	}
	if n := own.of(result.Fail, result.KnownFailure); n > 0 {
		say("%s failed, which doesn't change the verdict.", plural(n, "scenario of your own", "scenarios of your own"))
	}
	if n := len(run.Stale); n > 0 {
		say("%s no longer true: %s.", plural(n, "expectation is", "expectations are"), listOf(run.Stale, 6))
	}
	return out
}

// rest says what became of the requirements that neither passed nor failed unexpectedly.
func rest(t tally) string {
	var parts []string
	for _, open := range []struct {
		outcome   result.Outcome
		one, many string
	}{
		{result.KnownFailure, "failed as expected, which doesn't change the verdict", "failed as expected, which doesn't change the verdict"},
		{result.Undefined, "is undefined", "are undefined"},
		{result.NotSupported, "is not supported by the SDK", "are not supported by the SDK"},
		{result.NotJudged, "could not be judged", "could not be judged"},
		{result.NotRun, "did not run", "did not run"},
		{result.Unselected, "was not selected", "were not selected"},
		{result.Elsewhere, "is proved by tests of this project", "are proved by tests of this project"},
		{result.Uncovered, "has no scenario yet", "have no scenario yet"},
	} {
		if n := t.of(open.outcome); n > 0 {
			parts = append(parts, plural(n, open.one, open.many))
		}
	}
	return listOf(parts, len(parts))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// listOf joins names, and beyond most of them says how many more there are.
func listOf(names []string, most int) string {
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// span says how long something took, with the two units that matter: "850 ms", "2.4 s", "14 h 3 min".
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + span(-d)
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Truncate(100*time.Millisecond).Seconds())
	case d < time.Hour:
		return two(int(d/time.Minute), "min", int(d%time.Minute/time.Second), "s")
	case d < 48*time.Hour:
		return two(int(d/time.Hour), "h", int(d%time.Hour/time.Minute), "min")
	}
	return two(int(d/(24*time.Hour)), "days", int(d%(24*time.Hour)/time.Hour), "h")
}

func two(big int, bigUnit string, small int, smallUnit string) string {
	if small == 0 {
		return fmt.Sprintf("%d %s", big, bigUnit)
	}
	return fmt.Sprintf("%d %s %d %s", big, bigUnit, small, smallUnit)
}

// clock is a moment of a world: "0.042", "2:03.456", "1:02:03.456", to the millisecond.
func clock(d time.Duration) string {
	ms := d.Milliseconds()
	s, m, h := ms/1000%60, ms/60_000%60, ms/3_600_000
	switch {
	case h > 0:
		return fmt.Sprintf("%d:%02d:%02d.%03d", h, m, s, ms%1000)
	case m > 0:
		return fmt.Sprintf("%d:%02d.%03d", m, s, ms%1000)
	}
	return strconv.Itoa(int(s)) + "." + strconv.Itoa(int(1000 + ms%1000))[1:]
}

// size says how much: "212 B", "3.4 kB", "1.2 MB".
func size(n int) string {
	switch {
	case n < 1000:
		return strconv.Itoa(n) + " B"
	case n < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1_000_000)
}

// printable replaces what no XML document may have, even in a CDATA section, and what steers a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || unicode.IsGraphic(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// limitWords says which limits the SDK was given.
func limitWords(run *result.Run) string {
	if len(run.Limits) == 0 {
		return "the defaults"
	}
	var words []string
	for _, l := range run.Limits {
		words = append(words, fmt.Sprintf("%s %s instead of %s", l.Name, l.Value, l.Default))
	}
	return strings.Join(words, ", ")
}
