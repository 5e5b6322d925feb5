package policy_test

import (
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy"
)

// document is compared with whatever is read.
var document = sync.OnceValue(policy.StandIn)

var positioned = regexp.MustCompile(`^f\.[a-z]+:[1-9][0-9]*:[1-9][0-9]*: `)

// judge holds what must be true of whatever a reader makes of its input: an error has a place, and a policy that is
// accepted compiles, lints, and survives being written and read.
func judge(t *testing.T, name, source string) {
	t.Helper()
	p, err := policy.Parse(name, []byte(source))
	findings := policy.Lint(name, []byte(source), policy.LintOptions{Profile: policy.Production, Zone: policy.Zone{}})
	for _, f := range findings {
		require.True(t, f.Severity == policy.SeverityNote || f.Line > 0 && f.Column > 0 && f.Remedy != "", "%s: %s, and no word of what to do", f.Code, f)
	}
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			require.Regexp(t, positioned, line)
		}
		require.NotZero(t, findings.Count(policy.SeverityError))
		return
	}
	require.NotPanics(t, func() { policy.Diff(p, document()) })
	for _, f := range policy.Formats() {
		_, err := p.Export(f, policy.Use{Names: names})
		require.NoError(t, err)
	}
	want := p.Compile(policy.Use{Names: names})
	_, err = firewall.New(want, firewall.Timeouts{})
	require.NoError(t, err)
	for _, f := range []policy.Format{policy.JSON, policy.YAML} {
		text, err := p.Export(f, policy.Use{})
		require.NoError(t, err)
		if f == policy.JSON {
			require.NoError(t, validate(t, []byte(text)), "%s", text)
		}
		again, err := policy.Parse("f."+string(f), []byte(text))
		require.NoError(t, err, "%s", text)
		require.Equal(t, want, again.Compile(policy.Use{Names: names}))
	}
}

func FuzzYAML(f *testing.F) {
	for _, name := range policy.EmbeddedNames() {
		source, err := policy.EmbeddedSource(name)
		require.NoError(f, err)
		f.Add(string(source))
	}
	f.Add(full)
	f.Add("id: &a b\nentries: *a\n")
	f.Add("id: p\nentries:\n- id: |\n    T1\n  ports: >-\n    443,\n    4000\n")
	f.Add("a: [" + strings.Repeat("[", 200))
	f.Add("? a\n: - - - b\n--- {}\n...\n%YAML 1.2")
	f.Fuzz(func(t *testing.T, source string) { judge(t, "f.yaml", source) })
}

func FuzzJSON(f *testing.F) {
	for _, name := range policy.EmbeddedNames() {
		text, err := embedded(f, name).Export(policy.JSON, policy.Use{})
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add(`{"id": "p", "entries": [{"id": "a", "ports": 443.5, "protocols": null}]} x`)
	f.Add(strings.Repeat("[", 200))
	f.Fuzz(func(t *testing.T, source string) { judge(t, "f.json", source) })
}

func FuzzTable(f *testing.F) {
	page, err := os.ReadFile("testdata/document.txt")
	require.NoError(f, err)
	f.Add(string(page))
	f.Add(pasted)
	f.Add("TCP/UDP 192.0.2.1 - 192.0.2.9, 198.51.100.0/24\nrelay.example.com any Media\nUDP x")
	f.Add("TCP 192.0.2.1 443 4000 Messages")
	f.Fuzz(func(t *testing.T, source string) { judge(t, "f.txt", source) })
}

func FuzzCSV(f *testing.F) {
	for _, name := range policy.EmbeddedNames() {
		text, err := embedded(f, name).Export(policy.CSV, policy.Use{})
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add("Protocol;Destination;Port;Purpose\nTCP;192.0.2.1;\"443, 4000\n3433 - 3460\";\"a\nb\"\n")
	f.Add("id,protocol,destination,ports\n\"")
	f.Fuzz(func(t *testing.T, source string) { judge(t, "f.csv", source) })
}

func FuzzZone(f *testing.F) {
	f.Add("$ORIGIN example.\nedge 60 IN A 192.0.2.17\nrelay IN CNAME edge\n")
	f.Add("$GENERATE 1-3 a$ A 192.0.2.$\n")
	f.Fuzz(func(t *testing.T, source string) {
		zone, err := policy.ParseZone("zone", source)
		if err == nil {
			for name := range zone {
				policy.NamesOf(zone).Addresses(epoch, "*."+name)
			}
		}
	})
}

func FuzzHear(f *testing.F) {
	f.Add([]byte("\x00\x01\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01"))
	f.Fuzz(func(t *testing.T, message []byte) {
		var n policy.Names
		if n.Hear(epoch, message) {
			require.True(t, n.Change(epoch).After(epoch))
		}
	})
}
