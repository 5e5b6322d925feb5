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
