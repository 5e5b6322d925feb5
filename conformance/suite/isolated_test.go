package suite_test

import (
	"flag"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/suite"
	"github.com/proxyspec/proxyspec/sim/kernel"
)

var isolatedTags = flag.String("isolated-tags", "@CP-FLOW-04 or @CP-FLOW-06 or @CP-API-21 or @CP-FW-22 or @CP-RES-01",
	"the scenarios of the isolation test; \"not @exhaustive\" is the long form")

// TestNoPacketLeavesTheHost runs scenarios in a network namespace that has no interface but a loopback that is down
// (CP-RPT-01): whatever tried to send a packet there, or to listen, would fail, and its scenario with it.
func TestNoPacketLeavesTheHost(t *testing.T) {
	if !kernel.Inside() {
		if err := kernel.Probe(); err != nil {
			t.Skip(err)
		}
		cmd, err := kernel.Command(t.Context(), "-test.run=^TestNoPacketLeavesTheHost$", "-test.v", "-isolated-tags", *isolatedTags)
		require.NoError(t, err)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Regexp(t, `[1-9]\d* scenarios passed with no interface`, string(out))
		return
	}
	interfaces, err := net.Interfaces()
	require.NoError(t, err)
	for _, i := range interfaces {
		require.Zero(t, i.Flags&net.FlagUp, "%s is up", i.Name)
	}
	_, err = net.Dial("udp", "192.0.2.1:9")
	require.Error(t, err, "a packet could leave")
	cases, err := suite.Cases(*isolatedTags)
	require.NoError(t, err)
	run, err := runner.Run(t.Context(), runner.Config{Cases: cases, Seed: 1, SDK: suite.Reference, Out: t.TempDir()})
	require.NoError(t, err)
	for _, c := range run.Cases {
		require.Equal(t, result.Pass, c.Outcome, "%s: %v", c.ID, c.Failure)
	}
	t.Logf("%d scenarios passed with no interface", len(cases))
}
