package selection

import (
	"strings"
	"testing"

	gherkin "github.com/cucumber/gherkin/go/v42"
	messages "github.com/cucumber/messages/go/v34"
	"github.com/stretchr/testify/require"
)

// nasty has what a rewriting of a feature would get wrong: escapes, both fences, indentation, keywords and
// tags inside text, newlines in cells, another language's conjunctions, rules with backgrounds.
const nasty = `# language: en
@all
Feature: Nasty
  Free text, with | bars | and
  * what looks like a step

  Background:
    Given a cell of "\n"

  @one
  # between tags
  @two @three
  Scenario: Doc strings
    Given a text
      """json
      Scenario: not one
        indented \"\"\" and \\ and <x>
      @no-tag

      """
    And another
      ` + "```" + `
      """
      | no | table |
      ` + "```" + `
    # the end
    * a table
      | a \| b | \n | \\ |  | ä |
      |        | x  | y  | z | <x> |

  Scenario Template: <what> of <x>
    Given  <x>  and <what>
      | <x> | <what> |
    Then <x>
      """<x>
      <what> # no comment
      """
    But <empty>

    @first
    Scenarios: some
      Text about it.
      | x       | what | empty |
      | \n      | \\n  |       |
      # between rows
      | a \| b  | <x>  |       |

    # lonely comment
    @second
    Examples:
      | what | empty | x |
      | "    |       | ' |

  @rule
  Rule: The first rule
    Background:
      Given the first rule's

    Example: In the first
      When x

  Rule: The second rule

    Scenario: In the second
      When y
      And z
# The end.
`

// pickles compiles a source as the runner's Gherkin does.
func pickles(source string) ([]*messages.Pickle, error) {
	newID := (&messages.Incrementing{}).NewId
	doc, err := gherkin.ParseGherkinDocument(strings.NewReader(source), newID)
	if err != nil {
		return nil, err
	}
	all := gherkin.Pickles(*doc, "f.feature", newID)
	for _, p := range all {
		p.Id, p.AstNodeIds = "", nil
		for _, tag := range p.Tags {
			tag.AstNodeId = ""
		}
		for _, step := range p.Steps {
			step.Id, step.AstNodeIds = "", nil
		}
	}
	return all, nil
}

// requireIsolated checks that each case's source is exactly its pickle: words, arguments, tags and lines.
func requireIsolated(t *testing.T, text string, cases []Case) {
	t.Helper()
	all, err := pickles(text)
	require.NoError(t, err)
	require.Len(t, cases, len(all))
	for i, c := range cases {
		alone, err := pickles(c.Source)
		require.NoError(t, err, c.ID)
		require.Equal(t, all[i:i+1], alone, c.ID)
	}
}

func TestIsolate(t *testing.T) {
	for _, text := range []string{nasty, strings.ReplaceAll(nasty, "\n", "\r\n"), lookup} {
		f, err := reader{requirements: []string{"CP-FLOW-01", "CP-FLOW-02"}}.read(file{path: "f.feature", suite: "f.feature", body: []byte(text)})
		require.NoError(t, err)
		requireIsolated(t, text, f.cases)
	}
}

func FuzzIsolate(f *testing.F) {
	f.Add(nasty)
	f.Add(lookup)
	f.Add(api)
	f.Add("Feature: a\nScenario: b\nGiven c\n@t\nRule: d\n@u\nScenario: e\n*f")
	f.Fuzz(func(t *testing.T, text string) {
		read, err := reader{requirements: []string{"CP-FLOW-01", "CP-FLOW-02", "CP-API-12"}}.read(file{path: "f.feature", suite: "f.feature", body: []byte(text)})
		if err != nil {
			return
		}
		requireIsolated(t, strings.TrimPrefix(text, "\ufeff"), read.cases)
	})
}
