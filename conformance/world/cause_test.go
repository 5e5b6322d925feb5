package world

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/timeline"
)

// TestCause: what was stopped in the step that failed comes first, what was stopped before it has its own step's words,
// and what was stopped after it, while everyone said goodbye, isn't named.
func TestCause(t *testing.T) {
	alice := netip.MustParseAddrPort("10.10.0.2:50000")
	stop := func(host string) timeline.Event {
		return timeline.Event{Kind: timeline.KindPacket, Proto: "UDP", From: alice, To: netip.MustParseAddrPort(host + ":3478"), Verdict: "drop", Rule: "default"}
	}
	step := func(text string) timeline.Event { return timeline.Event{Kind: timeline.KindStep, Detail: text} }
	gone := timeline.Event{Kind: timeline.KindWorld, Name: EventCut, Detail: "relay-2"}
	named := stop("192.0.2.8")
	named.Code, named.Detail = "names", "no rule has relay.test"
	const byDefault = ` from 10.10.0.2:50000 stopped by rule "default" `

	for _, tc := range []struct {
		name   string
		events []timeline.Event
		after  []timeline.Event // the failure
		want   string
	}{
		{"nothing", []timeline.Event{step("alice publishes")}, nil, "not the firewall: it stopped no packet"},
		{"nothing but what the scenario did", []timeline.Event{step("relay-2 goes"), gone}, nil,
			"relay-2 was cut off by the scenario; the firewall stopped no packet"},
		{"in the step that failed", []timeline.Event{step("alice publishes"), stop("192.0.2.1"), stop("192.0.2.1")}, nil,
			"UDP to 192.0.2.1:3478" + byDefault + "(2 packets)"},
		{"before it",
			[]timeline.Event{step("alice joins"), stop("192.0.2.1"), step("alice publishes"), stop("192.0.2.2"), stop("192.0.2.3"), gone, step("bob subscribes")}, nil,
			`relay-2 was cut off by the scenario; the firewall stopped no packet in this step; ` +
				`earlier, in "alice publishes": UDP to 192.0.2.2:3478` + byDefault + "(1 packet); UDP to 192.0.2.3:3478" + byDefault + "(1 packet); " +
				`earlier, in "alice joins": UDP to 192.0.2.1:3478` + byDefault + "(1 packet)"},
		{"before it and in it", []timeline.Event{step("alice joins"), stop("192.0.2.1"), stop("192.0.2.2"), step("alice publishes"), stop("192.0.2.2")}, nil,
			"UDP to 192.0.2.2:3478" + byDefault + "(2 packets); " + `earlier, in "alice joins": UDP to 192.0.2.1:3478` + byDefault + "(1 packet)"},
		{"so much that even its own is left out", []timeline.Event{step("alice joins"), named, stop("192.0.2.1"), stop("192.0.2.2"), stop("192.0.2.3"),
			stop("192.0.2.4"), stop("192.0.2.5"), stop("192.0.2.6"), stop("192.0.2.7")}, nil,
			"UDP to 192.0.2.8:3478" + byDefault + "(1 packet): no rule has relay.test; UDP to 192.0.2.1:3478" + byDefault + "(1 packet); " +
				"UDP to 192.0.2.2:3478" + byDefault + "(1 packet); UDP to 192.0.2.3:3478" + byDefault + "(1 packet); " +
				"UDP to 192.0.2.4:3478" + byDefault + "(1 packet); UDP to 192.0.2.5:3478" + byDefault + "(1 packet); and 2 other destinations"},
		{"after it", []timeline.Event{step("alice publishes")}, []timeline.Event{stop("192.0.2.1")}, "not the firewall: it stopped no packet"},
		{"so much that the first steps' is left out",
			[]timeline.Event{
				step("alice joins"), stop("192.0.2.1"), stop("192.0.2.2"), stop("192.0.2.3"), stop("192.0.2.4"), stop("192.0.2.5"), stop("192.0.2.6"),
				step("alice publishes"), stop("192.0.2.7"),
			}, nil,
			"UDP to 192.0.2.7:3478" + byDefault + "(1 packet); " +
				`earlier, in "alice joins": UDP to 192.0.2.1:3478` + byDefault + "(1 packet); UDP to 192.0.2.2:3478" + byDefault + "(1 packet); " +
				"UDP to 192.0.2.3:3478" + byDefault + "(1 packet); UDP to 192.0.2.4:3478" + byDefault + "(1 packet); " +
				"UDP to 192.0.2.5:3478" + byDefault + "(1 packet); and 1 other destination"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := &World{Timeline: timeline.New(), setup: Setup{Production: true}} // where no row of the whitelist counts
			for _, e := range tc.events {
				w.Timeline.Add(e)
			}
			w.closed = len(tc.events)
			for _, e := range tc.after {
				w.Timeline.Add(e)
			}
			require.Equal(t, tc.want, w.Cause())
		})
	}
}
