package tasks

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWaitTakesNoMoreTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group
		began := time.Now()
		require.True(t, g.Go(func() { time.Sleep(time.Second) }))
		go g.Run(func() { time.Sleep(2 * time.Second) })
		synctest.Wait()
		g.Wait()
		require.Equal(t, 2*time.Second, time.Since(began))
		require.False(t, g.Go(func() { t.Error("it ran") }))
		require.False(t, g.Run(func() { t.Error("it ran") }))
		g.Wait()
	})
}
