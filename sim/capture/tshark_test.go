package capture_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTshark lets the reader that people will use judge the file.
func TestTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark isn't on PATH, so nobody but gopacket and this test's own parser has read the file:", err)
	}
	file := filepath.Join(t.TempDir(), "capture.pcapng")
	require.NoError(t, os.WriteFile(file, write(t, few(t)), 0o600))
	run := func(args ...string) string {
		cmd := exec.Command(tshark, append([]string{"-n", "-r", file}, args...)...)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		require.NoError(t, err, stderr.String())
		require.NotContains(t, stderr.String(), file, "no complaint about the file")
		return string(out)
	}

	require.Empty(t, run("-Y", "_ws.malformed or _ws.expert.severity == error"), "nothing is malformed")
	fields := run("-T", "fields", "-E", "separator=|",
		"-e", "frame.interface_name", "-e", "frame.time_epoch", "-e", "ip.src", "-e", "udp.dstport", "-e", "frame.comment")
	require.Equal(t, strings.Join([]string{
		"lan|1767225600.123456789|10.0.0.2|3478|allow: T8",
		"internet|1767225600.123456790|23.236.115.138|50000|allow: established",
		"lan|1767229200.123456789|10.0.0.2|3477|drop: default — not listed",
		"lan|1767232800.123456789|10.0.0.2|3477|",
		"",
	}, "\n"), fields)
}
