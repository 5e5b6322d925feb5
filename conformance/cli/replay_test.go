package cli

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/selection"
)

// TestSameSteps has a recorded scenario, and what somebody made of it since.
func TestSameSteps(t *testing.T) {
	recorded := []result.Step{
		{Keyword: "Given", Text: "a policy", Line: 3, DocString: &result.DocString{Content: "rules: []"}},
		{Keyword: "When", Text: "these join", Line: 7, Table: [][]string{{"alice"}, {"bob"}}},
	}
	for name, tc := range map[string]struct {
		change func(steps []selection.Step) []selection.Step
		same   bool
	}{
		"in another place":      {func(s []selection.Step) []selection.Step { s[0].Line, s[1].Keyword = 9, "And"; return s }, true},
		"other words":           {func(s []selection.Step) []selection.Step { s[0].Text = "this policy"; return s }, false},
		"another text block":    {func(s []selection.Step) []selection.Step { s[0].DocString.Content = "rules: [all]"; return s }, false},
		"a text block is gone":  {func(s []selection.Step) []selection.Step { s[0].DocString = nil; return s }, false},
		"a text block is new":   {func(s []selection.Step) []selection.Step { s[1].DocString = &selection.DocString{}; return s }, false},
		"another cell":          {func(s []selection.Step) []selection.Step { s[1].Table[1][0] = "carol"; return s }, false},
		"another row":           {func(s []selection.Step) []selection.Step { s[1].Table = s[1].Table[:1]; return s }, false},
		"the last step is gone": {func(s []selection.Step) []selection.Step { return s[:1] }, false},
	} {
		now := []selection.Step{
			{Keyword: "Given", Text: "a policy", Line: 3, DocString: &selection.DocString{Content: "rules: []"}},
			{Keyword: "When", Text: "these join", Line: 7, Table: [][]string{{"alice"}, {"bob"}}},
		}
		require.Equal(t, tc.same, sameSteps(tc.change(now), recorded), name)
	}
}
