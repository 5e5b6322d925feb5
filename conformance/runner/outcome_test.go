package runner

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/bubble"
)

// TestLongDump: of many stacks those are kept that are to blame, which a bubble names first.
func TestLongDump(t *testing.T) {
	goroutines := []bubble.Goroutine{{Stack: "to blame"}, {Stack: strings.Repeat("waits ", longestDump)}}
	for _, err := range []error{&bubble.FrozenError{Goroutines: goroutines}, &bubble.LeakError{Goroutines: goroutines}} {
		_, failure := explain(err)
		require.True(t, strings.HasPrefix(failure.Actual, "to blame"))
		require.LessOrEqual(t, len(failure.Actual), longestDump+10)
	}
}
