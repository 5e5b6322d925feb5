package selection

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const lookup = `@lookup
Feature: Lookup

  Background:
    Given the enterprise firewall

  @CP-FLOW-01
  Scenario: Only edges before the answer
    # why
    When alice joins "town-hall"
    Then nothing else is contacted

  @CP-FLOW-02 @slow
  Scenario Outline: Port <port> answers
    When alice asks <proto> <port>
    Then she is answered

    @tcp
    Examples: TCP
      | proto | port |
      | tcp   | 443  |
      | tcp   | 4000 |

    Examples:
      | proto | port |
      | udp   | 3478 |

  Scenario: Untagged
    Then anything
`

const api = `Feature: The four methods

  Rule: mixing
    Background:
      Given a client

    @CP-API-12
    Scenario: A set, then start
      When alice starts
`

func suite() Config {
	return Config{
		Suite: fstest.MapFS{
			"flow/lookup.feature": {Data: []byte(lookup)},
			"api/mixing.feature":  {Data: []byte(api)},
			"requirements.yaml":   {Data: []byte("x")},
		},
		Requirements: []string{"CP-FLOW-01", "CP-FLOW-02", "CP-API-12"},
	}
}

func ids(cases []Case) []string {
	var ids []string
	for _, c := range cases {
		ids = append(ids, c.ID)
	}
	return ids
}

const (
	edges    = "flow/lookup/only-edges-before-the-answer"
	tcp443   = "flow/lookup/port-443-answers"
	tcp4000  = "flow/lookup/port-4000-answers"
	udp3478  = "flow/lookup/port-3478-answers"
	untagged = "flow/lookup/untagged"
	mixing   = "api/mixing/a-set-then-start"
)

func TestSelectWholeSuite(t *testing.T) {
	cases, err := Select(suite())
	require.NoError(t, err)
	require.Equal(t, []string{mixing, edges, tcp443, tcp4000, udp3478, untagged}, ids(cases))

	c := cases[3]
	c.Source = ""
	require.Equal(t, Case{
		ID: tcp4000, Feature: "Lookup", Name: "Port 4000 answers",
		Path: "features/flow/lookup.feature", Line: 22,
		Tags:         []string{"@lookup", "@CP-FLOW-02", "@slow", "@tcp"},
		Requirements: []string{"CP-FLOW-02"},
		Steps: []Step{
			{Keyword: "Given", Text: "the enterprise firewall", Line: 5},
			{Keyword: "When", Text: "alice asks tcp 4000", Line: 15},
			{Keyword: "Then", Text: "she is answered", Line: 16},
		},
	}, c)
	require.True(t, cases[5].Own, "no requirement's tag")
	require.Empty(t, cases[5].Requirements)
}

func TestSelectByPathAndTags(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tc := range []struct {
		name  string
		paths []string
		tags  string
		want  []string
	}{
		{"folder", []string{"features/flow"}, "", []string{edges, tcp443, tcp4000, udp3478, untagged}},
		{"root", []string{"./features/"}, "@CP-API-12", []string{mixing}},
		{"order of the paths, none twice", []string{"features/flow/lookup.feature:8", "features/api", "features/flow/lookup.feature:7"}, "", []string{edges, mixing}},
		{"tag line", []string{"features/flow/lookup.feature:7"}, "", []string{edges}},
		{"step", []string{"features/flow/lookup.feature:11"}, "", []string{edges}},
		{"outline", []string{"features/flow/lookup.feature:14"}, "", []string{tcp443, tcp4000, udp3478}},
		{"outline's step", []string{"features/flow/lookup.feature:16"}, "", []string{tcp443, tcp4000, udp3478}},
		{"tags of a table", []string{"features/flow/lookup.feature:18"}, "", []string{tcp443, tcp4000}},
		{"header of a table", []string{"features/flow/lookup.feature:20"}, "", []string{tcp443, tcp4000}},
		{"row", []string{"features/flow/lookup.feature:22"}, "", []string{tcp4000}},
		{"row of the second table", []string{"features/flow/lookup.feature:26"}, "", []string{udp3478}},
		{"not", nil, "not @slow and not @CP-API-12", []string{edges, untagged}},
		{"or", nil, "@CP-FLOW-01 or (@slow and @tcp)", []string{edges, tcp443, tcp4000}},
		{"blank expression", []string{"features/api"}, " ", []string{mixing}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := suite()
			cfg.Paths, cfg.Tags = tc.paths, tc.tags
			cases, err := Select(cfg)
			require.NoError(t, err)
			require.Equal(t, tc.want, ids(cases))
		})
	}
}

func TestSelectFromDisk(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	}
	write("features/flow/lookup.feature", lookup)
	write("features/api/mixing.feature", strings.Replace(api, "alice starts", "bob starts", 1))
	write("mine/a.feature", "Feature: F\n  @CP-FLOW-01\n  Scenario: S\n    Given x\n")
	write("mine/notes.txt", "no feature")
	write("mine/Ä b.feature", "\ufeffFeature: F\r\n  Scenario: S\r\n    Given x\r\n")
	write("bare/notes.txt", "no feature")
	selected := func(paths ...string) []Case {
		cfg := suite()
		cfg.Paths = paths
		cases, err := Select(cfg)
		require.NoError(t, err)
		return cases
	}

	t.Run("a copy of the suite is the suite", func(t *testing.T) {
		for _, p := range []string{"features/flow/lookup.feature:8", filepath.Join(dir, "features/flow/lookup.feature") + ":8", "mine/../features/flow/lookup.feature:8"} {
			c := selected(p)[0]
			require.Equal(t, edges, c.ID)
			require.Equal(t, "features/flow/lookup.feature", c.Path)
			require.False(t, c.Own)
		}
	})
	t.Run("an edited copy is the user's own", func(t *testing.T) {
		c := selected("features/api")[0]
		require.True(t, c.Own)
		require.Equal(t, "own/features/api/mixing/a-set-then-start", c.ID)
		require.Equal(t, []string{"CP-API-12"}, c.Requirements)
	})
	t.Run("a folder", func(t *testing.T) {
		cases := selected("mine/")
		require.Len(t, cases, 2)
		require.Equal(t, "own/mine/a/s", cases[0].ID)
		require.Regexp(t, `^own/mine/ä-b-[0-9a-f]{8}/s$`, cases[1].ID)
		require.Equal(t, "mine/Ä b.feature", cases[1].Path)
		require.Equal(t, "x", cases[1].Steps[0].Text)
		require.True(t, cases[0].Own)
	})
	t.Run("a path outside never leads out of the report", func(t *testing.T) {
		t.Chdir("features")
		c := selected("../mine/a.feature")[0]
		require.Regexp(t, `^own/mine/a-[0-9a-f]{8}/s$`, c.ID)
		require.Equal(t, "../mine/a.feature", c.Path)
	})
	t.Run("a folder without features", func(t *testing.T) {
		cfg := suite()
		cfg.Paths = []string{"bare"}
		_, err := Select(cfg)
		require.EqualError(t, err, "bare: the folder holds no .feature file")
	})
	t.Run("a line of a folder", func(t *testing.T) {
		cfg := suite()
		cfg.Paths = []string{"mine:3"}
		_, err := Select(cfg)
		require.EqualError(t, err, "mine:3: a line selects within a file, and mine is a folder")
	})
}

func TestSelectErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tc := range []struct {
		name  string
		paths []string
		tags  string
		want  string
	}{
		{"no such path", []string{"features/flw"}, "", `features/flw: no such file or folder, neither here nor in the embedded suite; did you mean "features/flow"?`},
		{"nothing like it", []string{"/nowhere/at/all"}, "", `/nowhere/at/all: no such file or folder, neither here nor in the embedded suite`},
		{"two of them", []string{"x", "features/api/mixin.feature"}, "", "x: no such file or folder, neither here nor in the embedded suite\n" +
			`features/api/mixin.feature: no such file or folder, neither here nor in the embedded suite; did you mean "features/api/mixing.feature"?`},
		{"line without a scenario", []string{"features/flow/lookup.feature:5"}, "", "features/flow/lookup.feature:5: no scenario stands there; the file has them at 8, 14, 28"},
		{"line past the end", []string{"features/api/mixing.feature:99"}, "", "features/api/mixing.feature:99: no scenario stands there; the file has them at 8"},
		{"line 0", []string{"features/api/mixing.feature:0"}, "", "features/api/mixing.feature:0: lines count from 1"},
		{"line of an embedded folder", []string{"features:1"}, "", "features:1: a line selects within a file, and features is a folder"},
		{"unknown requirement", nil, "@CP-FLOW-1", `--tags "@CP-FLOW-1": @CP-FLOW-1 names no requirement of the catalogue; did you mean "@CP-FLOW-01"?`},
		{"unknown tag", nil, "@slwo", `--tags "@slwo" selects nothing of 6 cases: no scenario here has the tag @slwo; did you mean "@slow"?`},
		{"known tags, no combination", nil, "@slow and @CP-API-12", `--tags "@slow and @CP-API-12" selects nothing of 6 cases: each of its tags exists, but no scenario has this combination`},
		{"no @", nil, "not slow", `--tags "not slow": "slow" is no tag; a tag begins with @, as in "@slow"`},
		{"comma", nil, "@slow,@tcp", `--tags "@slow,@tcp": write "or" between tags, not a comma`},
		{"a tag negated by its sign", nil, "~@slow", `--tags "~@slow": "~@slow" is no tag; a tag begins with @, as in "@slow"`},
		{"an operator at the end", nil, "@slow and", "--tags \"@slow and\" can't be read: it ends where a tag should follow\n" +
			`An expression is made of tags, and, or, not and brackets: "@CP-FLOW-01 and not @slow"`},
		{"another language", nil, "@slow && ~@tcp", "--tags \"@slow && ~@tcp\" can't be read: Expected operator\n" +
			`An expression is made of tags, and, or, not and brackets: "@CP-FLOW-01 and not @slow"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := suite()
			cfg.Paths, cfg.Tags = tc.paths, tc.tags
			_, err := Select(cfg)
			require.EqualError(t, err, tc.want)
		})
	}
}

// What lies in a folder of one's own beside the features, and what a link leads to.
func TestSelectFolderWithLinks(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.MkdirAll("mine/deep", 0o777))
	require.NoError(t, os.Mkdir("shared", 0o777))
	scenario := func(name string) []byte { return []byte("Feature: F\n  Scenario: " + name + "\n    Given x\n") }
	require.NoError(t, os.WriteFile("mine/deep/a.feature", scenario("A"), 0o666))
	require.NoError(t, os.WriteFile("shared/b.feature", scenario("B"), 0o666))
	require.NoError(t, os.WriteFile("mine/._a.feature", []byte("\x00\x05\x16\x07"), 0o666))
	for at, to := range map[string]string{
		"mine/linked":      "../shared",
		"mine/deep/up":     "..",
		"mine/latest":      "nothing",
		"mine/itself":      "itself",
		"mine/.#a.feature": "qa@host.4711:1",
	} {
		require.NoError(t, os.Symlink(to, at))
	}

	cfg := suite()
	cfg.Paths = []string{"mine"}
	selected, err := Select(cfg)
	require.NoError(t, err)
	var paths []string
	for _, c := range selected {
		paths = append(paths, c.Path)
	}
	require.Equal(t, []string{"mine/deep/a.feature", "mine/linked/b.feature"}, paths)

	require.NoError(t, os.Symlink("nothing", "mine/gone.feature"))
	_, err = Select(cfg)
	require.EqualError(t, err, "open mine/gone.feature: no such file or directory")
}

func TestSelectBrokenSuite(t *testing.T) {
	cfg := Config{Suite: fstest.MapFS{
		"a.feature": {Data: []byte("Feature: A\n  Scenario: S\n    Given x\n  oops\n")},
		"b.feature": {Data: []byte("Feature: B\n")},
	}}
	_, err := Select(cfg)
	require.EqualError(t, err, `features/a.feature:4: "oops" can't stand here; expected the end of the file, a table row, """, `+
		`a step (Given, When, Then, And, But), a tag, "Examples:", "Scenario:" or "Rule:"`+"\n"+
		"features/b.feature:1: the feature has no scenario")

	cfg = Config{Suite: fstest.MapFS{
		"a/b.feature": {Data: []byte("Feature: A\n  Scenario: C\n    Given x\n")},
		"a.feature":   {Data: []byte("Feature: A\n  Scenario Outline: B\n    Given <x>\n  Examples:\n    | x |\n    | c |\n")},
	}}
	_, err = Select(cfg)
	require.EqualError(t, err, `features/a.feature:6: its ID "a/b/c" is that of features/a/b.feature:2 too; rename one of them`)
}
