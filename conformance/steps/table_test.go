package steps

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/decision"
)

func TestParseSequence(t *testing.T) {
	const words = "setTurnServer, startProxyServer, stopProxyServer, join, leave, setProxyServer"
	require.Equal(t, words, decision.Text(parseSequence(words)))
}

func TestFailedJoin(t *testing.T) {
	sequence := []decision.Call{decision.Join, decision.Join, decision.Leave, decision.Join}
	replies := make([]decision.Reply, len(sequence))
	replies[1].Error = true
	require.Empty(t, failedJoin(sequence, replies), "a second join may return what it likes")
	replies[3].Missing = true
	require.Equal(t, "join, join, leave, join: call 4", failedJoin(sequence, replies))
}

// TestText makes long texts of labels that a host name may have (RFC 1035, section 2.3.4).
func TestText(t *testing.T) {
	must := func(value string) string {
		written, err := text(value)
		require.NoError(t, err)
		return written
	}
	require.Equal(t, "Grüße", must(`"Grüße"`))
	require.Empty(t, must(`""`))
	for _, n := range []int{1, 2, 63, 64, 65, 128, 255, 256} {
		long := must(fmt.Sprintf("%d bytes", n))
		require.Len(t, long, n)
		for label := range strings.SplitSeq(long, ".") {
			require.NotEmpty(t, label, n)
			require.LessOrEqual(t, len(label), 63, n)
		}
	}
}
