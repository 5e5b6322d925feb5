package firewall_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

func TestPolicyMistakes(t *testing.T) {
	good := firewall.Rule{ID: "R", Proto: tcp, Action: firewall.Allow}
	with := func(change func(*firewall.Rule)) firewall.Policy {
		r := good
		change(&r)
		return firewall.Policy{ID: "p", Rules: []firewall.Rule{r}}
	}
	type R = firewall.Rule
	for _, tc := range []struct {
		name   string
		policy firewall.Policy
		want   string
	}{
		{"no ID", with(func(r *R) { r.ID = "" }), `rule 1 "": the ID is missing`},
		{"reserved ID", with(func(r *R) { r.ID = "established" }), `rule 1 "established": this ID is reserved`},
		{"duplicate ID", firewall.Policy{Rules: []R{good, good}}, `rule 2 "R": rule 1 has this ID already`},
		{"unknown action", with(func(r *R) { r.Action = 9 }), `unknown action 9`},
		{"reversed range", with(func(r *R) { r.Ports = []firewall.PortRange{{3500, 3478}} }), `ports 3500-3478: reversed, write 3478-3500`},
		{"ports without TCP or UDP", with(func(r *R) { r.Proto = firewall.ICMP; r.Ports = []firewall.PortRange{{1, 2}} }), `ports need TCP or UDP, not ICMP`},
		{"ports of any protocol", with(func(r *R) { r.Proto = 0; r.Ports = []firewall.PortRange{{1, 2}} }), `ports need TCP or UDP, not any`},
		{"zero prefix", with(func(r *R) { r.Destinations = []netip.Prefix{{}} }), `destination: no valid prefix`},
		{"too many bits", with(func(r *R) { r.Sources = []netip.Prefix{netip.PrefixFrom(alice.Addr(), 33)} }), `source: no valid prefix`},
		{"host bits", with(func(r *R) { r.Sources = []netip.Prefix{netip.MustParsePrefix("10.0.0.2/24")} }), `source: 10.0.0.2/24 names one host of a network: write 10.0.0.0/24`},
		{"IPv4 in IPv6", with(func(r *R) { r.Sources = []netip.Prefix{netip.PrefixFrom(netip.MustParseAddr("::ffff:10.0.0.2"), 128)} }), `IPv4 prefix in IPv6 clothes`},
		{"unknown default", firewall.Policy{Default: 7}, `default: unknown action 7`},
		{"invalid segments allowed", firewall.Policy{Invalid: firewall.Allow}, `invalid segments: allow isn't possible`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := firewall.New(tc.policy, firewall.Timeouts{})
			require.ErrorContains(t, err, tc.want)
			require.ErrorContains(t, err, fmt.Sprintf("firewall policy %q", tc.policy.ID))
		})
	}

	t.Run("all at once", func(t *testing.T) {
		p := firewall.Policy{Default: 7, Rules: []R{{}, {ID: "default", Ports: []firewall.PortRange{{2, 1}}}}}
		_, err := firewall.New(p, firewall.Timeouts{})
		for _, want := range []string{"unknown action 7", "missing", "reserved", "ports need", "reversed"} {
			require.ErrorContains(t, err, want)
		}
	})

	t.Run("negative timeout", func(t *testing.T) {
		_, err := firewall.New(firewall.Policy{}, firewall.Timeouts{UDP: -1})
		require.ErrorContains(t, err, "UDP: -1ns is negative")
	})
}

func TestWithout(t *testing.T) {
	whitelist := firewall.Whitelist(office)
	p, err := whitelist.Without("T8", "T9", "T10", "T1")
	require.NoError(t, err)
	require.Equal(t, []string{"T2", "T3", "T4", "T5", "T6", "T7"}, ids(p))
	require.Equal(t, firewall.Whitelist(office), whitelist, "the original stays as it was")

	_, err = whitelist.Without("T1", "T11")
	require.EqualError(t, err, `firewall policy "cloud-proxy-test" without rule "T11": it has no such rule`)
	_, err = whitelist.Without("T1", "T1")
	require.Error(t, err)
}

func TestWithoutPorts(t *testing.T) {
	type ranges = []firewall.PortRange
	whitelist := firewall.Whitelist(office)
	for _, tc := range []struct {
		name   string
		proto  firewall.Proto
		take   ranges
		ids    []string
		t1, t8 string
	}{
		{"all media ports", 0, ranges{{3433, 3460}, {3478, 3500}}, []string{"T1", "T2", "T3", "T4", "T5", "T6", "T7"}, "[443 4000]", ""},
		{"message ports", tcp, ranges{firewall.Port(4000)}, []string{"T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10"}, "[443 3433-3460]", "[3478-3500]"},
		{"the upper end", udp, ranges{{3490, 3500}}, []string{"T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10"}, "[443 4000 3433-3460]", "[3478-3489]"},
		{"the middle", 0, ranges{{3440, 3490}}, []string{"T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10"}, "[443 4000 3433-3439]", "[3491-3500]"},
		{"a hole", tcp, ranges{{3440, 3441}}, []string{"T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10"}, "[443 4000 3433-3439 3442-3460]", "[3478-3500]"},
		{"all of TCP", tcp, ranges{{0, 65535}}, []string{"T8", "T9", "T10"}, "", "[3478-3500]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := whitelist.WithoutPorts(tc.proto, tc.take...)
			require.NoError(t, err)
			require.Equal(t, tc.ids, ids(p))
			for _, r := range p.Rules {
				switch r.ID {
				case "T1":
					require.Equal(t, tc.t1, fmt.Sprint(r.Ports))
				case "T8":
					require.Equal(t, tc.t8, fmt.Sprint(r.Ports))
				}
			}
			require.Equal(t, firewall.Whitelist(office), whitelist, "the original stays as it was")
		})
	}

	t.Run("a rule for any port keeps the others", func(t *testing.T) {
		p := firewall.Policy{Rules: []firewall.Rule{{ID: "web", Proto: tcp, Action: firewall.Allow}}}
		p, err := p.WithoutPorts(tcp, firewall.PortRange{First: 0, Last: 1023}, firewall.Port(65535))
		require.NoError(t, err)
		require.Equal(t, "[1024-65534]", fmt.Sprint(p.Rules[0].Ports))
	})
	t.Run("a rule that drops stays", func(t *testing.T) {
		drop := firewall.Rule{ID: "no mail", Proto: tcp, Ports: ranges{firewall.Port(25)}}
		all := firewall.Rule{ID: "all", Proto: tcp, Action: firewall.Allow}
		p, err := firewall.Policy{Rules: []firewall.Rule{drop, all}}.WithoutPorts(0, firewall.Port(25))
		require.NoError(t, err)
		require.Equal(t, []string{"no mail", "all"}, ids(p))
	})
	t.Run("nothing to take", func(t *testing.T) {
		_, err := whitelist.WithoutPorts(udp, firewall.PortRange{First: 3433, Last: 3460})
		require.EqualError(t, err, `firewall policy "cloud-proxy-test" without UDP ports 3433-3460: no rule allows any of them`)
		_, err = whitelist.WithoutPorts(0, firewall.Port(25))
		require.EqualError(t, err, `firewall policy "cloud-proxy-test" without TCP or UDP ports 25: no rule allows any of them`)
		_, err = whitelist.WithoutPorts(0, firewall.PortRange{First: 2, Last: 1})
		require.ErrorContains(t, err, "reversed")
	})
}

func ids(p firewall.Policy) (ids []string) {
	for _, r := range p.Rules {
		ids = append(ids, r.ID)
	}
	return ids
}
