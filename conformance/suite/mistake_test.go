package suite_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
)

const mistaken = `Feature: Mistakes
  Scenario: there is no user "zoe": there are alice, bob, carol
    When zoe joins "town-hall"
  Scenario: there is no user "Alice": there are alice, bob, carol
    When Alice joins "town-hall"
  Scenario: alice has not called join: a step before this one must
    Then alice is in the channel
  Scenario: alice has not joined: a step before this one must
    Then joining failed within its limit
  Scenario: there is no host "relay-9" in this world
    When relay-9 goes off the network
  Scenario: firewall policy "cloud-proxy-test" without rule "T99": it has no such rule
    Given the office firewall allows the whitelist without rows T1 and T99
  Scenario: the world is up already: put this step before the first one that uses an SDK
    When bob joins "town-hall"
    Given the lookup edges take requests and never answer
  Scenario: 3000000 hours are more than any clock here can count
    When 3000000 hours pass
`

// TestMistakesAreNobodyElses: what makes no sense in a scenario is held against its author, not against the SDK or the
// harness. Each scenario here is named for what it is told.
func TestMistakesAreNobodyElses(t *testing.T) {
	cases := written(t, mistaken)
	run, err := runner.Run(t.Context(), runner.Config{Cases: cases, Seed: 1, SDK: "reference"})
	require.NoError(t, err)
	for _, c := range run.Cases {
		require.Equal(t, result.Undefined, c.Outcome, c.Name)
		require.Equal(t, c.Name, c.Failure.Message)
		require.Empty(t, c.Failure.Cause, "nothing was stopped or not stopped: "+c.Name)
	}
	require.Equal(t, result.ExitUsage, result.ExitCode(run))
}
