package inet

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSum holds the checksum against RFC 1071's own words: 16 bits at a time, with the carry brought round.
func TestSum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 300 {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32() | r.Uint32() | r.Uint32()) // carries abound
		}
		begun := uint64(r.IntN(1 << 20))
		want := begun
		for i, x := range b {
			want += uint64(x) << (8 * (1 - i%2))
		}
		for want > 0xffff {
			want = want>>16 + want&0xffff
		}
		require.EqualValues(t, want, Fold(Sum(begun, b)), "%d bytes", n)
	}
}
