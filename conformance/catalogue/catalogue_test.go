package catalogue_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/catalogue"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/features"
)

func TestOurCatalogue(t *testing.T) {
	c, err := catalogue.Load(features.Files, features.RequirementsFile)
	require.NoError(t, err)

	// IDs are stable, so these counts only grow. Change them with the file.
	want := map[string]int{
		"CP-FLOW": 15, "CP-FW": 25, "CP-API": 35, "CP-CFG": 8, "CP-VER": 8, "CP-PROV": 6,
		"CP-LIST": 9, "CP-SEQ": 11, "CP-RES": 17, "CP-RPT": 4, "CP-RLY": 30,
	}
	have := map[string]int{}
	for _, theme := range c.Themes {
		have[theme.ID] = len(theme.Requirements)
	}
	require.Equal(t, want, have)
	require.Len(t, c.Requirements(), 168)

	level := map[result.Level]int{}
	for _, r := range c.Requirements() {
		level[r.Level]++
	}
	require.Equal(t, map[result.Level]int{result.Must: 111, result.Should: 57}, level)
}

func TestSubjects(t *testing.T) {
	c, err := catalogue.Load(features.Files, features.RequirementsFile)
	require.NoError(t, err)
	for id, subject := range map[string]string{
		"CP-FLOW-01": "sdk", "CP-API-35": "sdk", "CP-CFG-01": "sdk", "CP-SEQ-11": "sdk", "CP-RES-14": "sdk",
		"CP-FW-01": "firewall", "CP-LIST-08": "firewall", "CP-PROV-06": "proxy", "CP-VER-06": "proxy",
		"CP-VER-07": "tool", "CP-VER-08": "tool", "CP-RPT-01": "tool", "CP-RLY-30": "relay",
	} {
		r, ok := c.Lookup(id)
		require.True(t, ok, id)
		require.Equal(t, subject, r.Subject, id)
	}
	_, ok := c.Lookup("CP-FLOW-99")
	require.False(t, ok)
}

func TestBlankIsTheWholeCatalogueInOrder(t *testing.T) {
	c, err := catalogue.Load(features.Files, features.RequirementsFile)
	require.NoError(t, err)
	run := result.Run{Requirements: c.Blank(map[string]int{"CP-FLOW-02": 3})}
	result.Judge(&run)
	require.Len(t, run.Requirements, 168)
	require.Equal(t, "CP-FLOW-01", run.Requirements[0].ID)
	require.Equal(t, result.Uncovered, run.Requirements[0].Outcome)
	require.Equal(t, result.Unselected, run.Requirements[1].Outcome)
	require.Equal(t, "CP-RLY-30", run.Requirements[167].ID)
}

func TestMissingFile(t *testing.T) {
	_, err := catalogue.Load(fstest.MapFS{}, "requirements.yaml")
	require.ErrorContains(t, err, "requirements.yaml")
}

// sound is a catalogue without a mistake; each test makes one.
const sound = `themes:
  - id: CP-AA
    title: First
    subject: sdk
    requirements:
      - id: CP-AA-01
        level: MUST
        source: W1
        statement: One holds.
        observed: packets
      - id: CP-AA-02
        level: SHOULD
        source: W2
        statement: Two holds.
        observed: packets
  - id: CP-BB
    title: Second
    subject: relay
    requirements:
      - id: CP-BB-01
        level: MUST
        subject: tool
        source: N
        statement: Three holds.
        observed: packets
`

func TestSoundCatalogue(t *testing.T) {
	c, err := load(sound)
	require.NoError(t, err)
	require.Equal(t, []string{"CP-AA", "CP-BB"}, []string{c.Themes[0].ID, c.Themes[1].ID})
	r, ok := c.Lookup("CP-BB-01")
	require.True(t, ok)
	require.Equal(t, c.Themes[1].Requirements[0], r)
	require.Equal(t, catalogue.Requirement{
		ID: "CP-BB-01", Level: result.Must, Subject: "tool", Source: "N",
		Statement: "Three holds.", Observed: "packets", Line: 20,
	}, r)
}

func TestMistakesAreNamedWithTheirLine(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"a test without a folder", "observed: packets", "observed: packets\n        tests: [TestX]", `r.yaml:11: CP-AA-01: test "TestX" is not of the form`},
		{"an unknown key", "source: W1", "sources: W1", `r.yaml:8: unknown field "sources"`},
		{"a key twice", "source: W1", "level: MUST", `r.yaml:8: mapping key "level" already defined`},
		{"broken YAML", "title: First", "title: [First", "r.yaml:"},
		{"a list for a text", "title: First", "title: [First]", "r.yaml:3: "},
		{"no themes", sound, "themes: []", "r.yaml:1: the catalogue has no themes"},
		{"an empty file", sound, "", "r.yaml:1: the catalogue has no themes"},
		{"a second document", "  - id: CP-BB\n", "---\nthemes:\n  - id: CP-BB\n", "r.yaml: a second YAML document"},
		{"a bad theme ID", "id: CP-BB\n", "id: BB\n", `r.yaml:16: theme ID "BB" is not of the form CP-FLOW`},
		{"a theme twice", "id: CP-BB\n", "id: CP-AA\n", "r.yaml:16: theme CP-AA stands here for the second time"},
		{"no title", "    title: Second\n", "", "r.yaml:16: theme CP-BB has no title"},
		{"a bad ID", "CP-AA-01", "CP-AA-1", `r.yaml:6: ID "CP-AA-1" is not of the form CP-FLOW-01`},
		{"no ID", "- id: CP-AA-01\n        level", "- level", `r.yaml:6: ID "" is not of the form CP-FLOW-01`},
		{"the wrong theme", "CP-AA-02", "CP-BB-02", "r.yaml:11: CP-BB-02 stands in theme CP-AA"},
		{"an ID twice", "CP-AA-02", "CP-AA-01", "r.yaml:11: CP-AA-01 stands in line 6 already"},
		{"IDs that don't ascend", "CP-AA-01", "CP-AA-03", "r.yaml:11: CP-AA-02 stands after CP-AA-03"},
		{"a bad level", "level: SHOULD", "level: MAY", `r.yaml:12: CP-AA-02: level "MAY" is neither MUST nor SHOULD`},
		{"no level", "        level: SHOULD\n", "", `r.yaml:11: CP-AA-02: level "" is neither`},
		{"a bad subject", "subject: tool", "subject: SDK", `r.yaml:22: CP-BB-01: subject "SDK" is none of sdk, firewall, proxy, relay, tool`},
		{"a theme's bad subject", "subject: relay", "subject: turn", `r.yaml:16: CP-BB: subject "turn" is none of`},
		{"no statement", "statement: Two holds.", `statement: ""`, "r.yaml:14: CP-AA-02 has no statement"},
		{"no source", "        source: W2\n", "", "r.yaml:11: CP-AA-02 has no source"},
		{"no full stop", "Two holds.", "Two holds", "r.yaml:14: CP-AA-02: its statement is not a sentence"},
		{"a line break", "statement: Two holds.", "statement: |-\n          Two\n          holds.", "its statement has a line break"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Contains(t, sound, tt.old)
			_, err := load(strings.Replace(sound, tt.old, tt.new, 1))
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestEveryMistakeIsNamed(t *testing.T) {
	_, err := load(strings.NewReplacer("MUST", "MAY", "Two holds.", "Two").Replace(sound))
	require.ErrorContains(t, err, "r.yaml:7: ")
	require.ErrorContains(t, err, "r.yaml:14: ")
	require.ErrorContains(t, err, "r.yaml:21: ")
}

func load(source string) (*catalogue.Catalogue, error) {
	return catalogue.Load(fstest.MapFS{"r.yaml": {Data: []byte(source)}}, "r.yaml")
}
