package mutant

import (
	"regexp"
	"strings"
)

// readings are a tool that reads something else than it is shown.
var readings = []Mutant{
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
		Name: "reads-no-destinations", Breaks: []string{"CP-LIST-02"},
		Description: "takes no address, network, range or domain of production for one",
		ground: misreadingLists(func(text string) string {
			return strings.NewReplacer("9.9.9.", "9.9.999.", ".example.", "..example.").Replace(text)
		}),
	},
	{
		Name: "renames-silently", Breaks: []string{"CP-LIST-07"},
		Description: "gives a row whose ID stands twice another one without a word",
		ground:      misreadingLists(func(text string) string { return strings.Replace(text, "- id: first", "- id: first-1", 1) }),
	},
	{
		Name: "reads-lists-for-every-version", Breaks: []string{"CP-VER-08"},
		Description: "overlooks for which versions of an SDK a list is",
		ground:      misreadingLists(func(text string) string { return strings.ReplaceAll(text, ">=2.5.1 <3.4.0", ">=2.5.1") }),
	},
	{
		Name: "reads-lists-for-one-version", Breaks: []string{"CP-VER-08"},
		Description: "takes a list for one of the first version that it is for",
		ground:      misreadingLists(func(text string) string { return strings.ReplaceAll(text, ">=2.5.1 <3.4.0", ">=2.5.1 <2.5.1") }),
	},
	{
		Name: "takes-sdks-for-new", Breaks: []string{"CP-VER-07"},
		Description: "expects of every SDK what the newest has",
		ground:      func() Ground { return Ground{Version: func(string) string { return "99.0.0" }} },
	},
	{
		Name: "takes-sdks-for-old", Breaks: []string{"CP-VER-07"},
		Description: "excuses every SDK from what the first had not",
		ground:      func() Ground { return Ground{Version: func(string) string { return "1.0.0" }} },
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
