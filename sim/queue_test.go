package sim

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestQueue holds the queue against a list that is sorted before each look.
func TestQueue(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var q queue
	var list []event
	packet, clock := &Packet{}, time.Duration(0)
	for i := range 50_000 {
		switch n := r.IntN(20); {
		case n == 0 && i%500 == 0: // events are moved, as when packets go back
			q.each(func(e *event) { e.at = clock + time.Duration(e.number%7) })
			for i := range list {
				list[i].at = clock + time.Duration(list[i].number%7)
			}
			q.order()
		case n < 9+2*(i/2000%2) || q.len() == 0: // it gets longer for a while, and then shorter
			e := event{at: clock + []time.Duration{1, 10, 25, time.Duration(r.IntN(40))}[r.IntN(4)], flow: r.Uint64N(3), number: uint64(i), packet: packet}
			if n == 1 {
				e.packet, e.at = nil, e.at+1000 // a timer
			}
			q.push(e)
			list = append(list, e)
		default:
			slices.SortFunc(list, func(a, b event) int {
				if a.before(&b) {
					return -1
				}
				return 1
			})
			require.Equal(t, list[0], *q.first())
			require.Equal(t, list[0], q.pop())
			clock = list[0].at
			list = list[1:]
		}
		require.Equal(t, len(list), q.len())
	}
}
