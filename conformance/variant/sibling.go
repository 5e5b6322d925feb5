package variant

import (
	"fmt"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// sibling finds the case of the same file that passed and differs from c in the fewest words; of several the first.
// Most of its steps must be the same ones: two scenarios that share a Given explain nothing.
func sibling(cases []result.Case, c *result.Case) (found result.Variant, any bool) {
	least := 0
	for i := range cases {
		other := &cases[i]
		if other.Path != c.Path || other.Actual != result.Pass || len(other.Steps) != len(c.Steps) {
			continue
		}
		var changes []string
		words := 0
		for n := range c.Steps {
			was, is, size := differ(text(c.Steps[n]), text(other.Steps[n]))
			if size > 0 {
				changes = append(changes, instead(is, was))
				words += size
			}
		}
		if len(changes) == 0 || 2*len(changes) > len(c.Steps) || any && words >= least {
			continue
		}
		least, any = words, true
		found = result.Variant{Change: strings.Join(changes, ", and "), Outcome: result.Pass, Case: other.ID}
	}
	return found, any
}

// text is a step with what stands below it.
func text(s result.Step) string {
	words := s.Text
	for _, row := range s.Table {
		words += " " + strings.Join(row, " ")
	}
	if s.DocString != nil {
		words += " " + s.DocString.Content
	}
	return words
}

func instead(is, was string) string {
	switch {
	case is == "":
		return fmt.Sprintf("nothing instead of %q", was)
	case was == "":
		return fmt.Sprintf("%q besides", is)
	}
	return fmt.Sprintf("%q instead of %q", is, was)
}

// differ is the words between what two texts begin and end with alike, and how many they are.
func differ(a, b string) (was, is string, size int) {
	x, y := strings.Fields(a), strings.Fields(b)
	for len(x) > 0 && len(y) > 0 && x[0] == y[0] {
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && x[len(x)-1] == y[len(y)-1] {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	return strings.Join(x, " "), strings.Join(y, " "), len(x) + len(y)
}
