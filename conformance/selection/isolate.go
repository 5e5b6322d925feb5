package selection

import (
	"strings"

	messages "github.com/cucumber/messages/go/v34"
)

// span is a run of lines, from first to before end, counted from 1.
type span struct{ first, end int }

func (s span) holds(line int) bool { return s.first <= line && line < s.end }

// block is a part of a feature file that can be blanked out: a scenario with its tags and rows.
type block struct {
	span
	scenario *messages.Scenario
	examples []span // of each examples table, with its tags
}

// blocks finds the scenarios of a feature among its lines. What stands between two blocks (a rule, a
// background, the head) is in none of them.
func blocks(doc *messages.GherkinDocument, lines []string) []block {
	var starts []int
	var found []block
	scenario := func(s *messages.Scenario) {
		b := block{scenario: s}
		b.first = first(lines, s.Location)
		for _, e := range s.Examples {
			b.examples = append(b.examples, span{first: first(lines, e.Location)})
		}
		starts = append(starts, b.first)
		found = append(found, b)
	}
	for _, child := range doc.Feature.Children {
		switch {
		case child.Scenario != nil:
			scenario(child.Scenario)
		case child.Rule != nil:
			starts = append(starts, first(lines, child.Rule.Location))
			for _, inner := range child.Rule.Children {
				if inner.Scenario != nil {
					scenario(inner.Scenario)
				}
			}
		}
	}
	starts = append(starts, len(lines)+1)
	at := 0
	for i := range found {
		b := &found[i]
		for starts[at] <= b.first {
			at++
		}
		b.end = trimEnd(lines, b.first, starts[at])
		for j := range b.examples {
			end := b.end
			if j+1 < len(b.examples) {
				end = b.examples[j+1].first
			}
			b.examples[j].end = trimEnd(lines, b.examples[j].first, end)
		}
	}
	return found
}

// first is where something begins: at its keyword, or at the topmost line of tags above.
func first(lines []string, at *messages.Location) int {
	top := int(at.Line)
	for line := top - 1; line > 0; line-- {
		text := strings.Trim(lines[line-1], " \t\r")
		if strings.HasPrefix(text, "@") {
			top = line
		} else if !idle(text) {
			break
		}
	}
	return top
}

// trimEnd leaves empty lines and comments at a span's end to nobody.
func trimEnd(lines []string, first, end int) int {
	for end > first+1 && idle(strings.Trim(lines[end-2], " \t\r")) {
		end--
	}
	return end
}

// idle says that a line outside a doc string is empty or a comment.
func idle(text string) bool { return text == "" || strings.HasPrefix(text, "#") }

// isolate blanks out every scenario but the one, and of that one every row but the one at line row (0
// for a scenario without rows). The author's own bytes remain, so nothing needs escaping and every line
// keeps its number.
func isolate(lines []string, all []block, chosen *block, row int) string {
	kept := append([]string(nil), lines...)
	blank := func(s span) {
		for line := s.first; line < s.end; line++ {
			kept[line-1] = ""
		}
	}
	for i := range all {
		if all[i].scenario != chosen.scenario {
			blank(all[i].span)
		}
	}
	if row != 0 {
		for i, examples := range chosen.scenario.Examples {
			if !chosen.examples[i].holds(row) {
				blank(chosen.examples[i])
				continue
			}
			for _, other := range examples.TableBody {
				if line := int(other.Location.Line); line != row {
					kept[line-1] = ""
				}
			}
		}
	}
	return strings.Join(kept, "\n")
}
