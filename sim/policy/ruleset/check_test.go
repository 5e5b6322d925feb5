package ruleset_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy"
	"github.com/proxyspec/proxyspec/sim/policy/ruleset"
)

var rewrite = flag.Bool("rewrite", false, "write the golden reports")

var office = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}

// listing is what this package's kernel tests got from nft and iptables, by loading an export or a file of rules.
func listing(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(text)
}

func check(t testing.TB, p *policy.Policy, text string, o ruleset.Options) *ruleset.Report {
	t.Helper()
	rs, err := ruleset.Parse("rules", []byte(text))
	require.NoError(t, err)
	report, err := ruleset.Check(p, rs, o)
	require.NoError(t, err)
	return report
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *rewrite {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// TestReports holds the reports about real listings against their golden copies.
func TestReports(t *testing.T) {
	path := ruleset.Path{In: "inside", Out: "outside"}
	for _, name := range []string{
		"half-open.nft.json", "half-open.iptables-save", "doubts.nft.json", "doubts.iptables-save", "no-answers.nft.json", "priorities.nft.json",
		"beside.nft.json", "docker.iptables-save", "flags.nft.json", "metered.nft.json", "altered.nft.json", "beyond.iptables-save",
	} {
		t.Run(name, func(t *testing.T) {
			report := check(t, policy.StandIn(), listing(t, name), ruleset.Options{Use: policy.Use{Sources: office}, Path: path})
			golden(t, name+".report", report.Text())
		})
	}
	t.Run("nobody said where the clients are", func(t *testing.T) {
		report := check(t, policy.StandIn(), listing(t, "half-open.nft.json"), ruleset.Options{})
		golden(t, "nowhere.report", report.Text())
		require.True(t, report.Missing() || report.Undecided())
	})
	t.Run("JSON and JUnit", func(t *testing.T) {
		report := check(t, policy.StandIn(), listing(t, "half-open.nft.json"), ruleset.Options{Use: policy.Use{Sources: office}, Path: path})
		text, err := json.MarshalIndent(report, "", "  ")
		require.NoError(t, err)
		golden(t, "half-open.json", string(text)+"\n")
		golden(t, "half-open.junit.xml", report.JUnit(true))
		require.NotEqual(t, report.JUnit(true), report.JUnit(false))
	})
}

// names are those by which the listings were made.
var names = policy.NamesOf(policy.Zone{
	"edge-1.cloud-proxy.example":  {netip.MustParseAddr("192.0.2.17")},
	"edge-2.cloud-proxy.example":  {netip.MustParseAddr("198.51.100.229")},
	"a.relay.cloud-proxy.example": {netip.MustParseAddr("192.0.2.138"), netip.MustParseAddr("2001:db8::138")},
	"logs.vendor.example":         {netip.MustParseAddr("203.0.113.80")},
})

// exports are policies and what the kernel's programs list once their exports are loaded.
func exports(t testing.TB) map[string]*policy.Policy {
	t.Helper()
	out := map[string]*policy.Policy{"stand-in": policy.StandIn()}
	for _, name := range []string{"vendor-lists", "cloud-proxy-production"} {
		p, err := policy.Embedded(name)
		require.NoError(t, err)
		out[name] = p
	}
	return out
}

// TestListingsOfExportsAreOpen checks the listings of all exports: every row is open, and nothing beyond need.
func TestListingsOfExportsAreOpen(t *testing.T) {
	for name, p := range exports(t) {
		use := policy.Use{Names: names}
		if name == "stand-in" {
			use.Sources = office // it was exported for them
		}
		both, err := ruleset.Parse("4", []byte(listing(t, name+".iptables-save")))
		require.NoError(t, err)
		six, err := ruleset.Parse("6", []byte(listing(t, name+".ip6tables-save")))
		require.NoError(t, err)
		both.Merge(six)
		byIPTables, err := ruleset.Check(p, both, ruleset.Options{Use: use})
		require.NoError(t, err)
		for _, report := range []*ruleset.Report{check(t, p, listing(t, name+".nft.json"), ruleset.Options{Use: use}), byIPTables} {
			for _, row := range report.Rows {
				require.Equal(t, ruleset.Open, row.Status, "%s, %s: %s", name, report.Kind, report.Text())
			}
			require.Empty(t, report.Beyond)
			require.Empty(t, report.Unknown)
			require.False(t, report.Missing() || report.Undecided())
		}
	}
}

// TestExportsReadThemselves checks the exports for iptables-restore before they are loaded.
func TestExportsReadThemselves(t *testing.T) {
	p := policy.StandIn()
	for _, sources := range [][]netip.Prefix{nil, office} {
		text, err := p.Export(policy.IPTables, policy.Use{Sources: sources})
		require.NoError(t, err)
		report := check(t, p, text, ruleset.Options{Use: policy.Use{Sources: sources}})
		require.Contains(t, report.Text(), "10 rows: 10 open, 0 partly open, 0 closed, 0 undecided")
		require.Equal(t, []string{"anything about IPv6: iptables-save lists IPv4 only"}, report.Unknown)
	}
}

// TestBrokenListings breaks the real listings, one rule at a time, and expects the report to name just that row.
func TestBrokenListings(t *testing.T) {
	for _, tc := range []struct {
		name string
		rule func(id string) *regexp.Regexp // the rule of a row in the listing
		drop func(rule string) string       // the same with the opposite verdict
	}{
		{"stand-in.nft.json", func(id string) *regexp.Regexp {
			return regexp.MustCompile(`, \{"rule": \{[^{}]*"comment": "` + id + `: [^"]*", "expr": .*?\{"accept": null\}\]\}\}`)
		}, func(rule string) string { return strings.Replace(rule, `{"accept": null}`, `{"drop": null}`, 1) }},
		{"stand-in.iptables-save", func(id string) *regexp.Regexp {
			return regexp.MustCompile(`(?m)^-A FORWARD .*"` + id + `: .*\n`)
		}, func(rule string) string { return strings.Replace(rule, "-j ACCEPT", "-j DROP", 1) }},
	} {
		text := listing(t, tc.name)
		statuses := func(text string) string {
			var out []string
			for _, row := range check(t, policy.StandIn(), text, ruleset.Options{Use: policy.Use{Sources: office}}).Rows {
				if row.Status != ruleset.Open {
					out = append(out, fmt.Sprint(row.ID, " ", row.Status))
				}
			}
			return strings.Join(out, ", ")
		}
		for _, e := range policy.StandIn().Entries {
			rule := tc.rule(e.ID)
			require.Len(t, rule.FindAllString(text, -1), 1, "%s %s", tc.name, e.ID)
			require.Equal(t, e.ID+" closed", statuses(rule.ReplaceAllString(text, "")), "%s: taken out", tc.name)
			require.Equal(t, e.ID+" closed", statuses(rule.ReplaceAllStringFunc(text, tc.drop)), "%s: turned round", tc.name)
		}
		for broken, want := range map[string]string{
			strings.ReplaceAll(text, "3460", "3450"):                                                                                 "T1 partly open, T2 partly open, T3 partly open",
			strings.ReplaceAll(text, "192.0.2.17\"", "192.0.2.18\""):                                                                 map[bool]string{true: "T4 closed"}[strings.HasPrefix(text, "{")],
			strings.ReplaceAll(strings.ReplaceAll(text, `"established", `, ""), ",ESTABLISHED", ""):                                  "T1 closed, T2 closed, T3 closed, T4 closed, T5 closed, T6 closed, T7 closed, T8 closed, T9 closed, T10 closed",
			strings.ReplaceAll(strings.ReplaceAll(text, `"policy": "drop"`, `"policy": "accept"`), "FORWARD DROP", "FORWARD ACCEPT"): "",
		} {
			require.Equal(t, want, statuses(broken), tc.name)
		}
	}
}

// TestGaps names the ports that are missing, what they are for, and who drops them.
func TestGaps(t *testing.T) {
	text := strings.ReplaceAll(listing(t, "stand-in.nft.json"), "3433, 3460", "3436, 3450")
	report := check(t, policy.StandIn(), text, ruleset.Options{Use: policy.Use{Sources: office}})
	require.Equal(t, []ruleset.Opening{{
		Protocol: "TCP", Source: "10.0.0.0/24", SourcePorts: "any", Destination: "192.0.2.138", Ports: "3433-3435, 3451-3460", Purpose: "media",
		Verdict: "drop", By: "the policy of chain forward of table inet proxyspec_cloud_proxy_stand_in",
	}}, report.Rows[0].Gaps)
	require.True(t, report.Missing())

	open := strings.ReplaceAll(listing(t, "stand-in.nft.json"), "192.0.2.17", "192.0.2.0")
	open = strings.Replace(open, `"right": "192.0.2.0"`, `"right": {"prefix": {"addr": "192.0.2.0", "len": 24}}`, 1)
	report = check(t, policy.StandIn(), open, ruleset.Options{Use: policy.Use{Sources: office}})
	require.False(t, report.Missing())
	var beyond []string
	for _, o := range report.Beyond {
		beyond = append(beyond, o.String())
	}
	require.Equal(t, []string{"TCP 192.0.2.0-192.0.2.137 port 443 from 10.0.0.0/24", "TCP 192.0.2.139-192.0.2.255 port 443 from 10.0.0.0/24"}, beyond)
	require.True(t, report.Beyond[0].PartNeeded)

	wide := strings.ReplaceAll(listing(t, "stand-in.nft.json"), "3433, 3460", "3430, 3470")
	report = check(t, policy.StandIn(), wide, ruleset.Options{Use: policy.Use{Sources: office}})
	require.Len(t, report.Beyond, 3)
	require.Equal(t, "TCP 192.0.2.138 ports 3430-3432, 3461-3470 from 10.0.0.0/24", report.Beyond[0].String())
}

// TestGapsSayWhoDecides keeps apart what differs only in what becomes of it: ports that one rule drops, that another
// does, and of which nobody can tell.
func TestGapsSayWhoDecides(t *testing.T) {
	p := policy.StandIn()
	p.Entries = p.Entries[7:8] // UDP 3478-3500
	report := check(t, p, `*filter
:FORWARD ACCEPT [0:0]
-A FORWARD -d 10.0.0.0/24 -p udp -m udp --sport 3500 -j DROP
-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A FORWARD -p udp -m udp --dport 3478 -j DROP
-A FORWARD -p udp -m udp --dport 3479:3480 -j REJECT
-A FORWARD -p udp -m udp --dport 3481 -m limit --limit 10/sec -j DROP
COMMIT
`, ruleset.Options{Use: policy.Use{Sources: office}})
	var gaps []string
	for _, g := range report.Rows[0].Gaps {
		gaps = append(gaps, fmt.Sprint(g.Ports, " ", g.Verdict, " ", g.By, " ", g.Answers))
	}
	require.ElementsMatch(t, []string{
		"3478 drop the rule on line 5 of chain FORWARD of table filter false",
		"3479-3480 drop the rule on line 6 of chain FORWARD of table filter false",
		"3481 undecided the policy of chain FORWARD of table filter false",
		"3500 drop the rule on line 3 of chain FORWARD of table filter true",
	}, gaps)
	require.Equal(t, ruleset.Partly, report.Rows[0].Status)
}

// TestCheckAgreesWithDecide compares the answers for regions with those for single packets, about every kind of rule.
func TestCheckAgreesWithDecide(t *testing.T) {
	for _, name := range []string{"half-open.nft.json", "half-open.iptables-save", "doubts.nft.json", "priorities.nft.json"} {
		rs, err := ruleset.Parse(name, []byte(listing(t, name)))
		require.NoError(t, err)
		p := policy.StandIn()
		path := ruleset.Path{In: "inside", Out: "outside"}
		report, err := ruleset.Check(p, rs, ruleset.Options{Use: policy.Use{Sources: office}, Path: path})
		require.NoError(t, err)
		for i, r := range p.Compile(policy.Use{}).Rules {
			verdicts := make(map[string]bool)
			for _, ports := range r.Ports {
				for port := int(ports.First); port <= int(ports.Last); port++ {
					for _, src := range []string{"10.0.0.2:1024", "10.0.0.3:65535"} {
						d, err := rs.Decide(r.Proto, netip.MustParseAddrPort(src), netip.AddrPortFrom(r.Destinations[0].Addr(), uint16(port)), path)
						require.NoError(t, err)
						verdicts[d.Verdict] = true
					}
				}
			}
			want := ruleset.Open
			switch {
			case verdicts["drop"] && verdicts["accept"]:
				want = ruleset.Partly
			case verdicts["drop"] && !verdicts["undecided"]:
				want = ruleset.Closed
			case verdicts["undecided"]:
				want = ruleset.Undecided
			}
			require.Equal(t, want, report.Rows[i].Status, "%s, row %s: %v", name, r.ID, verdicts)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	rs, err := ruleset.Parse("rules", []byte(listing(t, "stand-in.nft.json")))
	require.NoError(t, err)
	_, err = ruleset.Check(policy.StandIn(), rs, ruleset.Options{Path: ruleset.Path{Hook: "ingress"}})
	require.ErrorContains(t, err, `at the hook forward or output, not at "ingress"`)
	_, err = ruleset.Check(policy.StandIn(), rs, ruleset.Options{Use: policy.Use{Sources: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}}})
	require.ErrorContains(t, err, "write 10.0.0.0/24")
	_, err = rs.Decide(firewall.TCP, netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("[2001:db8::1]:1"), ruleset.Path{})
	require.ErrorContains(t, err, "one family")
}

// TestNoClientOfTheFamily can't tell whether a row is open to clients that there aren't.
func TestNoClientOfTheFamily(t *testing.T) {
	use := policy.Use{Sources: []netip.Prefix{netip.MustParsePrefix("2001:db8:a::/48")}}
	report := check(t, policy.StandIn(), listing(t, "stand-in.nft.json"), ruleset.Options{Use: use})
	require.Equal(t, ruleset.Undecided, report.Rows[0].Status)
	require.Contains(t, report.Text(), "can't be told: all of it; no client has an address of the row's family (--source)")
}

// TestOutput judges a computer's own firewall: its packets leave by output, the answers come by input.
func TestOutput(t *testing.T) {
	const rules = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A OUTPUT -d 192.0.2.138/32 -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`
	p := policy.StandIn()
	p.Entries = p.Entries[:1]
	report := check(t, p, rules, ruleset.Options{Path: ruleset.Path{Hook: ruleset.Output}})
	require.Equal(t, ruleset.Partly, report.Rows[0].Status)
	require.Equal(t, "4000", report.Rows[0].Gaps[0].Ports)
	report = check(t, p, strings.Replace(rules, "-A INPUT", "# -A INPUT", 1), ruleset.Options{Path: ruleset.Path{Hook: ruleset.Output}})
	require.Equal(t, ruleset.Closed, report.Rows[0].Status)
	require.True(t, report.Rows[0].Gaps[len(report.Rows[0].Gaps)-1].Answers || report.Rows[0].Gaps[0].Answers)
	require.Equal(t, ruleset.Forward, check(t, p, rules, ruleset.Options{}).Hook)
}

// TestAnyPort has rules for all ports that a service can have, and a row that needs any.
func TestAnyPort(t *testing.T) {
	p, err := policy.Parse("p.yaml", []byte("id: p\nentries:\n- {id: A, protocols: UDP, destinations: 192.0.2.1, ports: any}\n"))
	require.NoError(t, err)
	for _, ports := range []string{"", "-m udp --dport 1:65535 "} {
		report := check(t, p, "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A FORWARD -d 192.0.2.1 -p udp "+ports+"-j ACCEPT\nCOMMIT\n", ruleset.Options{})
		require.Equal(t, ruleset.Open, report.Rows[0].Status, "%q\n%s", ports, report.Text())
		require.Empty(t, report.Beyond)
	}
}
