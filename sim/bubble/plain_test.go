package bubble_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// plain builds the program in testdata, as any program is built.
func plain(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("the go command isn't on PATH, so no plain program can be built here:", err)
	}
	program := filepath.Join(t.TempDir(), "plain")
	out, err := exec.Command("go", "build", "-o", program, "./testdata/plain").CombinedOutput()
	require.NoError(t, err, string(out))
	return program
}

func TestPlainProgram(t *testing.T) {
	program := plain(t)

	t.Run("works", func(t *testing.T) {
		out, err := exec.Command(program).CombinedOutput()
		require.NoError(t, err, string(out))
		require.Equal(t, "plain: all as expected\n", string(out))
	})

	t.Run("says so where virtual time is impossible", func(t *testing.T) {
		cmd := exec.Command(program)
		cmd.Env = append(os.Environ(), "GODEBUG=asynctimerchan=1") // the timers of Go 1.22, which synctest refuses
		out, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "virtual time doesn't work in this program; build it with the toolchain that go.mod names")
		require.Contains(t, string(out), "asynctimerchan")
	})
}
