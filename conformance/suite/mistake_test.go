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
  Scenario: "1.2.3" is not an IP address
    When alice's computer tries TCP 1.2.3 on ports "443"
  Scenario: "443-1" is neither a port nor a range of ports: write "443" or "3433-3460"
    When alice's computer tries TCP 23.236.115.138 on ports "443-1"
  Scenario: "FOO" is none of TCP, UDP, ICMP, GRE, ESP, SCTP
    Then the firewall would drop a first packet of FOO from 10.10.0.2 to 1.2.3.4
  Scenario: no policy "mine" comes with this program: there are cloud-proxy-test, cloud-proxy-production, vendor-lists
    When the shipped list "mine" is linted for test
  Scenario: CP-RLY-99 has no row over UDP
    When a raw TURN client runs the rows of CP-RLY-99 against relay-1 over UDP
  Scenario: 1 sequences were tried, not 5
    When alice tries the sequence join, join, without waiting
    Then all 5 sequences went by the decision table
  Scenario: list.yaml:1:1: a policy must be a map of fields, not text; "proxyspec firewall schema" says what may stand there
    Given the office firewall follows this list:
      """
      nonsense
      """
  Scenario: the text below the step is not JSON
    When alice calls setTurnServer with:
      """
      {
      """
  Scenario: there is no server "gateway-9" in this world
    When gateway-9 stops
  Scenario: the office is behind no NAT: a step before this one must put it there
    When the office's NAT begins anew, with other ports
  Scenario: a round trip of 10ms isn't possible: the other links alone take 22ms
    Given from alice to a relay and back it takes 10 ms, and 0 % of the packets are lost
  Scenario: more than 100 % of the packets can't be lost
    Given from alice to a relay and back it takes 100 ms, and 101 % of the packets are lost
  Scenario: an account is for at least one user
    Given the account is for 0 users at once
  Scenario Outline: 0 seconds are no time at all
    Then <it takes none>
    Examples:
      | it takes none                                                                            |
      | the office firewall forgets UDP flows that are idle for 0 seconds                        |
      | in 0 seconds SD-RTN gets every packet of alice's audio and video                         |
      | in 0 seconds alice counts every packet and frame of bob's audio and video that SD-RTN sends her |
  Scenario Outline: no probe was sent: a step before this one must
    Then <nothing came of it>
    Examples:
      | nothing came of it                                       |
      | nobody answered                                          |
      | each probe was left without an answer                    |
      | the firewall dropped all 0 by its default rule           |
      | relay-1 answered all 0                                   |
      | the firewall judged every packet as the policy said      |
  Scenario Outline: no list was linted: a step before this one must
    Then <nothing came of it>
    Examples:
      | nothing came of it               |
      | lint finds no error              |
      | lint finds nothing called reversed |
  Scenario: no cell was read: a step before this one must
    Then it means 30 ports, among them "443"
  Scenario: no sequence was tried: a step before this one must
    Then all 0 sequences went by the decision table
  Scenario: the policy was asked nothing: a step before this one must
    Then exactly 0 of 0 are open
  Scenario: support recorded no account: a step before this one must
    Then the record is taken
  Scenario Outline: alice has called nothing: a step before this one must
    Given the office firewall has no rows
    Then <nothing came of it>
    Examples:
      | nothing came of it                                 |
      | SD-RTN hears nothing of alice                      |
      | SD-RTN got no media from alice                     |
      | alice sent no packet                               |
      | alice sent no packet to an edge or a relay         |
      | nothing of alice's could be read on the way        |
  Scenario: 3000000 hours are more than any clock here can count
    When 3000000 hours pass
  Scenario: 20000000000 seconds are more than any clock here can count
    Given the office firewall forgets UDP flows that are idle for 20000000000 seconds
  Scenario: 20000000000000 ms are more than any clock here can count
    Given from alice to a relay and back it takes 20000000000000 ms, and 0 % of the packets are lost
  Scenario: 0 minutes are no time at all
    Then alice's media has gone through one allocation for 0 minutes
  Scenario: 9999999999999 bytes are too many: write at most 1000000
    When alice calls setProxyServer with 9999999999999 bytes
  Scenario: 99999999999999999999 bytes are too many: write at most 1000000
    When alice calls setTurnServer with password 99999999999999999999 bytes
  Scenario: no lookup was sent: a step before this one must
    When alice's computer opens a message connection with each answer
  Scenario: no message connection was tried: a step before this one must
    Then 0 of the message connections opened and the others were refused as "scale-exceeded"
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

// TestNothingLeftOfNothing: where a call had nothing of the cloud proxy, nobody is told that it left some behind.
func TestNothingLeftOfNothing(t *testing.T) {
	cases := written(t, "Feature: F\n  Scenario: S\n    When alice starts the cloud proxy\n    Then nothing of alice's calls is left at the cloud proxy\n")
	run, err := runner.Run(t.Context(), runner.Config{Cases: cases, Seed: 1, SDK: "reference"})
	require.NoError(t, err)
	require.Equal(t, result.Fail, run.Cases[0].Outcome)
	require.Equal(t, "alice's calls had no message connections that could have been left", run.Cases[0].Failure.Message)
}
