package policy_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy"
)

func TestParseReadsEverything(t *testing.T) {
	p := parse(t, "all.yaml", full)
	require.Equal(t, "all", p.ID)
	require.Equal(t, policy.Production, p.Stage)
	require.Equal(t, ">=2.5.1 <3.4.0, >2.0.0", p.SDK.String())
	e := p.Entries[0]
	require.Equal(t, []firewall.Proto{firewall.TCP, firewall.UDP}, e.Protocols)
	var got []string
	for _, d := range e.Destinations {
		got = append(got, d.String())
	}
	require.Equal(t, []string{"192.0.2.1", "198.51.100.0/24", "203.0.113.8/29", "2001:db8::/32", "relay.example", "*.example.com"}, got)
	require.Equal(t, "a and b and c", e.PurposeText())
	require.Equal(t, "b", e.PurposeOf(5005))
	require.Equal(t, policy.Recommended, e.Level)
	require.Equal(t, policy.Required, p.Entries[1].Level)
	require.Empty(t, p.Entries[1].Ports, "any")

	rules := p.Compile(policy.Use{}).Rules
	require.Equal(t, "T1/tcp", rules[0].ID)
	require.Equal(t, "T1/udp", rules[1].ID)
	require.Equal(t, "T2", rules[2].ID)
	require.Len(t, rules[0].Destinations, 4, "names without addresses open nothing")
	_, err := firewall.New(p.Compile(policy.Use{}), firewall.Timeouts{})
	require.NoError(t, err)
}

// entry is a policy of one row, in which a test breaks one thing.
func entry(fields ...string) string {
	return "id: p\nentries:\n  - id: T1\n    " + strings.Join(fields, "\n    ") + "\n"
}

func TestParseSaysWhatIsWrongAndWhere(t *testing.T) {
	const protocols, destinations, ports = "protocols: TCP", "destinations: 192.0.2.1", "ports: 443"
	for _, tc := range []struct{ name, source, want string }{
		{"empty", "", `p.yaml:1:1: the file is empty; a policy begins with its id`},
		{"no map", "- a", `p.yaml:1:1: a policy must be a map of fields, not a list`},
		{"syntax", "id: [", `p.yaml:1:`},
		{"two documents", "id: p\nentries: []\n---\nid: q\n", `p.yaml:4:1: a second YAML document`},
		{"anchor", "id: &a p\nentries: []\n", `p.yaml:1:5: anchor can't be read here`},
		{"unknown field", "id: p\nvendro: x\nentries: []\n", `p.yaml:2:1: a policy has no field "vendro"; did you mean "vendor"?`},
		{"unknown field, nothing near", "id: p\nxyzzyx: x\nentries: []\n", `known fields are $schema, as-of, entries`},
		{"unknown field of an entry", entry("protocol: TCP", destinations, ports), `p.yaml:4:5: row T1: an entry has no field "protocol"; did you mean "protocols"?`},
		{"missing field", entry(protocols, destinations), `p.yaml:3:5: row T1: an entry needs the field "ports"`},
		{"field twice", "id: p\nid: p\nentries: []", `p.yaml:2:1: `},
		{"ID", "id: -p\nentries: []", `p.yaml:1:5: the policy's id, "-p", must be 1 to 64 letters`},
		{"reserved ID", "id: p\nentries:\n  - {id: default, protocols: TCP, destinations: 192.0.2.1, ports: 1}", `p.yaml:3:10: an entry's id, "default", is reserved`},
		{"ID twice", entry(protocols, destinations, ports) + "  - {id: T1, protocols: UDP, destinations: 192.0.2.1, ports: 1}", `p.yaml:7:10: row T1: line 3 has a row of this id already`},
		{"number for text", "id: 7\nentries: []", `p.yaml:1:5: the policy's id must be text, not a number; put it in quotes`},
		{"stage", "id: p\nstage: prodction\nentries: []", `p.yaml:2:8: "prodction" is no stage; did you mean "production"?`},
		{"level", entry(protocols, destinations, ports, "level: must"), `"must" is no level; write required or recommended`},
		{"day", "id: p\nas-of: yesterday\nentries: []", `p.yaml:2:8: "yesterday" is no day; write it as 2026-01-31`},
		{"SDK", "id: p\nsdk: 2.5\nentries: []", `p.yaml:2:6: "2.5" is no range of SDK versions; write it in quotes, such as ">=2.5.1 <3.4.0"`},
		{"protocol", entry("protocols: [TCP, ICMP]", destinations, ports), `p.yaml:4:22: row T1: "ICMP" is no protocol of a policy; write TCP, UDP or [TCP, UDP]`},
		{"protocol twice", entry("protocols: [TCP, tcp]", destinations, ports), `p.yaml:4:22: row T1: TCP stands here for the second time`},
		{"address", entry(protocols, "destinations: 192.0.2.300", ports), `p.yaml:5:19: row T1: "192.0.2.300" is no address, network, range or domain name`},
		{"network", entry(protocols, "destinations: [192.0.2.1, 192.0.2.0/33]", ports), `p.yaml:5:31: row T1: "192.0.2.0/33" is no network such as 203.0.113.0/24`},
		{"host bits", entry(protocols, "destinations: 192.0.2.1/24", ports), `"192.0.2.1/24" names one host of a network; write 192.0.2.0/24, or the address alone`},
		{"reversed addresses", entry(protocols, "destinations: 192.0.2.9 - 192.0.2.1", ports), `p.yaml:5:19: row T1: the range 192.0.2.9-192.0.2.1 is reversed; write 192.0.2.1-192.0.2.9`},
		{"families", entry(protocols, `destinations: "192.0.2.1-2001:db8::1"`, ports), `both ends must be of one family`},
		{"IPv4 in IPv6", entry(protocols, `destinations: "::ffff:192.0.2.1"`, ports), `p.yaml:5:20: row T1: "::ffff:192.0.2.1" is an IPv4 address in IPv6 clothes: write 192.0.2.1`},
		{"port 0", entry(protocols, destinations, "ports: 443, 0"), `p.yaml:6:17: row T1: 0 is no port; ports are 1 to 65535`},
		{"port 65536", entry(protocols, destinations, "ports: 65536"), `p.yaml:6:12: row T1: 65536 is no port`},
		{"word for a port", entry(protocols, destinations, `ports: ["443, http", 80]`), `p.yaml:6:19: row T1: "http" is no port`},
		{"half a range", entry(protocols, destinations, "ports: 443, 3433 -"), `p.yaml:6:23: row T1: a port is missing here`},
		{"reversed ports", entry(protocols, destinations, "ports: 443, 3460-3433"), `p.yaml:6:17: row T1: the range 3460-3433 is reversed; write 3433-3460`},
		{"no ports", entry(protocols, destinations, `ports: ""`), `p.yaml:6:13: row T1: no ports; write ports and ranges`},
		{"any and more", entry(protocols, destinations, "ports: [any, 80]"), `"any" beside other ports`},
		{"purposes", entry(protocols, destinations, "ports: [1, 2]", "purpose: [a, b, c]"), `p.yaml:7:14: row T1: 3 purposes for 2 groups of ports`},
		{"not UTF-8", "id: p\nvendor: \xff\n", "p.yaml:2:9: the file is not text in UTF-8; save it as UTF-8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := policy.Parse("p.yaml", []byte(tc.source))
			require.Nil(t, p)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// TestParseNamesAllMistakesAtOnce gives one run of mending.
func TestParseNamesAllMistakesAtOnce(t *testing.T) {
	_, err := policy.Parse("p.yaml", []byte(entry("protocols: XYZ", "destinations: nowhere", "ports: 0", "level: big")))
	require.Len(t, strings.Split(err.Error(), "\n"), 4)
}

func TestParsePorts(t *testing.T) {
	for _, tc := range []struct {
		cell   string
		ports  int
		groups int
	}{
		{"443, 4000\n3433 - 3460", 30, 2}, // the document's cell
		{"443, 4000\n3433 – 3460", 30, 2},
		{"443,4000,3433—3460", 30, 1},
		{"3478 - 3500", 23, 1},
		{" 443 ; 80 8080\t1-3 ", 6, 1},
		{"443", 1, 1},
		{"ANY", 0, 0},
	} {
		groups, err := policy.ParsePorts(tc.cell)
		require.NoError(t, err, "%q", tc.cell)
		n := 0
		for _, g := range groups {
			for _, r := range g.Ranges {
				n += int(r.Last-r.First) + 1
			}
		}
		require.Equal(t, tc.ports, n, "%q", tc.cell)
		require.Len(t, groups, tc.groups, "%q", tc.cell)
	}
	_, err := policy.ParsePorts("443,\n 3460-3433")
	require.EqualError(t, err, `ports "443,\n 3460-3433", line 2, column 2: the range 3460-3433 is reversed; write 3433-3460`)
}

const pasted = `
    Protocol Destination Port Purpose
    TCP 23.236.115.138 443, 4000
    3433 - 3460
    Message data transmission
    Media data exchange
    TCP 47.74.211.17 443 Edge node communication
    UDP 23.236.115.138 3478 – 3500 Media data exchange
    These IPs are for testing only. You need to apply for exclusive IP resources for production environment.
  5. Call the method.
`

func TestTable(t *testing.T) {
	p := parse(t, "list.txt", pasted)
	require.Equal(t, "list", p.ID)
	require.Equal(t, policy.Test, p.Stage)
	require.Equal(t, uint64(30+1+23), p.Pairs())
	require.Equal(t, "Message data transmission", p.Entries[0].PurposeOf(4000))
	require.Equal(t, "Media data exchange", p.Entries[0].PurposeOf(3440))
	var notes []string
	for _, n := range p.Notes {
		notes = append(notes, n.String())
	}
	require.Equal(t, []string{
		"list.txt:3:5: row T1: TCP 23.236.115.138, 30 ports (443, 4000, 3433-3460): Message data transmission and Media data exchange",
		"list.txt:7:5: row T2: TCP 47.74.211.17, 1 port (443): Edge node communication",
		"list.txt:8:5: row T3: UDP 23.236.115.138, 23 ports (3478-3500): Media data exchange",
		`list.txt:9:5: stage: test, for it says "These IPs are for testing only. You need to apply for exc..."`,
		`list.txt:10:3: left out, for it is no row: "5. Call the method."`,
	}, notes)
}

// TestTheDocument reads the whole page, as somebody copies it.
func TestTheDocument(t *testing.T) {
	source, err := os.ReadFile("testdata/document.txt")
	require.NoError(t, err)
	got := parse(t, "cloud-proxy-test.txt", string(source)).Compile(policy.Use{})
	for i := range got.Rules {
		got.Rules[i].Purpose = firewall.Whitelist().Rules[i].Purpose // in its own words
	}
	require.Equal(t, firewall.Whitelist(), got)
}

func TestTableForms(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"tabs, as browsers copy cells", "Protocol\tDestination\tPort\tPurpose\nTCP\t192.0.2.1\t443, 4000\n3433 - 3460\tMessages\nMedia", "TCP 192.0.2.1, 30 ports (443, 4000, 3433-3460): Messages and Media"},
		{"both protocols", "TCP/UDP 192.0.2.1 443", "TCP and UDP 192.0.2.1, 1 port (443)"},
		{"several destinations", "UDP 192.0.2.1, 192.0.2.2\n198.51.100.0/24\n3478 Media", "UDP 192.0.2.1, 192.0.2.2, 198.51.100.0/24, 1 port (3478): Media"},
		{"a range of addresses", "UDP 192.0.2.1 - 192.0.2.9 3478 - 3500 Media", "UDP 192.0.2.1-192.0.2.9, 23 ports (3478-3500): Media"},
		{"a domain", "tcp relay.example.com 443 Media", "TCP relay.example.com, 1 port (443): Media"},
		{"any port", "UDP 192.0.2.1 any Media", "UDP 192.0.2.1, any port: Media"},
		{"spaces that don't break", "TCP\u00a0192.0.2.1\u00a0443", "TCP 192.0.2.1, 1 port (443)"},
		{"Windows", "TCP 192.0.2.1 443\r\n4000\r\nMessages\r\nMedia\r\n", "TCP 192.0.2.1, 2 ports (443, 4000): Messages and Media"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := parse(t, "", tc.text)
			require.Equal(t, tc.want, p.Notes[0].Words)
		})
	}
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", "hello", "t.txt:1:1: no row of a table was found"},
		{"prose", "UDP is used", `t.txt:1:5: row T1: "is" is no destination`},
		{"address", "TCP 192.0.2.300 443", `t.txt:1:5: row T1: "192.0.2.300" is no address`},
		{"no ports", "TCP 192.0.2.1", `t.txt:1:1: row T1: the row has no ports`},
		{"purpose for ports", "TCP 192.0.2.1 Media", `t.txt:1:15: row T1: "Media" is no port`},
		{"reversed", "TCP 192.0.2.1 443\n3460 - 3433", `t.txt:2:1: row T1: the range 3460-3433 is reversed`},
		{"no commas", "TCP 192.0.2.1 443 4000 Messages", `t.txt:1:19: row T1: "4000 Messages" may be a port or a purpose; put commas between ports`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := policy.Parse("t.txt", []byte(tc.text))
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestCSV(t *testing.T) {
	p := parse(t, "list.csv", "\ufeffProtocol;Destination;Port;Purpose;Owner\nTCP;23.236.115.138;\"443, 4000\n3433 - 3460\";\"Messages\nMedia\";me\nTCP/UDP;\"192.0.2.1, relay.example\";any;;\n")
	require.Equal(t, "left out: the column \"Owner\"", p.Notes[0].Words)
	require.Equal(t, "TCP 23.236.115.138, 30 ports (443, 4000, 3433-3460): Messages and Media", p.Notes[1].Words)
	require.Equal(t, "TCP and UDP 192.0.2.1, relay.example, any port", p.Notes[2].Words)
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", "l.csv:1:1: the file is empty"},
		{"columns", "Protocol,Destination,Prots\n", `l.csv:1:1: no column "ports" among the headings; is it "Prots"?`},
		{"quotes", "protocol,destination,ports\nTCP,192.0.2.1,\"443\n", `l.csv:2:`},
		{"empty cell", "protocol,destination,ports\nTCP,,443\n", `l.csv:2:1: row T1: the row has no destinations`},
		{"too many cells", "protocol,destination,ports\nTCP,192.0.2.1,443,4000\n", `l.csv:2:19: the cell "4000" stands under no heading; put cells with commas in quotes`},
		{"port", "protocol,destination,ports\nTCP,192.0.2.1,http\n", `l.csv:2:15: row T1: "http" is no port`},
		{"level", "protocol,destination,ports,level\nTCP,192.0.2.1,1,high\n", `l.csv:2:17: row T1: "high" is no level`},
		{"protocol", "protocol,destination,ports\nSCTP,192.0.2.1,1\n", `l.csv:2:1: row T1: "SCTP" is no protocol of a policy`},
		{"ID twice", "id,protocol,destination,ports\na,TCP,192.0.2.1,1\na,TCP,192.0.2.1,2\n", `row a: line 2 has a row of this id already`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := policy.Parse("l.csv", []byte(tc.text))
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// TestExportsOfPoliciesReadBack writes each policy in each form of a policy and reads it again.
func TestExportsOfPoliciesReadBack(t *testing.T) {
	all := []*policy.Policy{parse(t, "all.yaml", full)}
	for _, name := range policy.EmbeddedNames() {
		all = append(all, embedded(t, name))
	}
	for _, p := range all {
		for _, f := range []policy.Format{policy.YAML, policy.JSON, policy.CSV} {
			text, err := p.Export(f, policy.Use{})
			require.NoError(t, err)
			again := parse(t, "again."+string(f), text)
			want := p.Compile(policy.Use{Names: names})
			if f == policy.CSV {
				want.ID = "again"
			} else {
				require.NoError(t, validate(t, []byte(text)), "%s as %s", p.ID, f)
			}
			require.Equal(t, want, again.Compile(policy.Use{Names: names}), "%s as %s", p.ID, f)
			second, err := again.Export(f, policy.Use{})
			require.NoError(t, err)
			require.Equal(t, text, second)
			if f == policy.JSON {
				require.True(t, json.Valid([]byte(text)))
			}
		}
	}
}

func TestVersions(t *testing.T) {
	r, err := policy.ParseVersionRange(">=2.5.1 <3.4.0")
	require.NoError(t, err)
	for version, in := range map[string]bool{
		"2.5.0": false, "2.5.1": true, "v2.5.1": true, "2.5.10": true, "2.10.0": true, "3.3.1": true, "3.0.0.300": true,
		"3.4.0": false, "3.10.0": false, "4.0.0": false, "2.5.1-rc.1": false, "2.5.1+b": true, "3.4.0-rc.1": true,
	} {
		v, err := policy.ParseVersion(version)
		require.NoError(t, err)
		require.Equal(t, in, r.Contains(v), version)
	}
	for _, bad := range []string{"", "2.5", "2.5.x", "two", "2.5.1.2.3"} {
		_, err := policy.ParseVersion(bad)
		require.ErrorContains(t, err, "is no version such as 2.5.1")
		_, err = policy.ParseVersionRange(bad)
		require.Error(t, err)
	}
	for _, bad := range []string{">=", ">=2.5.1 <", "=>2.5.1"} {
		_, err := policy.ParseVersionRange(bad)
		require.Error(t, err, bad)
	}
	for text, version := range map[string]string{"2.5.1": "2.5.1", "=2.5.1": "2.5.1", ">2.5.0,<=2.5.1": "2.5.1"} {
		r, err := policy.ParseVersionRange(text)
		require.NoError(t, err)
		v, _ := policy.ParseVersion(version)
		require.True(t, r.Contains(v), text)
	}
}

// TestTablesAreNotGuessed has what people write where a reader could take half of it in silence.
func TestTablesAreNotGuessed(t *testing.T) {
	for _, tc := range []struct{ line, want string }{
		{"TCP\t192.0.2.1\t443\tmessages\n\n1 Only for media", `3:1: row T1: "1 Only for media" may be a port or a footnote; leave a footnote out`},
		{"TCP\t192.0.2.1\t3433 to 3460\tmedia", `1:20: row T1: "to 3460 media" may be a port or a purpose; put commas between ports, and a dash within a range`},
		{"TCP\t192.0.2.1\t3433 ~ 3460\tmedia", `1:20: row T1: "~ 3460 media" may be`},
		{"TCP\t192.0.2.1\t443 and 4000", `"and 4000" may be`},
		{"TCP\t192.0.2.1\t443 / 4000\tmedia", `"/ 4000 media" may be`},
		{"TCP\t192.0.2.1\t443\n3433:3460\tmedia", `2:1: row T1: "3433:3460\tmedia" may be`},
		{"TCP\t192.0.2.1\t443\n\t192.0.2.2\t443", `2:2: "192.0.2.2\t443" has an address, and doesn't begin with a protocol; write TCP or UDP before it`},
		{"TCP\t192.0.2.1\t443\tmedia\n\t192.0.2.2/31\t443\tmedia", `2:2: "192.0.2.2/31\t443\tmedia" has an address`},
		{"TCP\t192.0.2.1\t443\tmedia\n192.0.2.2", `2:1: "192.0.2.2" has an address`},
		{"TCP\t192.0.2.1\t443\tmedia\nHTTPS\t2001:db8::2\t443\tAPI", `2:1: "HTTPS\t2001:db8::2\t443\tAPI" has an address`},
	} {
		_, err := policy.Parse("t.txt", []byte(tc.line))
		require.ErrorContains(t, err, tc.want, tc.line)
	}
	for _, line := range []string{
		"TCP\u00a0/\u202fUDP\u00a0192.0.2.1\u00a0443,\u00a03433\u00a0–\u00a03460\u2003media", "TCP/UDP 192.0.2.1 443, 3433 ‒ 3460 media", "TCP/UDP 192.0.2.1 443, 3433―3460 media",
	} {
		for _, footer := range []string{"", "\n© 2026 Vendor", "\n* in 2 regions"} {
			p := parse(t, "t.txt", line+footer)
			require.Equal(t, "TCP and UDP 192.0.2.1, 29 ports (443, 3433-3460): media", p.Notes[0].Words)
		}
	}
	for cell, sound := range map[string]bool{
		"TCP or SCTP": false, "TCP (not UDP)": false, "TCP TLS": false, "TCPUDP": false,
		"TCP and UDP": true, "tcp,udp": true, "TCP\nUDP": true, "UDP / TCP": true,
	} {
		_, err := policy.Parse("t.csv", []byte("Protocol,Destination,Port\n\""+cell+"\",192.0.2.1,443\n"))
		require.Equal(t, sound, err == nil, "%q: %v", cell, err)
	}
}
