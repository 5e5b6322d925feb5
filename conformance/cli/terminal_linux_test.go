package cli

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/proxyspec/proxyspec/conformance/result"
)

// TestProgressOnANarrowTerminal draws on a terminal of 40 columns: what matters fits, and no line wraps.
func TestProgressOnANarrowTerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	user, program := terminal(t, 40)
	ids := make([]string, 430)
	for i := range ids {
		ids[i] = fmt.Sprintf("resilience/fallback/a-case-with-a-long-name-%d", i)
	}
	p := newProgress(program, false, "testing", ids, 1)
	require.True(t, p.live)
	p.cost = func(string) int { return 1 }
	p.all = len(ids)
	at := p.begun
	p.now = func() time.Time { at = at.Add(200 * time.Millisecond); return at }
	var shown []string
	buffer := make([]byte, 4096)
	n, err := user.Read(buffer)
	require.NoError(t, err)
	require.Equal(t, "testing: 430 cases, seed 1\r\n", string(buffer[:n]))
	for i, id := range ids[:100] {
		p.current = id
		outcome := result.Pass
		if i < 37 {
			outcome = result.Fail
		}
		p.ended(&result.Case{ID: id, Outcome: outcome, Virtual: time.Minute})
		n, err := user.Read(buffer)
		require.NoError(t, err)
		line, isNew := strings.CutPrefix(string(buffer[:n]), "\r\x1b[K")
		require.True(t, isNew, line)
		require.LessOrEqual(t, utf8.RuneCountInString(line), 39)
		shown = append(shown, line)
	}
	require.Regexp(t, `^100 of 430, 37 in trouble, \dm\d+s to go`, shown[99])
}

// terminal is both ends of one that is so wide.
func terminal(t *testing.T, columns uint16) (user, program *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no terminal can be had here: ", err)
	}
	t.Cleanup(func() { user.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(user.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(user.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { program.Close() })
	require.NoError(t, unix.IoctlSetWinsize(int(program.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}))
	return user, program
}
