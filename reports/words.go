package reports

import (
	"fmt"
	"strings"
	"time"

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
		return "Unsound ground: this run says nothing about the SDK."
	case result.Partial:
		shown := must.of(result.Pass, result.UnexpectedPass)
		return fmt.Sprintf("Partial: none of %d MUST requirements for the SDK failed, but only %d %s shown.",
			must.total(), shown, isAre(shown))
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
	if run.Verdict == result.Unsound {
		if ids := idsOf(run, isGround, isMust, ended(result.Fail, result.KnownFailure)); len(ids) > 0 {
			say("The ground failed: %s. What an SDK does on such ground proves nothing.", listOf(ids, 6))
		}
		if ids := idsOf(run, isMust, ended(result.HarnessFault)); len(ids) > 0 {
			say("The harness broke while it tested %s.", listOf(ids, 6))
		}
	}
	must := tallyOf(run, isSDK, isMust)
	for _, open := range []struct {
		outcome result.Outcome
		words   string
	}{
		{result.KnownFailure, "failed as the expectations file says: an expectation doesn't change the verdict"},
		{result.NotSupported, "can't be tested, because the SDK lacks the method"},
		{result.NotJudged, "couldn't be judged in this world"},
		{result.NotRun, "did not run"},
		{result.Undefined, "has steps that no definition matches"},
		{result.Unselected, "had no scenario in this selection"},
		{result.Uncovered, "has no scenario in the suite yet"},
	} {
		if n := must.of(open.outcome); n > 0 {
			say("%s for the SDK %s.", plural(n, "MUST", "MUSTs"), numberOf(n, open.words))
		}
	}
	should := tallyOf(run, isSDK, isShould)
	if n := should.of(result.Fail, result.KnownFailure); n > 0 {
		say("%s for the SDK failed, which doesn't change the verdict.", plural(n, "SHOULD", "SHOULDs"))
	}
	if n := len(run.Stale); n > 0 {
		say("%s of the expectations file answered to no case: %s.", plural(n, "line", "lines"), listOf(run.Stale, 6))
	}
	return out
}

// numberOf puts the verb of a phrase written for one thing into the number of n.
func numberOf(n int, phrase string) string {
	if n == 1 {
		return phrase
	}
	if rest, ok := strings.CutPrefix(phrase, "has "); ok {
		return "have " + rest
	}
	return phrase
}

func isAre(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
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
	return fmt.Sprintf("%d.%03d", s, ms%1000)
}

// size says how much: "212 B", "3.4 kB", "1.2 MB".
func size(n int) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1_000_000)
}
