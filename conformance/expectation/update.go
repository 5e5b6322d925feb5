package expectation

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/sim/policy"
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
// nothing, and with an entry for each scenario that failed without one. Everything else stays as it is written.
func Update(source string, f *File, run *result.Run, fresh New) (string, error) {
	drop := make(map[int]bool) // lines, from 1
	for _, e := range f.Entries {
		if !means(e.SDK, e.Versions, run.SDK) || !obsolete(e.Expectation, run) {
			continue
		}
		for n := e.first; n <= e.end; n++ {
			drop[n] = true
		}
	}
	added := entriesFor(run, fresh, f.list.indent)
	if f.list.brackets && len(drop)+len(added) > 0 {
		return "", fmt.Errorf("line %d: the list is written in brackets; write each entry behind a dash, on lines of its own, and this can change it", f.list.line)
	}
	var kept []string
	lines := strings.Split(strings.TrimRight(source, "\n"), "\n")
	last := 0 // where the last entry of the list ends, in kept
	for i, line := range lines {
		if drop[i+1] {
			continue
		}
		if i+1 == f.list.line && len(f.Entries) == 0 && len(added) > 0 {
			line = openList(line)
		}
		kept = append(kept, line)
		if i+1 == f.list.line || slices.ContainsFunc(f.Entries, func(e Entry) bool { return e.first <= i+1 && i+1 <= e.end }) {
			last = len(kept)
		}
	}
	switch {
	case len(added) == 0:
	case last == 0:
		kept = append(append(kept, "expect:"), added...)
	default:
		kept = slices.Insert(kept, last, added...)
	}
	if strings.TrimSpace(strings.Join(kept, "")) == "" {
		return "", nil
	}
	return strings.TrimLeft(strings.Join(kept, "\n"), "\n") + "\n", nil
}

// openList makes the line of an empty list, which may say "expect: []", one that entries can follow.
func openList(line string) string {
	if _, comment, found := strings.Cut(line, "#"); found {
		return "expect: #" + comment
	}
	return "expect:"
}

// obsolete tells whether an entry should go: a run shows that what it names passes, or isn't there.
func obsolete(e result.Expectation, run *result.Run) bool {
	for _, line := range run.Stale {
		// Its number is that of the run's day: the file may have been edited since.
		if strings.Contains(line, ", "+e.Names()+": ") && !strings.Contains(line, ": expired on ") {
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

// entriesFor writes an entry for each scenario that failed unexpectedly. It is about all versions where the SDK's is none
// that can be compared.
func entriesFor(run *result.Run, fresh New, indent int) (lines []string) {
	if fresh.Reason == "" {
		return nil
	}
	add := func(format string, args ...any) {
		lines = append(lines, strings.Repeat(" ", indent)+fmt.Sprintf(format, args...))
	}
	for _, c := range run.Cases {
		if c.Outcome != result.Fail {
			continue
		}
		add("- scenario: %s", c.ID)
		add("  sdk: %q", run.SDK.Name)
		if _, err := policy.ParseVersion(run.SDK.Version); err == nil {
			add("  versions: %q", ">="+run.SDK.Version)
		}
		add("  reason: %q", fresh.Reason)
		add("  issue: %q", fresh.Issue)
		add("  expires: %s", fresh.Expires)
	}
	return lines
}
