package policy_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy"
)

func TestExplain(t *testing.T) {
	list := embedded(t, policy.CloudProxyTest)
	office := policy.Use{Sources: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}}
	for _, tc := range []struct {
		proto firewall.Proto
		src   string
		dst   string
		rule  string
		words string // of the verdict if it passes, else of the nearest rule
	}{
		{firewall.TCP, "10.0.0.2", "23.236.115.138:443", "T1", "row T1 opens TCP 23.236.115.138:443, for messages"},
		{firewall.TCP, "10.0.0.2", "23.236.115.138:3460", "T1", "row T1 opens TCP 23.236.115.138:3460, for media"},
		{firewall.TCP, "10.0.0.2", "23.236.115.138:3461", "default", "TCP 3461 is one above row T1's range 3433-3460"},
		{firewall.TCP, "10.0.0.2", "23.236.115.138:442", "default", "TCP 442 is one below row T1's port 443"},
		{firewall.TCP, "10.0.0.2", "23.236.115.138:80", "default", "TCP 80 is 363 below row T1's port 443"},
		{firewall.TCP, "10.0.0.2", "47.74.211.17:4000", "default", "TCP 4000 is 3557 above row T4's port 443"},
		{firewall.UDP, "10.0.0.2", "23.236.115.138:3501", "default", "UDP 3501 is one above row T8's range 3478-3500"},
		{firewall.UDP, "10.0.0.2", "23.236.115.138:3440", "default", "UDP 3440 is 38 below row T8's range 3478-3500"},
		{firewall.UDP, "10.0.0.2", "23.236.115.138:443", "default", "row T1 opens TCP 443 there, not UDP"},
		{firewall.UDP, "10.0.0.2", "23.236.115.138:4000", "default", "row T1 opens TCP 4000 there, not UDP"},
		{firewall.TCP, "10.0.0.2", "23.236.115.138:65535", "default", "TCP 65535 is 61535 above row T1's port 4000"},
		{firewall.TCP, "10.0.0.2", "23.236.115.138:3480", "default", "TCP 3480 is 20 above row T1's range 3433-3460"},
		{firewall.UDP, "10.0.0.2", "47.74.211.17:443", "default", "row T4 opens TCP 443 there, not UDP"},
		{firewall.UDP, "10.0.0.2", "47.74.211.17:53", "default", "row T4 opens TCP 443 there"},
		{firewall.TCP, "10.0.0.2", "23.236.115.139:443", "default", "23.236.115.139 is one above row T1's address 23.236.115.138"},
		{firewall.TCP, "10.0.0.2", "148.153.66.221:4000", "default", "148.153.66.221 is three above row T2's address 148.153.66.218"},
		{firewall.TCP, "10.0.0.2", "192.0.2.1:443", "default", "row T1 opens TCP 443, but at 23.236.115.138, not at 192.0.2.1"},
		{firewall.TCP, "10.0.0.2", "192.0.2.1:53", "default", ""},
		{firewall.UDP, "10.0.0.2", "23.236.115.200:53", "default", "row T8 opens UDP 3478-3500 at 23.236.115.138"},
		{firewall.TCP, "10.0.1.2", "23.236.115.138:443", "default", "row T1 would match, but the source 10.0.1.2 is none of the clients (10.0.0.0/24)"},
	} {
		e, err := list.Explain(policy.Question{Proto: tc.proto, Src: netip.MustParseAddr(tc.src), Dst: netip.MustParseAddrPort(tc.dst)}, office)
		require.NoError(t, err)
		require.Equal(t, tc.rule, e.Rule, tc.dst)
		if tc.rule != "default" {
			require.Equal(t, "allow", e.Verdict)
			require.Equal(t, tc.words, e.Words)
			require.Nil(t, e.Nearest)
			continue
		}
		require.Equal(t, "drop", e.Verdict)
		if tc.words == "" {
			require.Nil(t, e.Nearest, tc.dst)
			require.Equal(t, "no row opens it or anything near it, and all else is dropped", e.Words)
			continue
		}
		require.NotNil(t, e.Nearest, tc.dst)
		require.Equal(t, tc.words, e.Nearest.Words, tc.dst)
	}
}

func TestExplainNames(t *testing.T) {
	list := embedded(t, "cloud-proxy-production")
	ask := func(proto firewall.Proto, dst string, u policy.Use) policy.Explanation {
		e, err := list.Explain(policy.Question{Proto: proto, Src: netip.MustParseAddr("10.0.0.2"), Dst: netip.MustParseAddrPort(dst)}, u)
		require.NoError(t, err)
		return e
	}
	known := policy.Use{Names: names, Now: epoch}
	require.Equal(t, "TCP 10.0.0.2 -> 192.0.2.138:3440: allow\n  row relay opens TCP 3440 at *.relay.cloud-proxy.example: a.relay.cloud-proxy.example is 192.0.2.138, for media\n",
		ask(firewall.TCP, "192.0.2.138:3440", known).Text())
	require.Equal(t, "UDP 10.0.0.2 -> 203.0.113.25:3478: allow\n  row media opens UDP 3478 at *.relay.cloud-proxy.example: b.relay.cloud-proxy.example is 203.0.113.25, for media\n",
		ask(firewall.UDP, "203.0.113.25:3478", known).Text())
	require.Equal(t, []string{"row media-2025 is superseded by row media, and will be closed"}, ask(firewall.UDP, "203.0.113.25:3478", policy.Use{}).Remarks)

	e := ask(firewall.TCP, "192.0.2.17:443", policy.Use{})
	require.Equal(t, "TCP 10.0.0.2 -> 192.0.2.17:443: drop\n"+
		"  no row opens it, and all else is dropped\n"+
		"  nearest: row edge opens TCP 443, but at edge-1.cloud-proxy.example, edge-2.cloud-proxy.example, not at 192.0.2.17\n"+
		"  note: row edge is by name, and opens nothing at edge-1.cloud-proxy.example now: no answer for edge-1.cloud-proxy.example was seen\n"+
		"  note: row edge is by name, and opens nothing at edge-2.cloud-proxy.example now: no answer for edge-2.cloud-proxy.example was seen\n"+
		"  note: row relay is by name, and opens nothing at *.relay.cloud-proxy.example now: no answer for *.relay.cloud-proxy.example was seen\n"+
		"  note: row media is by name, and opens nothing at *.relay.cloud-proxy.example now: no answer for *.relay.cloud-proxy.example was seen\n", e.Text())
}

func TestExplainRefuses(t *testing.T) {
	list := embedded(t, policy.CloudProxyTest)
	for _, q := range []policy.Question{
		{},
		{Proto: firewall.TCP, Src: netip.MustParseAddr("10.0.0.2"), Dst: netip.MustParseAddrPort("[2001:db8::1]:443")},
		{Proto: firewall.ICMP, Src: netip.MustParseAddr("10.0.0.2"), Dst: netip.MustParseAddrPort("192.0.2.1:443")},
	} {
		_, err := list.Explain(q, policy.Use{})
		require.Error(t, err)
	}
	none := &policy.Policy{ID: "none"}
	e, err := none.Explain(policy.Question{Proto: firewall.TCP, Src: netip.MustParseAddr("10.0.0.2"), Dst: netip.MustParseAddrPort("192.0.2.1:443")}, policy.Use{})
	require.NoError(t, err)
	require.Nil(t, e.Nearest)
}

// TestExplainAgreesWithTheTable asks about every port of a listed address: the verdict is the firewall's, and near
// means near.
func TestExplainAgreesWithTheTable(t *testing.T) {
	list := embedded(t, policy.CloudProxyTest)
	open := 0
	for port := range 5000 {
		e, err := list.Explain(policy.Question{
			Proto: firewall.TCP, Src: netip.MustParseAddr("10.0.0.2"), Dst: netip.AddrPortFrom(netip.MustParseAddr("23.236.115.138"), uint16(port)),
		}, policy.Use{})
		require.NoError(t, err)
		if e.Verdict == "allow" {
			open++
			require.Equal(t, "T1", e.Rule)
		} else {
			require.Equal(t, "T1", e.Nearest.Rule)
		}
	}
	require.Equal(t, 30, open)
}
