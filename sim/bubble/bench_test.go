package bubble_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/bubble"
)

// BenchmarkOpenClose is what a scenario pays for its bubble.
func BenchmarkOpenClose(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		bb, err := bubble.Open(bubble.Config{})
		require.NoError(b, err)
		require.NoError(b, bb.Close(time.Minute))
	}
}

// BenchmarkDo is what a step pays.
func BenchmarkDo(b *testing.B) {
	bb, err := bubble.Open(bubble.Config{})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if err := bb.Do(func() {}); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, bb.Close(0))
}

// BenchmarkVirtualSecond is what a tick of virtual time costs.
func BenchmarkVirtualSecond(b *testing.B) {
	bb, err := bubble.Open(bubble.Config{Watchdog: -1})
	require.NoError(b, err)
	require.NoError(b, bb.Do(func() {
		for range b.N { // b.Loop would believe the virtual clock
			time.Sleep(time.Second)
		}
	}))
	require.NoError(b, bb.Close(0))
}
