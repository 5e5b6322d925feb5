package policy_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy"
)

// large is a policy of n rows: hosts, networks and names, each with the ports of a relay.
func large(n int) string {
	var b strings.Builder
	b.WriteString(`{"id": "large", "as-of": "2026-01-01", "stage": "production", "entries": [`)
	for i := range n {
		if i > 0 {
			b.WriteString(",\n")
		}
		dest := fmt.Sprintf("100.%d.%d.%d", 64+i>>16, i>>8&255, i&255)
		switch i % 10 {
		case 8:
			dest = fmt.Sprintf("172.%d.%d.0/24", i>>8&255, i&255)
		case 9:
			dest = fmt.Sprintf("relay-%d.example.com", i)
		}
		fmt.Fprintf(&b, `{"id": "R%d", "protocols": "TCP", "destinations": "%s", "ports": ["443, 4000", "3433-3460"], "purpose": ["messages", "media %d"]}`, i, dest, i%7)
	}
	b.WriteString("]}")
	return b.String()
}

const many = 10_000

func BenchmarkRead(b *testing.B) {
	source := []byte(large(many))
	for b.Loop() {
		if _, err := policy.Parse("large.json", source); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadYAML(b *testing.B) {
	text, err := parse(b, "large.json", large(many)).Export(policy.YAML, policy.Use{})
	require.NoError(b, err)
	for b.Loop() {
		if _, err := policy.Parse("large.yaml", []byte(text)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLint(b *testing.B) {
	p := parse(b, "large.json", large(many))
	o := policy.LintOptions{Profile: policy.Production, Today: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), SDK: policy.Version{}}
	for b.Loop() {
		p.Lint(o)
	}
}

// BenchmarkLintBusyHost is the worst case for a search of overlaps: every row at one address.
func BenchmarkLintBusyHost(b *testing.B) {
	p := parse(b, "large.json", large(many))
	for i := range p.Entries {
		p.Entries[i].Destinations = p.Entries[0].Destinations
		p.Entries[i].Ports = []policy.PortGroup{{Ranges: []policy.Range{{PortRange: firewall.Port(uint16(1 + 3*i))}}}}
	}
	for b.Loop() {
		p.Lint(policy.LintOptions{})
	}
}

func BenchmarkExplain(b *testing.B) {
	p := parse(b, "large.json", large(many))
	q := policy.Question{Proto: firewall.TCP, Src: netip.MustParseAddr("10.0.0.2"), Dst: netip.MustParseAddrPort("100.64.30.1:3461")}
	for b.Loop() {
		if _, err := p.Explain(q, policy.Use{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDiff(b *testing.B) {
	old, changed := parse(b, "large.json", large(many)), parse(b, "large.json", strings.ReplaceAll(large(many), "3433-3460", "3433-3459"))
	for b.Loop() {
		policy.Diff(old, changed)
	}
}

// BenchmarkSweep asks the compiled policy for every port of the seven addresses: 917,504 tuples.
func BenchmarkSweep(b *testing.B) {
	for b.Loop() {
		if open := sweep(b); open != 163 {
			b.Fatal(open)
		}
	}
}

func TestSweep(t *testing.T) { require.Equal(t, 163, sweep(t)) }

func sweep(t testing.TB) (open int) {
	p := embedded(t, policy.CloudProxyTest)
	wall, err := firewall.New(p.Compile(policy.Use{}), firewall.Timeouts{})
	require.NoError(t, err)
	asked, src := 0, netip.MustParseAddrPort("10.0.0.2:50000")
	for addr := range listed(t) {
		for _, proto := range []firewall.Proto{firewall.TCP, firewall.UDP} {
			for port := range 1 << 16 {
				asked++
				if wall.Decide(epoch, firewall.Packet{
					Proto: proto, Src: src, Dst: netip.AddrPortFrom(addr, uint16(port)), Flags: firewall.SYN,
				}).Action == firewall.Allow {
					open++
				}
			}
		}
	}
	require.Equal(t, 917_504, asked)
	return open
}

// listed are the seven addresses of the list.
func listed(t testing.TB) map[netip.Addr]bool {
	out := make(map[netip.Addr]bool)
	for _, e := range embedded(t, policy.CloudProxyTest).Entries {
		out[e.Destinations[0].First] = true
	}
	require.Len(t, out, 7)
	return out
}
