package runner

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/timeline"
)

const followed = `s: nothing happens; 2 hours pass; nothing happens`

func TestFollowTellsWhatHappens(t *testing.T) {
	var seqs []int
	var asked []int
	c, err := Follow(t.Context(), Config{Cases: cases(t, followed), SDK: "sound"}, Follower{
		Events: func(events []timeline.Event) {
			for _, e := range events {
				seqs = append(seqs, e.Seq)
			}
		},
		Step: func(n int) error {
			asked = append(asked, n)
			require.Len(t, seqs, n-1, "the world stands still before step %d", n)
			return nil
		},
	})
	require.NoError(t, err)
	require.Equal(t, result.Pass, c.Outcome, c.Failure)
	require.Equal(t, []int{1, 2, 3}, seqs, "each once, in order")
	require.Equal(t, []int{1, 2, 3}, asked)
}

func TestFollowEndsWhenAsked(t *testing.T) {
	c, err := Follow(t.Context(), Config{Cases: cases(t, followed), SDK: "sound"}, Follower{
		Step: func(n int) error {
			if n == 2 {
				return errors.New("enough")
			}
			return nil
		},
	})
	require.NoError(t, err)
	require.Equal(t, result.HarnessFault, c.Outcome)
	require.ErrorContains(t, c.Failure, "enough")
}

func TestFollowWantsOneCase(t *testing.T) {
	_, err := Follow(t.Context(), Config{}, Follower{})
	require.ErrorContains(t, err, "one case can be followed, not 0")
}
