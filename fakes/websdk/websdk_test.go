package websdk

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAnnouncements has a subscription connect anew when what it has is gone, and only then.
func TestAnnouncements(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no Node on this machine to run modules of JavaScript: ", err)
	}
	out, err := exec.Command(node, "testdata/renew.mjs").CombinedOutput()
	require.NoError(t, err, string(out))
}
