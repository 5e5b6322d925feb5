package ruleset_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy"
	"github.com/proxyspec/proxyspec/sim/policy/ruleset"
)

var way = ruleset.Path{In: "inside", Out: "outside"}

// status is how a ruleset treats a row of TCP.
func status(t *testing.T, text string) ruleset.Status {
	t.Helper()
	p := policy.StandIn()
	p.Entries = p.Entries[:1]
	return check(t, p, text, ruleset.Options{Use: policy.Use{Sources: office}, Path: way}).Rows[0].Status
}

// TestAnswersByTheirFlags has rules without state: an answer begins with SYN and ACK, and data comes with PSH.
func TestAnswersByTheirFlags(t *testing.T) {
	for match, want := range map[string]ruleset.Status{
		"--tcp-flags ACK ACK":         ruleset.Open,
		"! --syn":                     ruleset.Open,
		"--tcp-flags SYN,ACK ACK":     ruleset.Closed, // no SYN-ACK
		"--tcp-flags PSH,ACK ACK":     ruleset.Closed, // no data
		"--tcp-flags FIN,SYN,ACK ACK": ruleset.Closed,
	} {
		rules := "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -i inside -j ACCEPT\n-A FORWARD -i outside -p tcp -m tcp " + match + " -j ACCEPT\nCOMMIT\n"
		require.Equal(t, want, status(t, rules), match)
	}
	for match, want := range map[string]ruleset.Status{
		`"op": "in", "left": %s, "right": "ack"`:                                   ruleset.Open,
		`"op": "==", "left": %s, "right": {"set": ["ack", "syn"]}`:                 ruleset.Closed, // one of them, and no other
		`"op": "==", "left": %s, "right": {"set": ["ack", {"|": ["syn", "ack"]}]}`: ruleset.Closed,
		`"op": "!=", "left": %s, "right": {"set": ["syn"]}`:                        ruleset.Open,
	} {
		rules := nft(
			`{"rule": {"family": "inet", "table": "t", "chain": "c", "expr": [{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "inside"}}, {"accept": null}]}}`,
			`{"rule": {"family": "inet", "table": "t", "chain": "c", "expr": [{"match": {`+fmt.Sprintf(match, `{"payload": {"protocol": "tcp", "field": "flags"}}`)+`}}, {"accept": null}]}}`)
		require.Equal(t, want, status(t, rules), match)
	}
}

// nft is a listing of a forward chain that drops, and more.
func nft(more ...string) string {
	return `{"nftables": [
{"table": {"family": "inet", "name": "t", "handle": 1}},
{"chain": {"family": "inet", "table": "t", "name": "c", "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
` + strings.Join(more, ",\n") + "]}"
}

// TestTranslatedSources has a rule against packets from outside to addresses inside: while the firewall translates
// sources, answers have its own address when such a rule sees them.
func TestTranslatedSources(t *testing.T) {
	const rules = `*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -i outside -d 10.0.0.0/8 -j DROP
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 10.0.0.0/8 -o outside -j MASQUERADE
COMMIT
`
	require.Equal(t, ruleset.Undecided, status(t, rules))
	require.Equal(t, ruleset.Closed, status(t, strings.Replace(rules, "-s 10.0.0.0/8", "-s 172.17.0.0/16", 1)), "of others' sources")
	require.Equal(t, ruleset.Undecided, status(t, strings.Replace(rules, "-s 10.0.0.0/8", "-m mark --mark 1", 1)), "of some, perhaps")
	require.Equal(t, ruleset.Open, status(t, strings.Replace(rules, "-d 10", "-p udp -d 10", 1)))
	require.Equal(t, ruleset.Closed, status(t, strings.Replace(strings.Replace(rules, "*raw", "*filter", 1), "PREROUTING", "FORWARD", 2)), "translated back by then")
	require.Equal(t, ruleset.Undecided, status(t, strings.Replace(rules, "-d 10.0.0.0/8", "-p tcp --dport 1024:65535", 1)), "the port may be another, too")
	require.Equal(t, ruleset.Undecided, status(t, strings.Replace(rules, "-d 10.0.0.0/8", "-m addrtype --dst-type LOCAL", 1)), "it is the firewall's")
	perhaps := strings.Replace(rules, "-s 10.0.0.0/8 -o outside -j MASQUERADE", "-m mark --mark 1 -j MASQUERADE\n-A POSTROUTING -j ACCEPT", 1)
	require.Equal(t, ruleset.Undecided, status(t, perhaps), "and then it is accepted")
	before := strings.Replace(strings.Replace(rules, "*raw", "*mangle", 1), "PREROUTING", "POSTROUTING", 2)
	require.Equal(t, ruleset.Closed, status(t, strings.Replace(before, "-i outside -d", "-o outside -m conntrack --ctstate ESTABLISHED -s", 1)), "not translated yet")
}

// TestLateTranslation has a chain of nat whose priority is above that of a filter: the kernel asks it before, all the same.
func TestLateTranslation(t *testing.T) {
	late := nft(`{"rule": {"family": "inet", "table": "t", "chain": "c", "expr": [{"accept": null}]}}`,
		`{"chain": {"family": "inet", "table": "t", "name": "f", "type": "filter", "hook": "postrouting", "prio": 200, "policy": "accept"}}`,
		`{"rule": {"family": "inet", "table": "t", "chain": "f", "expr": [{"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": "outside"}}, {"match": {"op": "!=", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": {"prefix": {"addr": "10.0.0.0", "len": 8}}}}, {"drop": null}]}}`,
		`{"chain": {"family": "inet", "table": "t", "name": "n", "type": "nat", "hook": "postrouting", "prio": 300, "policy": "accept"}}`,
		`{"rule": {"family": "inet", "table": "t", "chain": "n", "expr": [{"masquerade": null}]}}`)
	require.Equal(t, ruleset.Undecided, status(t, late), "the masquerade's address is nobody's to know")
	require.Equal(t, ruleset.Open, status(t, strings.Replace(late, `{"masquerade": null}`, `{"accept": null}`, 1)))
	port := strings.Replace(late, `"protocol": "ip", "field": "saddr"`, `"protocol": "tcp", "field": "sport"`, 1)
	require.Equal(t, ruleset.Undecided, status(t, strings.Replace(port, `{"prefix": {"addr": "10.0.0.0", "len": 8}}`, "7", 1)), "nor its port")

	rules, err := ruleset.Parse("late", []byte(late))
	require.NoError(t, err)
	d, err := rules.Decide(firewall.TCP, netip.MustParseAddrPort("10.0.0.7:50000"), netip.MustParseAddrPort("192.0.2.1:443"), way)
	require.NoError(t, err)
	require.Equal(t, "undecided", d.Verdict, d.By)
}

// TestOldListings have a REJECT of iptables' own: before 1.0.6 nft lists it without a word of what it is.
func TestOldListings(t *testing.T) {
	rules := nft(`{"rule": {"family": "inet", "table": "t", "chain": "c", "expr": [{"xt": null}]}}`,
		`{"rule": {"family": "inet", "table": "t", "chain": "c", "expr": [{"accept": null}]}}`)
	require.Equal(t, ruleset.Undecided, status(t, rules))
}

// TestAnswersAreTranslatedBack has a filter that sees answers when they have the client's address again.
func TestAnswersAreTranslatedBack(t *testing.T) {
	require.Equal(t, ruleset.Closed, status(t, nft(`{"rule": {"family": "inet", "table": "t", "chain": "c", "expr": [{"accept": null}]}}`,
		`{"chain": {"family": "inet", "table": "t", "name": "p", "type": "filter", "hook": "prerouting", "prio": 0, "policy": "accept"}}`,
		`{"rule": {"family": "inet", "table": "t", "chain": "p", "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": {"prefix": {"addr": "10.0.0.0", "len": 8}}}}, {"drop": null}]}}`,
		`{"chain": {"family": "inet", "table": "t", "name": "n", "type": "nat", "hook": "postrouting", "prio": 100, "policy": "accept"}}`,
		`{"rule": {"family": "inet", "table": "t", "chain": "n", "expr": [{"masquerade": null}]}}`)))
}

// TestUnlessNobodyCanTell has one rule in a chain that drops, with its accept behind it.
func TestUnlessNobodyCanTell(t *testing.T) {
	vmap := func(key, elements string) string {
		return `{"vmap": {"key": ` + key + `, "data": {"set": [` + elements + `]}}}, `
	}
	const tcpPort, mark, own = `{"payload": {"protocol": "tcp", "field": "dport"}}`, `{"meta": {"key": "mark"}}`, `{"fib": {"result": "type", "flags": ["daddr"]}}`
	for rule, want := range map[string]ruleset.Status{
		`{"flow": {"op": "add", "flowtable": "@f"}}, `:                                                               ruleset.Undecided,
		vmap(tcpPort, `[443, {"accept": null}], ["*", {"drop": null}]`):                                              ruleset.Closed,
		vmap(mark, `[1, {"continue": null}], ["*", {"drop": null}]`):                                                 ruleset.Undecided,
		vmap(own, `["local", {"continue": null}], ["*", {"drop": null}]`):                                            ruleset.Undecided,
		vmap(`{"payload": {"protocol": "udp", "field": "dport"}}`, `[443, {"accept": null}], ["*", {"drop": null}]`): ruleset.Open, // TCP has none
	} {
		require.Equal(t, want, status(t, nft(`{"rule": {"family": "inet", "table": "t", "chain": "c", "expr": [`+rule+`{"accept": null}]}}`)), rule)
	}
}

// TestOwnFirewall is a client's: what it sends came in nowhere, and answers are addressed to it.
func TestOwnFirewall(t *testing.T) {
	p := policy.StandIn()
	p.Entries = p.Entries[:1]
	mine := ruleset.Options{Use: policy.Use{Sources: office}, Path: ruleset.Path{Hook: ruleset.Output}}
	sent := strings.Replace(nft(`{"rule": {"family": "inet", "table": "t", "chain": "c", "expr": [{"match": {"op": "!=", "left": {"meta": {"key": "iifname"}}, "right": "x"}}, {"accept": null}]}}`), "forward", "output", 1)
	require.Equal(t, ruleset.Open, check(t, p, sent, mine).Rows[0].Status)
	const answers = "*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -m addrtype --dst-type LOCAL -j ACCEPT\nCOMMIT\n"
	require.Equal(t, ruleset.Undecided, check(t, p, answers, mine).Rows[0].Status)
}

// TestChainsAtTheEdge can't tell what becomes of packets that a chain at ingress may drop.
func TestChainsAtTheEdge(t *testing.T) {
	const accept = `{"rule": {"family": "inet", "table": "t", "chain": "c", "expr": [{"accept": null}]}}`
	edge := func(family, hook, device, verdict string) string {
		return nft(accept, `{"table": {"family": "`+family+`", "name": "e", "handle": 2}}`,
			`{"chain": {"family": "`+family+`", "table": "e", "name": "i", "type": "filter", "hook": "`+hook+`", "prio": 0, "policy": "accept"`+device+`}}`,
			`{"rule": {"family": "`+family+`", "table": "e", "chain": "i", "expr": [{"`+verdict+`": null}]}}`)
	}
	require.Equal(t, ruleset.Undecided, status(t, edge("netdev", "ingress", "", "drop")), "a device that isn't listed")
	require.Equal(t, ruleset.Undecided, status(t, edge("netdev", "ingress", `, "dev": "inside"`, "drop")))
	require.Equal(t, ruleset.Undecided, status(t, edge("inet", "ingress", `, "dev": ["x", "outside"]`, "drop")), "of answers")
	require.Equal(t, ruleset.Undecided, status(t, edge("netdev", "egress", `, "dev": "outside"`, "drop")))
	require.Equal(t, ruleset.Open, status(t, edge("netdev", "ingress", `, "dev": "x"`, "drop")))
	accepting := edge("netdev", "ingress", "", "accept")
	require.Equal(t, ruleset.Open, status(t, accepting))
	require.Equal(t, ruleset.Undecided, status(t, strings.Replace(accepting, `"policy": "accept"`, `"policy": "drop"`, 1)), "by its policy")
}

// TestDormant leaves tables alone that the kernel does. nft 1.0.6 lists the name of a table in place of its flags.
func TestDormant(t *testing.T) {
	for flags, want := range map[string]ruleset.Status{
		`"dormant"`: ruleset.Open, `["dormant"]`: ruleset.Open, `["owner", "persist"]`: ruleset.Closed, `"t"`: ruleset.Undecided,
	} {
		rules := strings.Replace(nft(`{"table": {"family": "inet", "name": "u", "handle": 2}}`), `"handle": 1`, `"handle": 1, "flags": `+flags, 1)
		require.Equal(t, want, status(t, rules), flags)
	}
}

// TestBothListings of one host: what iptables made, iptables-save explains, and nft the rest.
func TestBothListings(t *testing.T) {
	const made = `{"chain": {"family": "ip", "table": "filter", "name": "FORWARD", "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
{"rule": {"family": "ip", "table": "filter", "chain": "FORWARD", "expr": [{"xt": {"type": "match", "name": "conntrack"}}, {"accept": null}]}}`
	const saved = "# Generated by iptables-save v1.8.9 (nf_tables)\n*filter\n:FORWARD DROP [0:0]\n-A FORWARD -p tcp -j ACCEPT\nCOMMIT\n"
	const mine = `{"chain": {"family": "ip", "table": "filter", "name": "mine", "type": "filter", "hook": "forward", "prio": 5, "policy": "drop"}}`
	const more = "# Table `filter' contains incompatible base-chains, use 'nft' tool to list them.\n"
	p := policy.StandIn()
	p.Entries = p.Entries[:1]
	for _, tc := range []struct {
		listings [2]string
		want     ruleset.Status
	}{
		{[2]string{`{"nftables": [` + made + `]}`, saved}, ruleset.Open},
		{[2]string{saved, `{"nftables": [` + made + `]}`}, ruleset.Open},
		{[2]string{`{"nftables": [` + made + "," + mine + `]}`, saved}, ruleset.Closed}, // by a chain in the same table
		{[2]string{saved, more + saved}, ruleset.Undecided},
		{[2]string{more + saved, `{"nftables": [` + made + `]}`}, ruleset.Open},
		{[2]string{`{"nftables": [` + made + "," + mine + `]}`, more + saved}, ruleset.Closed},
		{[2]string{saved, nft(made)}, ruleset.Closed},                                                                 // by nft's own table
		{[2]string{`{"nftables": [` + made + `]}`, strings.Replace(saved, " (nf_tables)", "", 1)}, ruleset.Undecided}, // two firewalls, one of them old
	} {
		both, err := ruleset.Parse("one", []byte(tc.listings[0]))
		require.NoError(t, err)
		other, err := ruleset.Parse("other", []byte(tc.listings[1]))
		require.NoError(t, err)
		both.Merge(other)
		report, err := ruleset.Check(p, both, ruleset.Options{Use: policy.Use{Sources: office}, Path: way})
		require.NoError(t, err)
		require.Equal(t, tc.want, report.Rows[0].Status, report.Text())
	}

	var all *ruleset.Ruleset // with those of IPv6, before what they explain
	for _, listing := range []string{saved, "# Generated by ip6tables-save v1.8.9 (nf_tables)\n" + saved[strings.Index(saved, "*"):], `{"nftables": [` + strings.ReplaceAll(made, `"ip"`, `"ip6"`) + `]}`} {
		rules, err := ruleset.Parse("one of three", []byte(listing))
		require.NoError(t, err)
		if all == nil {
			all = rules
			continue
		}
		all.Merge(rules)
	}
	d, err := all.Decide(firewall.TCP, netip.MustParseAddrPort("[2001:db8::7]:50000"), netip.MustParseAddrPort("[2001:db8::1]:443"), way)
	require.NoError(t, err)
	require.Equal(t, "accept", d.Verdict, d.Doubts)
}

// TestRedirectedFlows has rules for flows that got another destination: nobody can tell which ones, once any may.
func TestRedirectedFlows(t *testing.T) {
	const listed = `{"rule": {"family": "inet", "table": "t", "chain": "c", "expr": [{"match": {"op": "in", "left": {"ct": {"key": "status"}}, "right": "dnat"}}, {"accept": null}]}}`
	require.Equal(t, ruleset.Closed, status(t, nft(listed)))
	require.Equal(t, ruleset.Undecided, status(t, nft(listed,
		`{"chain": {"family": "inet", "table": "t", "name": "n", "type": "nat", "hook": "prerouting", "prio": -100, "policy": "accept"}}`,
		`{"rule": {"family": "inet", "table": "t", "chain": "n", "expr": [{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "outside"}}, {"dnat": {"addr": "10.0.0.9"}}]}}`)))

	const states = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT\n%sCOMMIT\n"
	const forwarded = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -i outside -p tcp -m tcp --dport 8443 -j DNAT --to-destination 10.0.0.9\nCOMMIT\n"
	opened := fmt.Sprintf(states, "-A FORWARD -i inside -j ACCEPT\n")
	require.Equal(t, ruleset.Open, status(t, opened), "answers are established")
	require.Equal(t, ruleset.Open, status(t, forwarded+opened))
	require.Equal(t, ruleset.Closed, status(t, fmt.Sprintf(states, "")))
	require.Equal(t, ruleset.Undecided, status(t, forwarded+fmt.Sprintf(states, "")))
}

// TestOlderTables has what iptables says on standard error beside its listing.
func TestOlderTables(t *testing.T) {
	const older = "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -p tcp -j DROP\nCOMMIT\n"
	const listed = "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n" +
		"# Generated by iptables-save v1.8.9 (nf_tables)\n*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n"
	require.Equal(t, ruleset.Undecided, status(t, listed))
	rs, err := ruleset.Parse("rules", []byte(listed))
	require.NoError(t, err)
	beside, err := ruleset.Parse("older", []byte(older))
	require.NoError(t, err)
	rs.Merge(beside)
	d, err := rs.Decide(firewall.TCP, netip.MustParseAddrPort("10.0.0.2:50000"), netip.MustParseAddrPort("192.0.2.1:443"), way)
	require.NoError(t, err)
	require.Equal(t, "drop", d.Verdict)
	d, err = rs.Decide(firewall.UDP, netip.MustParseAddrPort("10.0.0.2:50000"), netip.MustParseAddrPort("192.0.2.1:443"), way)
	require.NoError(t, err)
	require.Equal(t, "accept", d.Verdict, "both are known")
}

// TestEveryProtocol has rules for protocols that no row needs: what they open is told.
func TestEveryProtocol(t *testing.T) {
	for match, want := range map[string]string{
		`"left": {"payload": {"protocol": "sctp", "field": "dport"}}, "right": 36412`:                                                                "protocol 132 any port 36412",
		`"left": {"payload": {"protocol": "ip", "field": "protocol"}}, "right": "vrrp"`:                                                              "protocol 112 any",
		`"left": {"meta": {"key": "l4proto"}}, "right": "pim"`:                                                                                       "protocol 103 any",
		`"left": {"concat": [{"meta": {"key": "l4proto"}}, {"payload": {"protocol": "th", "field": "dport"}}]}, "right": {"concat": ["dccp", 5004]}`: "protocol 33 any port 5004",
	} {
		report := check(t, policy.StandIn(), nft(`{"rule": {"family": "inet", "table": "t", "chain": "c", "expr": [{"match": {"op": "==", `+match+`}}, {"accept": null}]}}`), ruleset.Options{})
		require.NotEmpty(t, report.Beyond, match)
		require.Equal(t, want, report.Beyond[0].String())
	}
	report := check(t, policy.StandIn(), nft(`{"rule": {"family": "inet", "table": "t", "chain": "c", "expr": [{"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "newest"}}, {"accept": null}]}}`), ruleset.Options{})
	require.Equal(t, []string{`rule 1 of chain c of table inet t: the protocol "newest" isn't known here: write its number in the rule`}, report.Unknown)
	require.Equal(t, ruleset.Closed, report.Rows[0].Status, "it is not TCP")
}

// TestAlteredPackets has rules after which a packet isn't what a later chain is asked about.
func TestAlteredPackets(t *testing.T) {
	const forward = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate ESTABLISHED,UNTRACKED -j ACCEPT\n-A FORWARD -d 10.9.9.9/32 -j ACCEPT\nCOMMIT\n"
	require.Equal(t, ruleset.Closed, status(t, forward))
	for _, before := range []string{
		"*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 192.0.2.0/24 -j CT --notrack\nCOMMIT\n",
		"*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 192.0.2.0/24 -j DNAT --to-destination 10.9.9.9\nCOMMIT\n",
		"*nat\n:PREROUTING ACCEPT [0:0]\n:web - [0:0]\n-A PREROUTING -m mark --mark 1 -j web\n-A web -j DNAT --to-destination 10.9.9.9\nCOMMIT\n",
	} {
		require.Equal(t, ruleset.Undecided, status(t, before+forward), before)
	}
	require.Equal(t, ruleset.Closed, status(t, "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 198.51.100.0/24 -j DNAT --to-destination 10.9.9.9\nCOMMIT\n"+forward), "of others")
	require.Equal(t, ruleset.Closed, status(t, "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m limit --limit 1/sec -j DROP\nCOMMIT\n"+forward), "dropped here or there")
}
