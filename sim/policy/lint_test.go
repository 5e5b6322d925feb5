package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/policy"
)

func version(t *testing.T, text string) policy.Version {
	t.Helper()
	v, err := policy.ParseVersion(text)
	require.NoError(t, err)
	return v
}

// rows is a policy with one line of YAML for each row.
func rows(head string, lines ...string) string {
	var b strings.Builder
	b.WriteString("id: p\nas-of: 2026-01-01\n" + head + "entries:\n")
	for _, l := range lines {
		b.WriteString("  - {" + l + "}\n")
	}
	return b.String()
}

func TestLint(t *testing.T) {
	today := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	const t1 = "id: T1, protocols: TCP, destinations: 93.184.216.34, ports: 443, purpose: edge"
	row := func(id, rest string) string { return "id: " + id + ", purpose: x, " + rest }
	for _, tc := range []struct {
		name    string
		source  string
		options policy.LintOptions
		want    []string // severity, code and line of each finding
	}{
		{"nothing to say", rows("stage: production\n", t1), policy.LintOptions{Profile: policy.Production, Today: today}, nil},
		{"no rows", "id: p\nas-of: 2026-01-01\nentries: []", policy.LintOptions{}, []string{"error no-rows 3"}},
		{"syntax alone", "id: [", policy.LintOptions{}, []string{"error syntax 1"}},
		{"form and meaning", rows("vendro: x\n", "id: T1, protocols: TCP, destinations: 192.0.2.1, ports: 5-1"), policy.LintOptions{},
			[]string{"error unknown-field 3", "warning empty-purpose 5", "error reversed-range 5"}},

		{"ports overlap", rows("", row("T1", `protocols: TCP, destinations: 192.0.2.1, ports: ["443, 80-90", 85-100, 443]`)), policy.LintOptions{},
			[]string{"error overlapping-ranges 4", "error overlapping-ranges 4"}},
		{"wide range over several", rows("", row("T1", `protocols: TCP, destinations: 192.0.2.1, ports: "1-1000, 5, 10"`)), policy.LintOptions{},
			[]string{"error overlapping-ranges 4", "error overlapping-ranges 4"}},
		{"addresses overlap", rows("", row("T1", `protocols: TCP, destinations: [192.0.2.0/24, 192.0.2.7, a.example.com, A.example.com.], ports: 1`)), policy.LintOptions{},
			[]string{"error overlapping-ranges 4", "error overlapping-ranges 4"}},
		{"duplicate", rows("", row("T1", `protocols: [TCP, UDP], destinations: [192.0.2.1, 192.0.2.2], ports: "1, 2-3"`), row("T2", `protocols: [UDP, TCP], destinations: [192.0.2.2, 192.0.2.1], ports: 1-3`)),
			policy.LintOptions{}, []string{"error duplicate-row 5"}},
		{"rows overlap", rows("", row("T1", `protocols: TCP, destinations: 192.0.2.1, ports: 1-5`), row("T2", `protocols: TCP, destinations: 192.0.2.1, ports: 5-9`), row("T3", `protocols: UDP, destinations: 192.0.2.1, ports: 5-9`)),
			policy.LintOptions{}, []string{"warning overlapping-rows 5"}},
		{"network over host", rows("", row("T1", `protocols: TCP, destinations: 192.0.2.0/24, ports: 1-5`), row("T2", `protocols: TCP, destinations: 192.0.2.255, ports: any`)),
			policy.LintOptions{}, []string{"warning overlapping-rows 5"}},
		{"names overlap", rows("", row("T1", `protocols: TCP, destinations: a.example.com, ports: 1-5`), row("T2", `protocols: TCP, destinations: A.example.com, ports: 3`)),
			policy.LintOptions{}, []string{"warning overlapping-rows 5"}},
		{"a successor may overlap", rows("", row("T1", `protocols: TCP, destinations: 192.0.2.1, ports: 1-5, superseded-by: T2`), row("T2", `protocols: TCP, destinations: 192.0.2.1, ports: 5-9`)),
			policy.LintOptions{}, []string{"warning superseded 4"}},

		{"superseded by nobody", rows("", row("T1", `protocols: TCP, destinations: 192.0.2.1, ports: 1, superseded-by: T22`), row("T2", `protocols: TCP, destinations: 192.0.2.2, ports: 1`)),
			policy.LintOptions{}, []string{"error unknown-superseding 4"}},
		{"superseded in a circle", rows("", row("T1", `protocols: TCP, destinations: 192.0.2.1, ports: 1, superseded-by: T2`), row("T2", `protocols: TCP, destinations: 192.0.2.2, ports: 1, superseded-by: T1`)),
			policy.LintOptions{}, []string{"error unknown-superseding 4", "error unknown-superseding 5"}},

		{"empty purpose", rows("", `id: T1, protocols: TCP, destinations: 192.0.2.1, ports: 1, purpose: ""`, `id: T2, protocols: TCP, destinations: 192.0.2.2, ports: [1, 2], purpose: [a, ""]`),
			policy.LintOptions{}, []string{"warning empty-purpose 4", "warning empty-purpose 5"}},
		{"old list", rows("", t1), policy.LintOptions{Today: today, MaxAge: 100 * 24 * time.Hour}, []string{"warning old 2"}},
		{"old row", rows("", t1+", as-of: 2020-01-01"), policy.LintOptions{Today: today}, []string{"warning old 4"}},
		{"not old yet", rows("", t1), policy.LintOptions{Today: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}, nil},
		{"from tomorrow", rows("", t1), policy.LintOptions{Today: time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)}, []string{"warning future-date 2"}},
		{"no date", "id: p\nentries:\n  - {" + t1 + "}", policy.LintOptions{}, []string{"warning no-date 1"}},

		{"test list in production", rows("stage: test\n", t1), policy.LintOptions{Profile: policy.Production}, []string{"error test-list 3"}},
		{"test list in test", rows("stage: test\n", t1), policy.LintOptions{Profile: policy.Test}, nil},
		{"no stage", rows("", t1), policy.LintOptions{Profile: policy.Production}, []string{"warning no-stage 1"}},
		{"test address in production", rows("stage: production\n", row("T1", `protocols: TCP, destinations: [1.2.3.4, 47.74.211.0/24], ports: 443`)),
			policy.LintOptions{}, []string{"error test-address 5"}},
		{"addresses of nobody", rows("stage: production\n", row("T1", `protocols: TCP, destinations: [192.0.2.0/25, 10.0.0.1, "2001:db8::1", a.example.com, "*.a.test", example.org], ports: 443`)),
			policy.LintOptions{}, []string{"warning unreachable-address 5", "warning unreachable-address 5", "warning unreachable-address 5", "warning unreachable-address 5", "warning unreachable-address 5", "warning unreachable-address 5"}},

		{"SDK within", rows("sdk: \">=2.5.1 <3.4.0\"\n", t1), policy.LintOptions{SDK: version(t, "3.3.1")}, nil},
		{"SDK above", rows("sdk: \">=2.5.1 <3.4.0\"\n", t1), policy.LintOptions{SDK: version(t, "3.4.0")}, []string{"warning sdk-version 3"}},
		{"zone", rows("", row("T1", `protocols: TCP, destinations: [a.example.com, b.example.com, "*.example.com", "*.example.net"], ports: 443`)),
			policy.LintOptions{Zone: policy.Zone{"a.example.com": addrs("192.0.2.1"), "bb.example.com": nil}}, []string{"error unresolved-domain 4", "error unresolved-domain 4"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, f := range policy.Lint("p.yaml", []byte(tc.source), tc.options) {
				got = append(got, strings.Join([]string{string(f.Severity), f.Code, digits(f.Line)}, " "))
				require.True(t, f.Line > 0 && f.Column > 0, f.String())
				if f.Code != policy.CodeSyntax {
					require.NotEmpty(t, f.Remedy, f.String())
				}
			}
			require.Equal(t, tc.want, got)
		})
	}
}

func digits(n int) string { return string(rune('0' + n)) }

func TestLintWords(t *testing.T) {
	list := embedded(t, policy.CloudProxyTest)
	words := func(fs policy.Findings) (out []string) {
		for _, f := range fs {
			out = append(out, f.String())
		}
		return out
	}
	require.Equal(t, []string{
		`cloud-proxy-test.yaml:5:1: the list bears no date: nobody can tell whether it is out of date; add "as-of:" with the day on which it was right; CSV has a column of that name, a pasted table must be exported as YAML first`,
		`cloud-proxy-test.yaml:8:8: the list is for testing, and this is production; ask the vendor for production addresses; test addresses are shared, and go without notice`,
		`cloud-proxy-test.yaml:10:6: the list is for SDK >=2.5.1 <3.4.0, and SDK 3.4.0 is another: its list differs; ask the vendor for the list of that version`,
	}, words(list.Lint(policy.LintOptions{Profile: policy.Production, SDK: version(t, "3.4.0")})))

	p := parse(t, "p.yaml", rows("", "id: T1, protocols: TCP, destinations: 192.0.2.1, ports: 1-5, purpose: x", "id: T2, protocols: TCP, destinations: 192.0.2.1, ports: 5-9, purpose: x"))
	require.Equal(t, []string{`p.yaml:5:6: row T2: it opens TCP 192.0.2.1 port 5, and row T1 does too; write each once, so that closing a row closes it`},
		words(p.Lint(policy.LintOptions{})))
}
