package suite_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/suite"
	"github.com/proxyspec/proxyspec/conformance/timeline"
)

const aroundTheProxy = `Feature: An office
  Scenario: Media around the cloud proxy
    Given the office firewall lets everything out
    When alice starts the cloud proxy and joins "town-hall"
    And alice sends "good morning"
    And alice publishes
    Then SD-RTN heard alice's join, messages and media from relay addresses only
`

// TestTheFirstWrongEventDecides: what proves a failure stands in the order in which it happened, and what decided is
// the first of it that should not have been.
func TestTheFirstWrongEventDecides(t *testing.T) {
	cases := written(t, aroundTheProxy)
	run, err := runner.Run(t.Context(), runner.Config{Cases: cases, Seed: 1, SDK: "mutant:direct-media"})
	require.NoError(t, err)
	c := run.Cases[0]
	require.Equal(t, result.Fail, c.Outcome)
	events := c.Failure.Events
	require.Greater(t, len(events), 1)
	require.True(t, slices.IsSortedFunc(events, func(a, b timeline.Event) int { return a.Seq - b.Seq }))
	require.Equal(t, events[0].Seq, c.Failure.Deciding())
	require.Equal(t, "UDP", events[0].Proto, "before SD-RTN knew whose media it was")
	require.Equal(t, "not the firewall: it stopped no packet", c.Failure.Cause)
}

// TestWhatGoesOnPastTheProxyIsSaid: an SDK that reconnects directly isn't said to have kept silent.
func TestWhatGoesOnPastTheProxyIsSaid(t *testing.T) {
	for _, then := range []string{"alice's messages go on through another relay, or she is told that they don't", "alice's messages go on through the cloud proxy"} {
		run, err := runner.Run(t.Context(), runner.Config{Seed: 1, SDK: "mutant:falls-back-when-lost", Cases: written(t, `Feature: An office
  Scenario: A relay dies
    Given the office firewall lets everything out
    When alice starts the cloud proxy and joins "town-hall"
    And alice sends "good morning"
    And the relay that carries alice's messages stops
    Then `+then+"\n")})
		require.NoError(t, err)
		f := run.Cases[0].Failure
		require.NotNil(t, f, then)
		require.Equal(t, "alice's call went on past the cloud proxy", f.Message, then)
		require.Equal(t, "SD-RTN got it from alice itself", f.Actual, then)
	}
}

// TestAFailedCallDecides: of media that are missing because publish has failed, that is what a report shows.
func TestAFailedCallDecides(t *testing.T) {
	for _, then := range []string{"in 10 seconds SD-RTN gets every packet of alice's audio and video", "bob receives alice's audio and video"} {
		run, err := runner.Run(t.Context(), runner.Config{Seed: 1, SDK: "reference", Cases: written(t, `Feature: An office
  Scenario: No way for media
    Given the office firewall allows the whitelist without TCP ports "4000, 3433-3460"
    And the office firewall allows the whitelist without rows T8, T9 and T10
    And bob is in "town-hall" outside any firewall
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    And bob publishes
    Then `+then+"\n")})
		require.NoError(t, err)
		f := run.Cases[0].Failure
		require.NotNil(t, f, then)
		at := slices.IndexFunc(f.Events, func(e timeline.Event) bool { return e.Seq == f.Deciding() })
		require.GreaterOrEqual(t, at, 0, "%s: %+v", then, f)
		require.Equal(t, contract.MethodPublish, f.Events[at].Name, "%s: %+v", then, f)
	}
}

// TestWhatIsStoppedAfterwardsIsNoCause: when a case has failed its SDK says goodbye, here on a connection that a
// middlebox has cut, which had nothing to do with the failure.
func TestWhatIsStoppedAfterwardsIsNoCause(t *testing.T) {
	cases, err := suite.Cases("@CP-RES-09")
	require.NoError(t, err)
	cases = slices.DeleteFunc(cases, func(c selection.Case) bool { return !strings.HasSuffix(c.ID, "it-drops-what-follows-is-built-anew") })
	require.Len(t, cases, 1)
	run, err := runner.Run(t.Context(), runner.Config{Cases: cases, Seed: 1, SDK: "mutant:never-pings"})
	require.NoError(t, err)
	c := run.Cases[0]
	require.Equal(t, result.Fail, c.Outcome)
	require.Contains(t, c.Failure.Cause, `stopped by rule "unsolicited"`)
	require.NotContains(t, c.Failure.Cause, "from alice")
}
