package reports_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/reports"
)

// mutation is one with every fate, and words that steer a terminal.
func mutation() *result.Mutation {
	shot := func(line int, o result.Outcome, message string) result.Shot {
		return result.Shot{
			Case: "flow/data/one", Path: "features/flow/data.feature", Line: line, Outcome: o, Message: message,
			Replay: "proxyspec run features/flow/data.feature:7 --seed 1 --sdk mutant:direct-media",
		}
	}
	m := &result.Mutation{
		Schema: result.MutationSchema, Tool: result.Tool{Name: "proxyspec", Version: "v0.1.0", GoVersion: "go1.26.8"},
		Seed: 1, Started: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), Wall: 12345 * time.Millisecond, Runs: 42,
		Mutants: []result.Mutant{
			{SDK: "mutant:direct-media", Subject: "SDK", Description: "sends media directly to SD-RTN", Breaks: []result.Broken{
				{Requirement: "CP-FLOW-04", Failed: []result.Shot{shot(7, result.Fail, "SD-RTN heard of alice from elsewhere")}, Passed: 2},
				{Requirement: "CP-FW-23"},
			}, Besides: []result.Broken{{Requirement: "CP-FLOW-07", Failed: []result.Shot{shot(59, result.Fail, "strays")}}}},
			{SDK: "mutant:harmless", Subject: "SDK", Description: "does nothing <wrong> & \x1b[31mred", Breaks: []result.Broken{
				{Requirement: "CP-FLOW-04", Passed: 3},
			}},
			{SDK: "mutant:relays-only", Subject: "SD-RTN", Description: "takes connections from relays only", Breaks: []result.Broken{
				{Requirement: "CP-PROV-02", Open: []result.Shot{shot(14, result.HarnessFault, "bob could not join\x1b[2J")}},
			}},
			{SDK: "mutant:one-relay", Subject: "SDK", Description: "tries one relay only", Breaks: []result.Broken{{Requirement: "CP-FW-23"}}},
			{SDK: "mutant:unmet", Subject: "cloud proxy", Description: "was not reached", Breaks: []result.Broken{
				{Requirement: "CP-VER-02", Open: []result.Shot{shot(20, result.NotRun, "the run ended before this case began")}},
			}},
		},
		Rules: []result.KillingRule{
			{ID: "CP-FLOW-04", Theme: "The four steps", Level: result.Must, Subject: "sdk", Statement: "All client data reaches SD-RTN from relay addresses."},
			{ID: "CP-FLOW-07", Theme: "The four steps", Level: result.Should, Subject: "sdk", Statement: "No host check leaves the client."},
			{ID: "CP-FW-01", Theme: "The whitelist", Level: result.Must, Subject: "firewall", Statement: "Row T1 passes."},
			{ID: "CP-VER-02", Theme: "Versions", Level: result.Must, Subject: "proxy", Statement: "The lookup refuses 2.5.0."},
			{ID: "CP-PROV-02", Theme: "Accounts", Level: result.Must, Subject: "proxy", Statement: "Without proxy it joins."},
		},
		Checks: []result.Check{
			{Step: "<user> is in the channel", Kills: []string{"mutant:direct-media"}},
			{Step: "nobody answered"},
		},
		Cases: 9, NeverFailed: []result.Harmless{{Case: "flow/data/nothing-is-lost"}, {Case: "flow/data/a-<bold>-case", Owes: true}},
	}
	result.JudgeMutation(m)
	return m
}

func TestMutantsGolden(t *testing.T) {
	for _, tt := range []struct {
		file  string
		write func(io.Writer, *result.Mutation) error
	}{
		{"mutants.html", reports.MutantsHTML},
		{"mutants.json", reports.MutantsJSON},
		{"mutants.txt", func(w io.Writer, m *result.Mutation) error {
			return reports.MutantsText(w, m, reports.Terminal{Dir: "proxyspec-report"})
		}},
	} {
		t.Run(tt.file, func(t *testing.T) { golden(t, tt.file, func(w io.Writer) error { return tt.write(w, mutation()) }) })
	}
}

func TestMutantsHeadlines(t *testing.T) {
	text := func(change func(*result.Mutation)) string {
		m := mutation()
		change(m)
		result.JudgeMutation(m)
		var b bytes.Buffer
		require.NoError(t, reports.MutantsText(&b, m, reports.Terminal{}))
		return b.String()
	}
	require.Contains(t, text(func(m *result.Mutation) { m.Mutants, m.Rules, m.NeverFailed = m.Mutants[:1], m.Rules[:2], nil }), "Proven: the suite killed 1 mutant,")
	require.Contains(t, text(func(m *result.Mutation) { m.Mutants, m.Rules, m.NeverFailed = m.Mutants[3:], nil, nil }), "Partial: 0 of 2 mutants were killed.")
	unsound := text(func(m *result.Mutation) { m.Reference = m.Mutants[0].Breaks[0].Failed })
	require.Contains(t, unsound, "Unsound: the reference did not pass 1 case.")
	require.NotContains(t, unsound, "kill no mutant:")
}

func TestMutantsPage(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, reports.MutantsHTML(&b, mutation()))
	page := b.String()
	for _, outside := range []string{"http:", "https:", "src=", "url(", "@import", "<link", "fetch("} {
		require.False(t, strings.Contains(page, outside), outside)
	}
	ids := map[string]bool{}
	for _, id := range submatches(`\sid="([^"]+)"`, page) {
		require.False(t, ids[id], "id %s occurs twice", id)
		ids[id] = true
	}
	for _, link := range submatches(`href="#([^"]+)"`, page) {
		require.True(t, ids[link], "nothing has the id %s", link)
	}
}

func TestWriteMutants(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	require.NoError(t, reports.WriteMutants(dir, mutation()))
	require.FileExists(t, filepath.Join(dir, "mutants.html"))
	text, err := os.ReadFile(filepath.Join(dir, "mutants.json"))
	require.NoError(t, err)
	var m result.Mutation
	require.NoError(t, json.Unmarshal(text, &m))
	require.Equal(t, mutation().Verdict, m.Verdict)

	require.NoError(t, os.Remove(filepath.Join(dir, "mutants.json")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "mutants.json"), 0o755))
	require.EqualError(t, reports.WriteMutants(dir, mutation()), "write mutants.json into "+dir+": file exists")
	require.Error(t, reports.MutantsHTML(broken{}, mutation()))
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("the disk is full") }
