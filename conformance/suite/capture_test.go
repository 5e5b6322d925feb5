package suite_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/suite"
)

// TestCapturesAreSound has tshark read the captures of calls with messages and media.
func TestCapturesAreSound(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark isn't installed (Debian's package tshark): captures are only read back by sim/capture's tests")
	}
	cases, err := suite.Cases("@CP-FLOW-06 or @CP-FLOW-14 or @CP-RES-01")
	require.NoError(t, err)
	out := t.TempDir()
	run, err := runner.Run(t.Context(), runner.Config{Cases: cases, Seed: 1, SDK: suite.Reference, Out: out})
	require.NoError(t, err)
	found := ""
	for _, c := range run.Cases {
		require.Equal(t, result.Pass, c.Outcome, c.ID)
		file := filepath.Join(out, filepath.FromSlash(c.Evidence.Capture))
		malformed, err := exec.Command(tshark, "-r", file, "-Y", "_ws.malformed").Output()
		require.NoError(t, err, c.ID)
		require.Empty(t, string(malformed), "%s: tshark calls packets malformed", c.ID)
		read, err := exec.Command(tshark, "-r", file, "-T", "fields", "-e", "frame.protocols", "-e", "frame.comment").Output()
		require.NoError(t, err, c.ID)
		found += string(read)
	}
	for _, what := range []string{"ip:tcp:tls", "ip:udp:stun", "ip:tcp:stun", "allow by rule T", "established"} {
		require.Contains(t, found, what, "tshark doesn't see what is there")
	}
}
