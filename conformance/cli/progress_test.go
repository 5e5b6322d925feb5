package cli

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
)

func TestProgressSaysHowLongItWillTake(t *testing.T) {
	var b strings.Builder
	ids := make([]string, 100)
	for i := range ids {
		ids[i] = fmt.Sprint(i)
	}
	p := newProgress(&b, false, "testing", ids, 1)
	at := p.begun
	p.now = func() time.Time { return at }
	p.cost = func(id string) int { // the first takes as long as all others
		if id == "0" {
			return 99
		}
		return 1
	}
	p.all = 198
	p.ended(&result.Case{ID: "0"})
	require.NotContains(t, p.line(), "to go", "nobody can tell yet")
	at = at.Add(9900 * time.Millisecond)
	require.Equal(t, "1 of 100 done, 0 in trouble, 10s to go, 0s of virtual time", p.line())
	for _, id := range ids[1:] {
		p.ended(&result.Case{ID: id, Outcome: result.Fail, Virtual: time.Hour})
	}
	require.Equal(t, "100 of 100 done, 99 in trouble, 99h0m0s of virtual time", p.line())
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	require.Len(t, lines, 10, "one to begin with and one each tenth")
	require.NotContains(t, b.String(), "\r")
	require.NotContains(t, b.String(), "\x1b")
}

func TestALineFitsItsTerminal(t *testing.T) {
	require.Equal(t, "12345", fit("12345", 5))
	require.Equal(t, "1234…", fit("123456", 5))
	require.Equal(t, "…", fit("123456", 1))
	require.Equal(t, "…", fit("123456", 0), "a terminal without a width")
}
