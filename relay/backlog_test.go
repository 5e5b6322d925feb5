package relay

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay/turn"
)

// However the system takes the bytes, a message has been written when all of it has.
func TestBacklog(t *testing.T) {
	for step := range 30 {
		var b backlog
		for range 3 {
			b.add(&turn.Action{Kind: turn.ToClient, Data: true, Allocation: new(turn.Allocation), Payload: make([]byte, 7), Size: 3})
			b.add(&turn.Action{Kind: turn.ToClient, Payload: make([]byte, 2)})
		}
		for left := 27; left > 0; {
			n := min(1+step, left)
			b.written(n)
			left -= n
			require.Len(t, b.bytes, left)
			packets := 0
			for _, m := range b.messages {
				if m.allocation != nil {
					packets += m.size
				}
			}
			require.Equal(t, 3*((left+6)/9), packets, "%d bytes are left, %d at a time", left, n)
		}
		require.Empty(t, b.messages)
	}
}
