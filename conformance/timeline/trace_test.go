package timeline_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/timeline"
)

func TestDigestTellsPacketsApart(t *testing.T) {
	packet := timeline.Event{
		Kind: timeline.KindPacket, At: time.Second, Proto: "TCP", Length: 60, Flags: "SYN", Verdict: "allow", Rule: "T1",
		From: netip.MustParseAddrPort("10.10.0.2:40000"), To: netip.MustParseAddrPort("23.236.115.138:443"),
	}
	digest := func(events ...timeline.Event) string { return timeline.Digest(timeline.Trace(events)) }
	whole := digest(packet, packet)
	require.Regexp(t, "^sha256:[0-9a-f]{64}$", whole)
	require.Equal(t, whole, digest(packet, timeline.Event{Kind: timeline.KindCall, Name: "join"}, packet), "only packets count")
	require.Empty(t, digest())
	seen := map[string]bool{whole: true}
	for _, change := range []func(*timeline.Event){
		func(e *timeline.Event) { e.At++ },
		func(e *timeline.Event) { e.Proto = "UDP" },
		func(e *timeline.Event) { e.From = netip.MustParseAddrPort("10.10.0.2:40001") },
		func(e *timeline.Event) { e.To = netip.MustParseAddrPort("23.236.115.138:4000") },
		func(e *timeline.Event) { e.Length++ },
		func(e *timeline.Event) { e.Flags = "" },
		func(e *timeline.Event) { e.Verdict = "drop" },
		func(e *timeline.Event) { e.Rule = "T2" },
	} {
		other := packet
		change(&other)
		changed := digest(packet, other)
		require.False(t, seen[changed])
		seen[changed] = true
	}
}
