package reports

import (
	"fmt"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// nearestWords says which variants of a failed case pass: of those that were run for it the one with the least
// change, and of the run's other cases the one that differs least.
func nearestWords(f *result.Failure) string {
	var said []string
	run, other := false, false
	for _, v := range f.Variants {
		switch {
		case v.Outcome != result.Pass:
		case v.Case == "" && !run:
			run = true
			said = append(said, "passes with "+v.Change)
		case v.Case != "" && !other:
			other = true
			said = append(said, fmt.Sprintf("passes with %s, as %s", v.Change, v.Case))
		}
	}
	return strings.Join(said, "\n")
}

// vainWords says which variants didn't help, if none of those that were run for the case did; and where they ended,
// if they got to another step.
func vainWords(f *result.Failure) string {
	var places []string
	with := make(map[string][]string) // by place
	for _, v := range f.Variants {
		if v.Case != "" {
			continue
		}
		if v.Outcome == result.Pass {
			return ""
		}
		place := "fails too"
		if v.Outcome != result.Fail {
			place = "ends as " + string(v.Outcome)
		}
		if v.Step != f.Step && v.Step != "" {
			place += fmt.Sprintf(", but at %q,", v.Step)
		}
		if with[place] == nil {
			places = append(places, place)
		}
		with[place] = append(with[place], "with "+v.Change)
	}
	for i, place := range places {
		places[i] += " " + listOf(with[place], len(with[place]))
	}
	return strings.Join(places, "\n")
}
