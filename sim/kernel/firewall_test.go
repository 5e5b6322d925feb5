package kernel_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy"
	"github.com/proxyspec/proxyspec/sim/policy/ruleset"
)

var (
	policies = flag.Int("policies", 10, "how many random policies the kernel is asked about")
	rewrite  = flag.Bool("rewrite", false, "write the listings that this machine's programs print into ../policy/ruleset/testdata")
)

var office = netip.MustParsePrefix("10.0.0.0/24")

// loader loads an export into the kernel and lists what the kernel then has.
type loader struct {
	format  policy.Format
	load    []string
	list    []string
	suffix  string // of its file among the test data
	six     bool   // the export has rows of IPv6, and
	four    bool   // of IPv4
	program string // of which the machine needs
}

var loaders = []loader{
	{policy.NFTables, []string{"nft", "-f", "-"}, []string{"nft", "-j", "list", "ruleset"}, "nft.json", true, true, "nft"},
	{policy.IPTables, []string{"iptables-restore", "--noflush"}, []string{"iptables-save"}, "iptables-save", false, true, "iptables-restore"},
	{policy.IP6Tables, []string{"ip6tables-restore", "--noflush"}, []string{"ip6tables-save"}, "ip6tables-save", true, false, "ip6tables-restore"},
}

func run(t *testing.T, stdin string, command ...string) string {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(t, cmd.Run(), "%s: %s", strings.Join(command, " "), errs.String())
	return out.String()
}

// TestExportsAgreeWithTheKernel loads each export of the stand-in policy, sends 2,000 tuples through the kernel, and
// compares what arrives with what package firewall says, and package ruleset of the kernel's own listing.
func TestExportsAgreeWithTheKernel(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	p := policy.StandIn()
	wire := newWire(t)
	for _, l := range loaders {
		t.Run(string(l.format), func(t *testing.T) {
			need(t, l.program)
			edges := boundaries(p)
			others := random(rand.New(rand.NewPCG(1, 2)), p, max(500, 2000-len(edges)))
			listing := compare(t, wire, l, p, append(edges, others...))
			if *rewrite {
				require.NoError(t, os.WriteFile(filepath.Join(testdata, "stand-in."+l.suffix), []byte(listing), 0o644))
			}
			if !l.four {
				return
			}
			rs, err := ruleset.Parse(l.suffix, []byte(listing))
			require.NoError(t, err)
			report, err := ruleset.Check(p, rs, ruleset.Options{Use: policy.Use{Sources: []netip.Prefix{office}}})
			require.NoError(t, err)
			for _, row := range report.Rows {
				require.Equal(t, ruleset.Open, row.Status, row.ID)
			}
			require.Empty(t, report.Beyond)
		})
	}
}

// TestRandomPoliciesAgreeWithTheKernel does the same with policies that nobody wrote.
func TestRandomPoliciesAgreeWithTheKernel(t *testing.T) {
	if !inNamespace(t, fmt.Sprint("-policies=", *policies)) {
		return
	}
	wire := newWire(t)
	for seed := range uint64(*policies) {
		r := rand.New(rand.NewPCG(seed, 7))
		p := randomPolicy(t, r)
		for _, l := range loaders {
			t.Run(fmt.Sprintf("%d/%s", seed, l.format), func(t *testing.T) {
				need(t, l.program)
				edges := boundaries(p)
				r.Shuffle(len(edges), func(i, j int) { edges[i], edges[j] = edges[j], edges[i] })
				compare(t, wire, l, p, append(edges[:min(len(edges), 300)], random(r, p, 100)...))
			})
		}
	}
}

// TestModelAgreesWithTheKernel loads rulesets that people could have written, and asks the kernel and package
// ruleset about the same tuples. Where the model can't tell it must say so, and where it can it must be right.
func TestModelAgreesWithTheKernel(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	wire := newWire(t)
	for _, l := range []struct {
		pattern string
		load    []string
		list    []string
		suffix  string
	}{
		{"*.nft", []string{"nft", "-f", "-"}, []string{"nft", "-j", "list", "ruleset"}, ".nft.json"},
		{"*.iptables", []string{"iptables-restore"}, []string{"iptables-save"}, ".iptables-save"},
	} {
		files, err := filepath.Glob(filepath.Join(testdata, l.pattern))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			t.Run(filepath.Base(file), func(t *testing.T) {
				need(t, l.load[0])
				flush(t)
				text, err := os.ReadFile(file)
				require.NoError(t, err)
				run(t, string(text), l.load...)
				listing := run(t, "", l.list...)
				if *rewrite {
					name := strings.TrimSuffix(file, filepath.Ext(file)) + l.suffix
					require.NoError(t, os.WriteFile(name, []byte(listing), 0o644))
				}
				askBoth(t, wire, listing, l.suffix == ".nft.json")
			})
		}
	}
}

const testdata = "../policy/ruleset/testdata"

func askBoth(t *testing.T, wire *wire, listing string, six bool) {
	t.Helper()
	rs, err := ruleset.Parse("listing", []byte(listing))
	require.NoError(t, err)
	p := policy.StandIn()
	tuples := append(boundaries(p), random(rand.New(rand.NewPCG(3, 4)), p, 1000)...)
	tuples = slices.DeleteFunc(tuples, func(q tuple) bool { return q.dst.Addr().Is6() && !six })
	arrived := wire.try(t, tuples)
	counts := make(map[string]int)
	for i, q := range tuples {
		model, err := rs.Decide(q.proto, q.src, q.dst, ruleset.Path{In: "inside", Out: "outside"})
		require.NoError(t, err)
		counts[model.Verdict]++
		if model.Verdict == "undecided" {
			require.NotEmpty(t, model.Doubts)
			continue
		}
		require.Equal(t, map[bool]string{true: "accept", false: "drop"}[arrived[i]], model.Verdict, "%v: by %s", q, model.By)
	}
	t.Logf("%d tuples: %v", len(tuples), counts)
}

// TestListings writes the listings of the other embedded policies for package ruleset's tests.
func TestListings(t *testing.T) {
	if !*rewrite {
		t.Skip("nothing to do without -rewrite")
	}
	if !inNamespace(t) {
		return
	}
	for _, name := range []string{"vendor-lists", "cloud-proxy-production"} {
		p, err := policy.Embedded(name)
		require.NoError(t, err)
		for _, l := range loaders {
			flush(t)
			text, err := p.Export(l.format, policy.Use{Names: names})
			require.NoError(t, err)
			run(t, text, l.load...)
			require.NoError(t, os.WriteFile(filepath.Join(testdata, name+"."+l.suffix), []byte(run(t, "", l.list...)), 0o644))
		}
	}
}

// names are addresses for the names of the embedded policies.
var names = policy.NamesOf(policy.Zone{
	"edge-1.cloud-proxy.example":  {netip.MustParseAddr("192.0.2.17")},
	"edge-2.cloud-proxy.example":  {netip.MustParseAddr("198.51.100.229")},
	"a.relay.cloud-proxy.example": {netip.MustParseAddr("192.0.2.138"), netip.MustParseAddr("2001:db8::138")},
	"logs.vendor.example":         {netip.MustParseAddr("203.0.113.80")},
})

// flush takes every rule out of the namespace.
func flush(t *testing.T) {
	for _, command := range [][]string{
		{"iptables", "-F"}, {"iptables", "-P", "FORWARD", "ACCEPT"}, {"ip6tables", "-F"}, {"ip6tables", "-P", "FORWARD", "ACCEPT"},
		{"nft", "flush", "ruleset"}, // takes the tables of the above away too
	} {
		if _, err := exec.LookPath(command[0]); err == nil {
			run(t, "", command...)
		}
	}
}

// compare loads a policy and asks the kernel, package firewall and package ruleset about tuples.
func compare(t *testing.T, wire *wire, l loader, p *policy.Policy, tuples []tuple) (listing string) {
	t.Helper()
	flush(t)
	use := policy.Use{Sources: []netip.Prefix{office, netip.MustParsePrefix("2001:db8:a::/48")}}
	text, err := p.Export(l.format, use)
	require.NoError(t, err)
	run(t, text, l.load...)
	listing = run(t, "", l.list...)
	rs, err := ruleset.Parse("listing", []byte(listing))
	require.NoError(t, err)
	wall, err := firewall.New(p.Compile(use), firewall.Timeouts{})
	require.NoError(t, err)

	tuples = slices.DeleteFunc(slices.Clone(tuples), func(q tuple) bool {
		return q.dst.Addr().Is6() && !l.six || q.dst.Addr().Is4() && !l.four
	})
	arrived := wire.try(t, tuples)
	allowed := 0
	for i, q := range tuples {
		want := wall.Decide(time.Time{}, firewall.Packet{Proto: q.proto, Src: q.src, Dst: q.dst, Flags: firewall.SYN})
		require.Equal(t, want.Action == firewall.Allow, arrived[i], "%v: package firewall says %v by %s, and the kernel's answer was arrived: %v\n%s",
			q, want.Action, want.Rule, arrived[i], text)
		model, err := rs.Decide(q.proto, q.src, q.dst, ruleset.Path{})
		require.NoError(t, err)
		require.Equal(t, map[bool]string{true: "accept", false: "drop"}[arrived[i]], model.Verdict, "%v: by %s %v", q, model.By, model.Doubts)
		if arrived[i] {
			allowed++
		}
	}
	t.Logf("%d tuples, of which the kernel let %d through; package firewall and package ruleset agree on each", len(tuples), allowed)
	return listing
}

// TestFlowsAgreeWithTheKernel follows conversations: answers pass, what nobody asked for and what fits no flow doesn't.
func TestFlowsAgreeWithTheKernel(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	need(t, "nft")
	p := policy.StandIn()
	text, err := p.Export(policy.NFTables, policy.Use{Sources: []netip.Prefix{office}})
	require.NoError(t, err)
	wire := newWire(t)
	run(t, text, "nft", "-f", "-")
	wall, err := firewall.New(p.Compile(policy.Use{Sources: []netip.Prefix{office}}), firewall.Timeouts{})
	require.NoError(t, err)

	client, relay, other := netip.MustParseAddrPort("10.0.0.2:40000"), netip.MustParseAddrPort("192.0.2.138:443"), netip.MustParseAddrPort("192.0.2.138:444")
	media, late := netip.MustParseAddrPort("192.0.2.138:3478"), netip.MustParseAddrPort("203.0.113.25:3478")
	const syn, ack, fin, rst = firewall.SYN, firewall.ACK, firewall.FIN, firewall.RST
	for i, step := range []struct {
		what     string
		proto    firewall.Proto
		src, dst netip.AddrPort
		flags    firewall.TCPFlags
	}{
		{"a segment from the middle", firewall.TCP, client, relay, ack},
		{"SYN from outside", firewall.TCP, relay, client, syn},
		{"SYN", firewall.TCP, client, relay, syn},
		{"SYN ACK", firewall.TCP, relay, client, syn | ack},
		{"ACK", firewall.TCP, client, relay, ack},
		{"data back", firewall.TCP, relay, client, ack},
		{"FIN", firewall.TCP, client, relay, fin | ack},
		{"a datagram that nobody asked for", firewall.UDP, media, client, 0},
		{"a datagram", firewall.UDP, client, media, 0},
		{"its answer", firewall.UDP, media, client, 0},
		{"an answer from elsewhere", firewall.UDP, late, client, 0},
		{"to a closed port", firewall.TCP, client, other, syn},
		{"RST of nothing", firewall.TCP, client, other, rst},
	} {
		q := tuple{step.proto, step.src, step.dst}
		direction := firewall.Outbound
		if office.Contains(step.dst.Addr()) {
			direction = firewall.Inbound
		}
		want := wall.Decide(time.Time{}.Add(time.Duration(i)), firewall.Packet{Proto: q.proto, Src: q.src, Dst: q.dst, Flags: step.flags, Direction: direction})
		got := wire.send(t, q, step.flags)
		require.Equal(t, want.Action == firewall.Allow, got, "%s: package firewall says %v by %s", step.what, want.Action, want.Rule)
		t.Logf("%-34s %v by %s", step.what, want.Action, want.Rule)
	}
}
