package bubble

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRank: who stops time comes first, then who runs, and those of this module last, of whom there are many.
func TestRank(t *testing.T) {
	for i, g := range []Goroutine{
		{State: "IO wait", Function: module + "relay.serve"},
		{State: "runnable", Function: module + "relay.serve"},
		{State: "select (durable)", Function: "gitlab.example/sdk.wait"},
		{State: "select (durable)", Function: module + "relay.serve"},
	} {
		require.Equal(t, i, g.rank(), g)
	}
}
