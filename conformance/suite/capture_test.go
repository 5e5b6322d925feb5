package suite_test

import (
	"flag"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/suite"
)

var captureTags = flag.String("capture-tags", "@CP-FLOW-06 or @CP-FLOW-14 or @CP-RES-01",
	`the scenarios whose captures tshark reads; "not @exhaustive" is the long form`)

// unsound is what no capture may have: a packet that tshark can't take apart, and one on the relays' media ports that
// isn't STUN, TURN or ChannelData. Each packet is captured on both sides of the firewall, where a segment of TCP looks
// like a retransmission the second time; an ICMP error quotes no more than the beginning of a packet.
const unsound = "_ws.malformed or (not icmp and not stun and " +
	"(udp.port in {3478..3500} or (tcp.port in {3433..3460} and tcp.len > 0 and not tcp.analysis.retransmission)))"

// TestCapturesAreSound has tshark read the captures of calls with messages and media.
func TestCapturesAreSound(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark isn't installed (Debian's package tshark): captures are only read back by sim/capture's tests")
	}
	cases, err := suite.Cases(*captureTags)
	require.NoError(t, err)
	out := t.TempDir()
	run, err := runner.Run(t.Context(), runner.Config{Cases: cases, Seed: 1, SDK: suite.Reference, Out: out})
	require.NoError(t, err)
	all := filepath.Join(out, "all.pcapng")
	merge := []string{"-a", "-w", all}
	for _, c := range run.Cases {
		require.Equal(t, result.Pass, c.Outcome, c.ID)
		merge = append(merge, filepath.Join(out, filepath.FromSlash(c.Evidence.Capture)))
	}
	text, err := exec.Command("mergecap", merge...).CombinedOutput()
	require.NoError(t, err, string(text))

	// Of the ports that a firewall is tried on some are registered for other protocols: what a packet looks like
	// decides, not its port.
	tshark := func(args ...string) string {
		text, err := exec.Command("tshark", append([]string{"-r", all, "-o", "udp.try_heuristic_first:TRUE"}, args...)...).Output()
		require.NoError(t, err)
		return string(text)
	}
	require.Empty(t, tshark("-Y", unsound))
	kinds, packets := map[string]int{}, 0
	for line := range strings.Lines(tshark("-T", "fields", "-E", "occurrence=f",
		"-e", "frame.protocols", "-e", "stun.type.method", "-e", "stun.channel", "-e", "frame.comment")) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		require.Len(t, f, 4)
		packets++
		for _, what := range []string{"ip:tcp:tls", "ip:udp:stun", "ip:tcp:stun"} {
			if strings.Contains(f[0], what) {
				kinds[what]++
			}
		}
		if f[1] != "" {
			kinds["method "+f[1]]++
		}
		if f[2] != "" {
			kinds["channel data"]++
		}
		for _, what := range []string{"allow by rule T", "established"} {
			if strings.Contains(f[3], what) {
				kinds[what]++
			}
		}
	}
	for _, what := range []string{
		"ip:tcp:tls", "ip:udp:stun", "ip:tcp:stun", "allow by rule T", "established", "channel data",
		"method 0x0001", "method 0x0003", "method 0x0004", "method 0x0008", "method 0x0009", // Binding, Allocate, Refresh, CreatePermission, ChannelBind
	} {
		require.NotZero(t, kinds[what], "tshark doesn't see %s: %v", what, kinds)
	}
	t.Logf("%d captures, %d packets: %v", len(run.Cases), packets, kinds)
}
