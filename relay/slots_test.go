package relay

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestSlots is a table of what happens to an account of two concurrent users, under a clock of its own.
func TestSlots(t *testing.T) {
	const (
		take  = "take"
		full  = "full" // take, in vain
		close = "close"
		lose  = "lose"
	)
	type step struct {
		at   time.Duration
		do   string
		user string
	}
	for name, steps := range map[string][]step{
		"a third user finds it full":      {{0, take, "a"}, {0, take, "b"}, {0, full, "c"}},
		"a user takes one slot only":      {{0, take, "a"}, {0, take, "a"}, {0, take, "b"}, {0, full, "c"}},
		"closing frees the slot at once":  {{0, take, "a"}, {0, take, "b"}, {1, close, "a"}, {1, take, "c"}},
		"closing one of two doesn't":      {{0, take, "a"}, {0, take, "a"}, {0, take, "b"}, {1, close, "a"}, {1, full, "c"}, {2, close, "a"}, {2, take, "c"}},
		"a lost user keeps it for a time": {{0, take, "a"}, {0, take, "b"}, {0, lose, "a"}, {slotGrace - 1, full, "c"}, {slotGrace, take, "c"}},
		"and may come back":               {{0, take, "a"}, {0, take, "b"}, {0, lose, "a"}, {slotGrace - 1, take, "a"}, {slotGrace, full, "c"}},
		"and be lost again": {{0, take, "a"}, {0, take, "b"}, {0, lose, "a"}, {9, take, "a"}, {9, lose, "a"},
			{slotGrace, full, "c"}, {slotGrace + 9, take, "c"}},
		"and then leave": {{0, take, "a"}, {0, take, "b"}, {0, lose, "a"}, {9, take, "a"}, {9, close, "a"}, {9, take, "c"},
			{slotGrace, full, "d"}, {slotGrace, close, "c"}, {slotGrace, take, "d"}},
		"losing one of two is no loss": {{0, take, "a"}, {0, take, "a"}, {0, lose, "a"}, {1, close, "a"}, {1, take, "b"}, {1, take, "c"}},
	} {
		t.Run(name, func(t *testing.T) {
			var s slots
			epoch := time.Unix(1_000_000, 0)
			for i, step := range steps {
				u, now := user{appID: "app", uid: step.user}, epoch.Add(step.at)
				switch step.do {
				case take, full:
					require.Equal(t, step.do == take, s.free(u, 2, now), "step %d", i)
					require.Equal(t, step.do == take, s.take(u, 2, -1, now) == taken, "step %d", i)
				case close, lose:
					s.give(u, step.do == lose, now)
				}
			}
		})
	}
}

func TestSlotsForgetEveryone(t *testing.T) {
	var s slots
	now := time.Unix(1_000_000, 0)
	for range 1000 {
		u := user{appID: "app", session: now.String()}
		require.Equal(t, taken, s.take(u, 1000, -1, now))
		s.give(u, true, now)
		now = now.Add(time.Second)
	}
	require.Len(t, s.users, int(slotGrace/time.Second))
	require.True(t, s.free(user{}, 1, now.Add(slotGrace)))
	require.Empty(t, s.users)
	require.Empty(t, s.inUse)
	require.Empty(t, s.lapsing)
}

func TestSlotsOfAccountsAreApart(t *testing.T) {
	var s slots
	now := time.Unix(1_000_000, 0)
	require.Equal(t, taken, s.take(user{appID: "one", uid: "a"}, 1, -1, now))
	require.Equal(t, taken, s.take(user{appID: "two", uid: "a"}, 1, -1, now))
	require.Equal(t, full, s.take(user{appID: "two", uid: "b"}, 1, -1, now))
}
