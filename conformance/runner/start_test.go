package runner_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBeginningRunsNoProgram has a program that begins with a go command on its PATH, which leaves a trace where it runs.
func TestBeginningRunsNoProgram(t *testing.T) {
	const mine = "PROXYSPEC_TEST_BEGUN"
	if folder := os.Getenv(mine); folder != "" {
		require.Equal(t, folder, os.Getenv("PATH"), "the PATH is as before")
		return
	}
	if _, err := exec.LookPath("/bin/sh"); err != nil {
		t.Skip("no /bin/sh for a go command of our own")
	}
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "go"), []byte("#!/bin/sh\n: >"+folder+"/ran\n"), 0o755))
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = []string{"PATH=" + folder, mine + "=" + folder}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: "+t.Name())
	require.NoFileExists(t, filepath.Join(folder, "ran"))
}
