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
		Name: "reverses-ranges", Breaks: []string{"CP-LIST-01", "CP-LIST-07"},
		Description: "takes the first port of a range for its last",
		ground: misreadingLists(func(text string) string {
			return ports.ReplaceAllString(text, "$2-$1")
		}),
	},
	{
		Name: "mends-silently", Breaks: []string{"CP-LIST-07"},
		Description: "turns reversed ranges round without a word",
		ground:      misreadingLists(func(text string) string { return strings.ReplaceAll(text, "3460-3433", "3433-3460") }),
	},
	{
		Name: "counts-too-many-days", Breaks: []string{"CP-LIST-07"},
		Description: "takes every list for an old one",
		ground: misreadingLists(func(text string) string {
			return date.ReplaceAllString(text, "as-of: 2001-01-01")
		}),
	},
	{
		Name: "counts-no-days", Breaks: []string{"CP-LIST-08"},
		Description: "takes every list for a new one",
		ground: misreadingLists(func(text string) string {
			return date.ReplaceAllString(text, "as-of: 2025-12-31")
		}),
	},
}

var (
	date  = regexp.MustCompile(`as-of: \d{4}-\d\d-\d\d`)
	ports = regexp.MustCompile(`\b(\d{4})-(\d{4})\b`)
)

func misreadingLists(change func(string) string) func() Ground {
	return func() Ground { return Ground{Lists: change} }
}
