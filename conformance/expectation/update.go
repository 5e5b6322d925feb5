package expectation

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// New is what entries for failures that nobody has explained yet are written with. Without a Reason none are written.
type New struct{ Reason, Issue, Expires string }

// Check says what of it would make a file wrong, or stale on that day, in the words of the command's flags.
func (n New) Check(today time.Time) error {
	if n == (New{}) {
		return nil
	}
	if n.Reason == "" || n.Issue == "" || n.Expires == "" {
		return errors.New("--reason, --issue and --expires belong together: an entry needs all three")
	}
	var wrong []error
	if !isLink(n.Issue) {
		wrong = append(wrong, fmt.Errorf("--issue must be a link to where this is tracked, not %q", n.Issue))
	}
	switch _, err := time.Parse(day, n.Expires); {
	case err != nil:
		wrong = append(wrong, fmt.Errorf("--expires must be a day such as 2027-01-31, not %q", n.Expires))
	case n.Expires < today.Format(day):
		wrong = append(wrong, fmt.Errorf("--expires %s is over", n.Expires))
	}
	return errors.Join(wrong...)
}

func isLink(text string) bool { return strings.Contains(text, "://") }

// ends finds out which lines belong to each entry: from its dash to the next one, or to what follows the list. Comments
// right above an entry go with it.
func (f *File) ends(source string) {
	lines := strings.Split(source, "\n")
	for i := range f.Entries {
		e := &f.Entries[i]
		indent := indentOf(lines[e.first-1])
		e.end = e.first
		for n := e.first; n < len(lines); n++ {
			text := strings.TrimSpace(lines[n])
			if text != "" && indentOf(lines[n]) <= indent {
				break
			}
			if text != "" {
				e.end = n + 1
			}
		}
		for e.first > 1 && strings.HasPrefix(strings.TrimSpace(lines[e.first-2]), "#") && indentOf(lines[e.first-2]) >= indent && indent > 0 {
			e.first--
		}
	}
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// Update is the text of a file as it should be after a run: without the entries that passed, have gone stale or name
// nothing, and with an entry for each requirement that failed without one. Everything else stays as it is written.
func Update(source string, f *File, run *result.Run, fresh New) string {
	drop := make(map[int]bool) // lines, from 1
	for _, e := range f.Entries {
		mine := slices.ContainsFunc(run.Expectations, func(x result.Expectation) bool { return x.Line == e.Line })
		if !mine || !obsolete(e.Expectation, run) {
			continue
		}
		for n := e.first; n <= e.end; n++ {
			drop[n] = true
		}
	}
	var kept []string
	lines := strings.Split(strings.TrimRight(source, "\n"), "\n")
	last := 0 // where the last entry of the list ends, in kept
	for i, line := range lines {
		if drop[i+1] {
			continue
		}
		kept = append(kept, line)
		if slices.ContainsFunc(f.Entries, func(e Entry) bool { return e.first <= i+1 && i+1 <= e.end }) || strings.TrimSpace(line) == "expect:" {
			last = len(kept)
		}
	}
	added := entriesFor(run, fresh)
	switch {
	case len(added) == 0:
	case last == 0:
		kept = append(append(kept, "expect:"), added...)
	default:
		kept = slices.Insert(kept, last, added...)
	}
	if strings.TrimSpace(strings.Join(kept, "")) == "" {
		return ""
	}
	return strings.TrimLeft(strings.Join(kept, "\n"), "\n") + "\n"
}

// obsolete tells whether an entry should go: a run shows that what it names passes, or isn't there.
func obsolete(e result.Expectation, run *result.Run) bool {
	for _, line := range run.Stale {
		if strings.HasPrefix(line, fmt.Sprintf("line %d, %s: ", e.Line, e.Names())) && !strings.Contains(line, ": expired on ") {
			return true
		}
	}
	passed := false
	for i := range run.Cases {
		if c := &run.Cases[i]; about(e, c) {
			if c.Outcome != result.UnexpectedPass {
				return false
			}
			passed = true
		}
	}
	return passed
}

func about(e result.Expectation, c *result.Case) bool {
	if e.Scenario != "" {
		return c.ID == e.Scenario || strings.HasPrefix(c.ID, e.Scenario+"/")
	}
	return slices.Contains(c.Requirements, e.Requirement)
}

// entriesFor writes an entry for each scenario that failed unexpectedly.
func entriesFor(run *result.Run, fresh New) (lines []string) {
	if fresh.Reason == "" {
		return nil
	}
	for _, c := range run.Cases {
		if c.Outcome != result.Fail {
			continue
		}
		lines = append(lines,
			"  - scenario: "+c.ID,
			"    sdk: "+run.SDK.Name,
			fmt.Sprintf("    versions: %q", ">="+run.SDK.Version),
			fmt.Sprintf("    reason: %q", fresh.Reason),
			fmt.Sprintf("    issue: %q", fresh.Issue),
			"    expires: "+fresh.Expires)
	}
	return lines
}
