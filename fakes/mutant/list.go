package mutant

import (
	"regexp"
	"strings"
)

// lists are a tool that reads other lists than it is shown.
var lists = []Mutant{
	{
		Name: "overlooks-test-list", Breaks: []string{"CP-LIST-01"},
		Description: "takes the test list for one that may be used in production",
		ground:      misreadingLists(func(text string) string { return strings.ReplaceAll(text, "stage: test", "stage: production") }),
	},
	{
		Name: "reads-ranges-short", Breaks: []string{"CP-LIST-06"},
		Description: "takes the last port of a range for one too many",
		ground:      misreadingLists(func(text string) string { return strings.ReplaceAll(text, "3460", "3459") }),
	},
	{
		Name: "mends-silently", Breaks: []string{"CP-LIST-07"},
		Description: "turns reversed ranges round without a word",
		ground:      misreadingLists(func(text string) string { return strings.ReplaceAll(text, "3460-3433", "3433-3460") }),
	},
	{
		Name: "counts-no-days", Breaks: []string{"CP-LIST-08"},
		Description: "takes every list for a new one",
		ground: misreadingLists(func(text string) string {
			return date.ReplaceAllString(text, "as-of: 2025-12-31")
		}),
	},
}

var date = regexp.MustCompile(`as-of: \d{4}-\d\d-\d\d`)

func misreadingLists(change func(string) string) func() Ground {
	return func() Ground { return Ground{Lists: change} }
}
