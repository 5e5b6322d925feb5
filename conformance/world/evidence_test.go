package world

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCaptureBudget writes ten times what fits: the beginning, the end and what must be kept are there, in order.
func TestCaptureBudget(t *testing.T) {
	b := &blocks{limit: 100}
	for n := range 200 {
		b.keep = n%50 == 0
		_, err := b.Write([]byte{byte(n), byte(n), byte(n), byte(n), byte(n), byte(n), byte(n), byte(n), byte(n), byte(n)})
		require.NoError(t, err)
	}
	var seen []byte
	for text := append(b.take(nil), b.rest()...); len(text) > 0; text = text[10:] {
		seen = append(seen, text[0])
	}
	require.Equal(t, []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 50, 100, 150, 190, 191, 192, 193, 194, 195, 196, 197, 198, 199}, seen)
	require.Equal(t, 200-len(seen), b.cut)
}

func TestCaptureWithinItsBudgetIsWhole(t *testing.T) {
	b := &blocks{}
	_, err := b.Write([]byte("all"))
	require.NoError(t, err)
	require.Equal(t, "all", string(b.take(nil)))
	require.Empty(t, b.rest())
	require.Zero(t, b.cut)
}
