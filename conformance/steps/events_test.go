package steps

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
)

// TestFewLeavesTheRestAlone: what proves a failure is appended to few of many events, which are looked at again.
func TestFewLeavesTheRestAlone(t *testing.T) {
	var many []timeline.Event
	for i := range 9 {
		many = append(many, timeline.Event{Seq: i + 1})
	}
	require.Len(t, append(few(many), timeline.Event{Seq: 99}), 9)
	require.Equal(t, 9, many[8].Seq)
}

// TestTheFirstWrongMessageIsTold: of several it isn't chance which one a failure names.
func TestTheFirstWrongMessageIsTold(t *testing.T) {
	for range 20 {
		s := newScene(&world.World{Timeline: timeline.New()}, runner.Job{})
		for _, text := range []string{"d", "b", "a", "c"} {
			s.world.Timeline.Add(timeline.Event{Kind: timeline.KindSDRTN, Name: sdrtn.EventMessageIn, Digest: world.Digest(text)})
		}
		var failure *result.Failure
		require.ErrorAs(t, s.messagesOnce(nil), &failure)
		require.Equal(t, 1, failure.Events[0].Seq)
	}
}

// TestBareACK tells what a computer sends by itself on a connection from what an SDK sends on it.
func TestBareACK(t *testing.T) {
	for _, tt := range []struct {
		e    timeline.Event
		bare bool
	}{
		{timeline.Event{Proto: "TCP", Flags: "ACK", Length: 40}, true},
		{timeline.Event{Proto: "TCP", Flags: "ACK", Length: 52}, true},
		{timeline.Event{Proto: "TCP", Flags: "PSH ACK", Length: 53}, false},
		{timeline.Event{Proto: "TCP", Flags: "ACK", Length: 1500}, false},
		{timeline.Event{Proto: "TCP", Flags: "SYN", Length: 60}, false},
		{timeline.Event{Proto: "UDP", Length: 40}, false},
	} {
		require.Equal(t, tt.bare, bareACK(&tt.e), "%+v", tt.e)
	}
}
