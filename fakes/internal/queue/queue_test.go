package queue

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestQueueKeepsOrderAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New[int]()
		go func() {
			for i := range 5 {
				time.Sleep(time.Second)
				q.Put(2 * i)
				q.Put(2*i + 1)
			}
		}()
		var got []int
		for len(got) < 10 {
			got = append(got, q.Take(t.Context())...)
		}
		require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, got)
		require.Empty(t, q.Drain())

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.Nil(t, q.Take(ctx))
		q.Put(1)
		require.Nil(t, q.Take(ctx), "nothing is taken once ctx has ended")
		require.Equal(t, []int{1}, q.Drain())
	})
}
