package runner

import (
	"context"
	"testing"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/require"
)

func TestCheckRefuses(t *testing.T) {
	word := func(expr string, do any) Definition { return Definition{Expr: expr, Do: do, Says: "x", Noun: "x"} }
	type name string
	for _, tc := range []struct {
		definition Definition
		want       string
	}{
		{word(`alice joins$`, func() {}), "must run from ^ to $, or it matches parts of other steps"},
		{word(`^alice joins`, func() {}), "must run from ^ to $, or it matches parts of other steps"},
		{word(`^alice (joins$`, func() {}), "error parsing regexp: missing closing ): `^alice (joins$`"},
		{Definition{Expr: `^x$`, Do: func() {}, Noun: "x"}, "needs Says and Noun: they are its documentation"},
		{word(`^x$`, nil), "its Do must be a function with a fixed number of parameters, not <nil>"},
		{word(`^x$`, "f"), "its Do must be a function with a fixed number of parameters, not string"},
		{word(`^(x)$`, func(...string) {}), "its Do must be a function with a fixed number of parameters, not func(...string)"},
		{word(`^x$`, func() int { return 0 }), "its Do must return an error or nothing, not as func() int does"},
		{word(`^x$`, func() godog.Steps { return nil }), "its Do must return an error or nothing, not as func() godog.Steps does"},
		{word(`^x$`, func(context.Context) {}), "its Do's parameter 1 must be a string or a number, not context.Context"},
		{word(`^(x)$`, func(name) {}), "its Do's parameter 1 must be a string or a number, not runner.name"},
		{word(`^(x)$`, func(bool) {}), "its Do's parameter 1 must be a string or a number, not bool"},
		{word(`^(x)$`, func(*godog.Table, string) {}), "its Do's parameter 1 must be a string or a number, not *messages.PickleTable"},
		{word(`^x$`, func(string) {}), "has 0 groups for its Do's 1 parameters; write (?:...) for a group that is no argument"},
		{word(`^(x)$`, func(*godog.DocString) {}), "has 1 groups for its Do's 0 parameters; write (?:...) for a group that is no argument"},
	} {
		require.EqualError(t, Check([]Definition{tc.definition}), `step definition "`+tc.definition.Expr+`": `+tc.want)
	}
	ok := word(`^(\d+) of (?:these|those) (.*)$`, func(uint16, string, *godog.Table) error { return nil })
	require.NoError(t, Check([]Definition{ok}))
	require.EqualError(t, Check([]Definition{ok, ok}), `step definition "^(\\d+) of (?:these|those) (.*)$": is defined twice`)
}

func TestPattern(t *testing.T) {
	for _, tc := range []struct {
		expr string
		do   any
		want string
	}{
		{`^alice joins$`, func() {}, "alice joins"},
		{`^(\w+) joins "([^"]*)"$`, func(string, string) {}, `<text> joins "<text>"`},
		{`^(?P<who>\w+) waits (\d+) (seconds|minutes)$`, func(string, int, string) {}, "<who> waits <number> (seconds|minutes)"},
		{`^it is( not)? there\.$`, func(string) {}, "it is[ not] there."},
		{`^the (?:relay|edge) drops (TCP|UDP|)$`, func(string) {}, "the (relay|edge) drops (TCP|UDP|)"},
		{`^the policy:$`, func(*godog.DocString) {}, "the policy:\n\"\"\"\n<text>\n\"\"\""},
		{`^the (\d+) rows$`, func(int, *godog.Table) {}, "the <number> rows\n| <table> |"},
		{`^(startProxyServer|stopProxyServer|setProxyServer) returned$`, func(string) {}, "(startProxyServer|stopProxyServer|setProxyServer) returned"},
		{`^(\d+) (seconds?|minutes?) pass(?:es)?$`, func(int, string) {}, "<number> (second[s]|minute[s]) pass[es]"},
		{`^(broken`, nil, "^(broken"},
	} {
		require.Equal(t, tc.want, Definition{Expr: tc.expr, Do: tc.do}.Pattern())
	}
}

// TestHint has a definition that is like any text of two words, but for its choice.
func TestHint(t *testing.T) {
	words, err := newVocabulary([]Definition{
		{Expr: `^(?P<host>.+) (stops|goes off the network)$`, Do: func(string, string) {}, Says: "x", Noun: "x"},
		{Expr: `^(?P<user>\w+) joins "(?P<channel>.*)"$`, Do: func(string, string) {}, Says: "x", Noun: "x"},
	})
	require.NoError(t, err)
	for text, want := range map[string]string{
		`alice join "town-hall"`:      `; did you mean: <user> joins "<channel>"?`,
		"relay-1 goes of the network": "; did you mean: <host> (stops|goes off the network)?",
		"nobody knows":                "",
	} {
		require.Equal(t, want, words.hint(text), text)
	}
}
