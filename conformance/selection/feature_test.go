package selection

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadRefuses(t *testing.T) {
	r := reader{requirements: []string{"CP-FLOW-01"}, isStep: func(words string) bool { return words == "x happens" }}
	scenario := "Feature: F\n  Scenario: S\n    Then x\n"
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", "", `f.feature:1: the file has no feature; begin it with a line such as "Feature: behind the firewall"`},
		{"another kind of file", "# Read me\nhello\n", `f.feature:2: "hello" can't stand here; expected the end of the file, a tag or "Feature:"`},
		{"an open doc string", scenario + "    \"\"\"\n    x\n", `f.feature:6: the file ends too early; expected """ or text`},
		{"no feature line", "Scenario: S\n  Then x\n  And y\n  And z\n", `f.feature:1: "Scenario: S" can't stand here; expected the end of the file, a tag or "Feature:"` + "\n" +
			`f.feature:2: "Then x" can't stand here; expected the end of the file, a tag or "Feature:"` + "\n" +
			`f.feature:3: "And y" can't stand here; expected the end of the file, a tag or "Feature:"` + "\n" +
			"f.feature: and 1 more"},
		{"a ragged table", scenario + "      | a | b |\n      | c |\n", "f.feature:5: inconsistent cell count within the table"},
		{"an unknown language", "# language: xx\n" + scenario, "f.feature:1: Language not supported: xx"},
		{"a long line", scenario + "    And " + strings.Repeat("x", 70000), "f.feature:4: the line has 70008 bytes; a line may have 65534"},
		{"another encoding", scenario + "    And f\xfcr\n", "f.feature:4: the line isn't UTF-8; save the file in that encoding"},
		{"no scenario", "\nFeature: F\n  Rule: R\n", "f.feature:2: the feature has no scenario"},
		{"no name", "Feature: F\n  Scenario:\n    Then x\n", "f.feature:2: the scenario has no name"},
		{"no steps", "Feature: F\n  Scenario: S\n", `f.feature:2: the scenario "S" has no steps`},
		{"no examples", "Feature: F\n  Scenario Outline: S\n    Then <x>\n", `f.feature:2: the outline "S" has no examples, so it would run once with its <placeholders>`},
		{"no rows", "Feature: F\n  Scenario Outline: S\n    Then <x>\n    Examples:\n      | x |\n", `f.feature:4: the examples of "S" have no rows, so they would test nothing`},
		{"no header", "Feature: F\n  Scenario: S\n    Then <x>\n    Examples:\n", `f.feature:4: the examples of "S" have no rows, so they would test nothing`},
		{"two columns", "Feature: F\n  Scenario: S\n    Then <x>\n    Examples:\n      | x | x |\n      | 1 | 2 |\n", `f.feature:5: two columns are named "x"`},
		{"no such column", "Feature: F\n  Scenario: S\n    Then <prto> of <x>\n    Examples:\n      | proto | x |\n      | 1 | 2 |\n", `f.feature:3: the examples in line 4 have no column for <prto>; did you mean "proto"?`},
		{"two arguments", scenario + "      | a |\n      \"\"\"\n      x\n      \"\"\"\n", "f.feature:3: a step takes a table or a doc string, not both"},
		{"unknown requirements", "@CP-FLOW-1\nFeature: F\n  @cp-flow-01 @CPU\n  Scenario: S\n    Then x\n",
			"f.feature:1: @CP-FLOW-1 names no requirement of the catalogue; did you mean \"@CP-FLOW-01\"?\n" +
				`f.feature:3: @cp-flow-01 names no requirement of the catalogue; did you mean "@CP-FLOW-01"?`},
		{"steps that are read as text", "Feature: F\n  Background:\n    Givn x happens\n  Scenario: S\n    It says that x happens.\n    Here x happens\n    - x happens\n    Although x happens\n\n    # a note\n    given  x happens\n    When: x happens\n    x happens\n    Then y\n",
			`f.feature:3: "Givn x happens" is read as a description, and not run: a step begins with Given, When, Then, And or But` + "\n" +
				`f.feature:11: "given  x happens" is read as a description, and not run: a step begins with Given, When, Then, And or But` + "\n" +
				`f.feature:12: "When: x happens" is read as a description, and not run: a step begins with Given, When, Then, And or But` + "\n" +
				`f.feature:13: "x happens" is read as a description, and not run: a step begins with Given, When, Then, And or But`},
		{"nothing that must be", "Feature: F\n  Rule: R\n    Scenario: S\n      Given x\n      When y\n      And z\n  Scenario: T\n    * y\n",
			`f.feature:3: the scenario "S" has no Then: it would pass whatever comes of its steps`},
		{"a name twice", scenario + "  Scenario: S\n    Then y\n", `f.feature:4: "S" is a repetition of line 2; give it a name or values of its own`},
		{"a row twice", "Feature: F\n  Scenario: S\n    Then <x>\n    Examples:\n      | x |\n      | 1 |\n      | 1 |\n", `f.feature:7: "S" is a repetition of line 6; give it a name or values of its own`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := r.read(file{path: "f.feature", suite: "f.feature", body: []byte(tc.text)})
			require.EqualError(t, err, tc.want)
		})
	}
}

func TestCaseIDs(t *testing.T) {
	long := strings.Repeat("long ", 40)
	for _, tc := range []struct {
		name  string
		names []name
		want  []string
	}{
		{"plain", []name{{scenario: "Édge: it's 1st!"}}, []string{"p/édge-it-s-1st"}},
		{"values", []name{{scenario: "S", values: []string{"UDP", "3478-3500"}}}, []string{"p/s/udp-3478-3500"}},
		{"values in the name", []name{{scenario: "S 1", named: true, values: []string{"x"}}}, []string{"p/s-1"}},
		{"not enough in the name", []name{
			{scenario: "S 1", named: true, values: []string{"x"}}, {scenario: "S 1", named: true, values: []string{"y"}}, {scenario: "S 2", named: true, values: []string{"x"}},
		}, []string{"p/s-1/x", "p/s-1/y", "p/s-2"}},
		{"spelled alike", []name{{scenario: "a+b", full: "a+b"}, {scenario: "a b", full: "a b"}, {scenario: "c", full: "c"}},
			[]string{"p/a-b-300273da", "p/a-b-c8687a08", "p/c"}},
		{"only signs", []name{{scenario: "!?", full: "!?"}}, []string{"p/" + digest("!?")}},
		{"only signs, with values", []name{{scenario: "!?", values: []string{"1"}, full: "!?1"}}, []string{"p/1"}},
		{"long", []name{{scenario: long}}, []string{"p/" + strings.Repeat("long-", 20)[:99]}},
		{"no way out", []name{{scenario: "../../etc/passwd"}}, []string{"p/etc-passwd"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, caseIDs("p", tc.names))
		})
	}
}
