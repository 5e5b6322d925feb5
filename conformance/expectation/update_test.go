package expectation_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/expectation"
	"github.com/proxyspec/proxyspec/conformance/result"
)

// ended is a run of our SDK, in which scenarios ended so.
func ended(outcomes map[string]result.Outcome) *result.Run {
	run := &result.Run{SDK: result.SDK{Name: "our SDK", Version: "2.5.1"}}
	for id, outcome := range outcomes {
		run.Cases = append(run.Cases, result.Case{ID: id, Outcome: outcome})
	}
	return run
}

var accepted = expectation.New{Reason: "it gives up", Issue: "https://tracker.example/2", Expires: "2027-01-31"}

// updated is a file after a run, which must be one that can be read.
func updated(t *testing.T, source string, run *result.Run, fresh expectation.New) string {
	t.Helper()
	f, err := expectation.Parse("known.yaml", []byte(source))
	require.NoError(t, err)
	text, err := expectation.Update(source, f, run, fresh)
	require.NoError(t, err)
	_, err = expectation.Parse("known.yaml", []byte(text))
	require.NoError(t, err, text)
	return text
}

// TestUpdateKeepsTheHand: a file is changed in the way in which it is written.
func TestUpdateKeepsTheHand(t *testing.T) {
	passes, fails := result.UnexpectedPass, result.Fail
	const rest = "\n    sdk: our SDK\n    reason: r\n    issue: https://tracker.example/1\n    expires: 2999-12-31\n"
	const one, two = "  - scenario: a/one" + rest, "  - scenario: a/two" + rest
	const fresh = "  - scenario: a/new\n    sdk: \"our SDK\"\n    versions: \">=2.5.1\"\n    reason: \"it gives up\"\n    issue: \"https://tracker.example/2\"\n    expires: 2027-01-31\n"
	left := func(text string) string { return strings.ReplaceAll("\n"+text, "\n  ", "\n")[1:] }
	for name, c := range map[string]struct {
		source string
		run    map[string]result.Outcome
		fresh  expectation.New
		want   string
	}{
		"the last entry goes":        {"expect:\n" + one, map[string]result.Outcome{"a/one": passes}, expectation.New{}, "expect:\n"},
		"and one comes":              {"expect:\n", map[string]result.Outcome{"a/new": fails}, accepted, "expect:\n" + fresh},
		"one goes and one comes":     {"expect: # known\n" + one, map[string]result.Outcome{"a/one": passes, "a/new": fails}, accepted, "expect: # known\n" + fresh},
		"an empty list":              {"expect: [] # none\n", map[string]result.Outcome{"a/new": fails}, accepted, "expect: # none\n" + fresh},
		"no list":                    {"", map[string]result.Outcome{"a/new": fails}, accepted, "expect:\n" + fresh},
		"dashes without indentation": {"expect:\n" + left(one), map[string]result.Outcome{"a/new": fails}, accepted, "expect:\n" + left(one) + left(fresh)},
		"dashes on lines of their own": {
			"expect:\n  -\n    scenario: a/one" + rest + "  -\n    scenario: a/two" + rest, map[string]result.Outcome{"a/one": passes},
			expectation.New{}, "expect:\n  -\n    scenario: a/two" + rest,
		},
		"a comment that was added since": {"# New.\nexpect:\n" + one + two, map[string]result.Outcome{"a/one": passes}, expectation.New{}, "# New.\nexpect:\n" + two},
		"a mark of the encoding":         {"\ufeffexpect:\n" + one + two, map[string]result.Outcome{"a/one": passes}, expectation.New{}, "\ufeffexpect:\n" + two},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, updated(t, c.source, ended(c.run), c.fresh)) })
	}
}

// TestUpdateRefusesBrackets: what has no lines of its own can't be taken out by them.
func TestUpdateRefusesBrackets(t *testing.T) {
	entry := func(id string) string {
		return "{scenario: " + id + ", sdk: our SDK, reason: r, issue: 'https://tracker.example/1', expires: 2999-12-31}"
	}
	source := "expect: [" + entry("a/one") + ", " + entry("a/two") + "]\n"
	require.Equal(t, source, updated(t, source, ended(nil), expectation.New{}), "nothing is to change")
	f, err := expectation.Parse("known.yaml", []byte(source))
	require.NoError(t, err)
	_, err = expectation.Update(source, f, ended(map[string]result.Outcome{"a/one": result.UnexpectedPass}), expectation.New{})
	require.EqualError(t, err, "line 1: the list is written in brackets; write each entry behind a dash, on lines of its own, and this can change it")
}

// TestUpdateNamesAnySDK: an SDK may call itself, and its versions, what it likes.
func TestUpdateNamesAnySDK(t *testing.T) {
	for _, sdk := range []result.SDK{{Name: "ours: the #1", Version: "2.5.1"}, {Name: "yes", Version: ""}, {Name: `a "b" \ c`, Version: "main-4f1c"}} {
		run := ended(map[string]result.Outcome{"a/new": result.Fail})
		run.SDK = sdk
		f, err := expectation.Parse("known.yaml", []byte(updated(t, "", run, accepted)))
		require.NoError(t, err)
		entries, _ := f.For(sdk)
		require.Len(t, entries, 1, "%+v", sdk)
	}
}
