package variant

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

var (
	alice  = netip.MustParseAddrPort("10.10.0.2:40001")
	relay1 = netip.MustParseAddr("23.236.115.138")
	relay2 = netip.MustParseAddr("148.153.66.218")
)

func packet(proto string, from, to netip.AddrPort, verdict string) timeline.Event {
	return timeline.Event{Kind: timeline.KindPacket, Proto: proto, From: from, To: to, Verdict: verdict}
}

func failed(id string, events ...timeline.Event) result.Case {
	return result.Case{
		ID: id, Path: "a.feature", Outcome: result.Fail, Failure: &result.Failure{Message: "no"}, Ladder: events,
		Hosts: []result.Host{{Name: "alice", Addrs: []netip.Addr{alice.Addr()}}, {Name: "relay-1", Addrs: []netip.Addr{relay1}}, {Name: "relay-2", Addrs: []netip.Addr{relay2}}},
	}
}

func changes(list []opening) (words []string) {
	for _, o := range list {
		words = append(words, o.change)
	}
	return words
}

func TestOpeningsAreWhatTheFirewallStopped(t *testing.T) {
	udp := func(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, 3478) }
	c := failed("a",
		packet("UDP", alice, udp(relay2), "drop"), packet("UDP", alice, udp(relay1), "reject"), packet("UDP", alice, udp(relay1), "drop"),
		packet("TCP", alice, netip.AddrPortFrom(relay1, 443), "allow"), // went through
		packet("TCP", netip.AddrPortFrom(relay1, 443), alice, "drop"),  // came from outside
		packet("ICMP", alice, netip.AddrPortFrom(relay1, 0), "drop"),   // has no port
		packet("TCP", netip.MustParseAddrPort("10.10.0.9:1"), netip.AddrPortFrom(relay1, 443), "drop"),
		packet("TCP", alice, netip.MustParseAddrPort("192.0.2.7:80"), "drop"),
	)
	c.MissingRows = []string{"T8", "T10"}
	list := openings(&c)
	require.Equal(t, []string{
		"UDP 3478 to relay-1 and relay-2 open", "TCP 80 to 192.0.2.7 open", "row T8 open", "row T10 open", "the whole whitelist open", "everything open",
	}, changes(list))
	for _, o := range list {
		_, err := firewall.New(firewall.Policy{ID: "p", Rules: append(o.rules, firewall.Whitelist().Rules...)}, firewall.Timeouts{})
		require.NoError(t, err, o.change)
		for _, r := range o.rules {
			require.Equal(t, firewall.Allow, r.Action)
			require.Equal(t, []netip.Prefix{netip.PrefixFrom(alice.Addr(), 32)}, r.Sources, "the printer's way stays as it is")
		}
	}
}

func TestNothingStoppedHasNoOpening(t *testing.T) {
	c := failed("a", packet("TCP", alice, netip.AddrPortFrom(relay1, 443), "allow"))
	require.Empty(t, openings(&c))
	c.Hosts, c.MissingRows = nil, []string{"T1"}
	require.Empty(t, openings(&c), "nobody knows who alice is")
}

func TestSiblingIsTheNearestThatPassed(t *testing.T) {
	steps := func(texts ...string) (list []result.Step) {
		for _, text := range texts {
			list = append(list, result.Step{Text: text})
		}
		return list
	}
	c := result.Case{ID: "c", Path: "a.feature", Actual: result.Fail, Steps: steps("TCP 443 is open", "alice joins", "alice is in")}
	other := func(id, path string, actual result.Outcome, texts ...string) result.Case {
		return result.Case{ID: id, Path: path, Actual: actual, Steps: steps(texts...)}
	}
	cases := []result.Case{
		c,
		other("another file", "b.feature", result.Pass, "TCP 80 is open", "alice joins", "alice is in"),
		other("failed too", "a.feature", result.Fail, "TCP 80 is open", "alice joins", "alice is in"),
		other("other steps", "a.feature", result.Pass, "TCP 443 is open", "bob joins", "bob is in"),
		other("more steps", "a.feature", result.Pass, "TCP 443 is open", "alice joins", "alice is in", "bob is in"),
		other("far", "a.feature", result.Pass, "UDP 3478 and nothing else is open", "alice joins", "alice is in"),
		other("near", "a.feature", result.Pass, "TCP 4000 is open", "alice joins", "alice is in"),
		other("as near", "a.feature", result.Pass, "TCP 8000 is open", "alice joins", "alice is in"),
		other("the same words", "a.feature", result.Pass, "TCP 443 is open", "alice joins", "alice is in"),
	}
	v, any := sibling(cases, &c)
	require.True(t, any)
	require.Equal(t, result.Variant{Change: `"4000" instead of "443"`, Outcome: result.Pass, Case: "near"}, v)
	_, any = sibling(cases[:5], &c)
	require.False(t, any)
}

// TestThePlanIsBounded: whatever fails, there is an end to what is run for it.
func TestThePlanIsBounded(t *testing.T) {
	run := &result.Run{}
	var cfg runner.Config
	for range 500 {
		c := failed("a", packet("UDP", alice, netip.AddrPortFrom(relay1, 3478), "drop"))
		run.Cases = append(run.Cases, c)
	}
	run.Cases[0].Trace.Packets = budget // dearer than all others: it is left out, and they aren't
	cfg.Cases = []selection.Case{{ID: "a"}}
	plan := Of(run, cfg)
	require.Equal(t, mostTried, plan.Size())
	require.Equal(t, &run.Cases[1], plan.of[0])

	for i := range run.Cases {
		run.Cases[i].Outcome = result.Pass
	}
	require.Zero(t, Of(run, cfg).Size(), "only failures are looked into")

	run.Cases[1].Outcome = result.Fail
	require.Equal(t, 2, Of(run, cfg).Size())
	cfg.Place = func(selection.Case) runner.Place { return runner.Place{Network: runner.Kernel} }
	require.Zero(t, Of(run, cfg).Size())
}
