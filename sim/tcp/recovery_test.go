package tcp

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestScoreboard holds the ranges against a table that has each number's fate, around the end of the sequence space.
func TestScoreboard(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const size, mss = 400, 20
	for range 30 {
		first := -uint32(r.IntN(2 * size))
		una := first
		var b scoreboard
		has := make([]bool, size)
		for range 40 {
			var said []Range
			for range r.IntN(4) {
				from := r.IntN(size)
				said = append(said, Range{first + uint32(from), first + uint32(from+r.IntN(30)-3)})
			}
			news := false
			for _, s := range said {
				if !before(s.From, s.To) || before(first+size, s.To) {
					continue // a lie
				}
				for at := s.From; at != s.To; at++ {
					if i := at - first; !before(at, una) && !has[i] {
						has[i], news = true, true
					}
				}
			}
			require.Equal(t, news, b.take(una, first+size, said))
			if r.IntN(5) == 0 && una != first+size {
				una++
				for i := una - first; i < size && has[i]; i++ {
					una++
				}
				b.reached(una)
			}
			model(t, b, has, una-first, first, mss, r)
		}
	}
}

func model(t *testing.T, b scoreboard, has []bool, una, first uint32, mss int, r *rand.Rand) {
	t.Helper()
	size := uint32(len(has))
	lost := una // the edge: for each number, count what is above
	for i := una; i < size; i++ {
		above, ranges := 0, 0
		for j := i; j < size; j++ {
			if has[j] {
				above++
				if j == i || !has[j-1] {
					ranges++
				}
			}
		}
		if has[i] && (i == una || !has[i-1]) && (ranges >= 3 || above > 2*mss) {
			lost = i
		}
	}
	require.Equal(t, first+lost, b.lost(first+una, mss))
	resent, end := una+uint32(r.IntN(int(size-una)+1)), una+uint32(r.IntN(int(size-una)+1))
	want := 0
	for i := una; i < end; i++ {
		if !has[i] && i >= lost {
			want++
		}
		if !has[i] && i < resent {
			want++
		}
	}
	require.Equal(t, want, b.pipe(first+una, first+end, first+lost, first+resent))
	from := end
	for from < size && has[from] {
		from++
	}
	to := from
	for to < size && !has[to] {
		to++
	}
	require.Equal(t, Range{first + from, first + to}, b.hole(first+end, first+size))
}

// A path loses every other one of sixty segments: who is told what has arrived mends all holes in a round trip, who isn't
// waits for its timer.
func TestSelectiveRecovery(t *testing.T) {
	data := pattern(1_000_000)
	took := func(selective bool, lost int) time.Duration {
		sent := 0
		w := &wire{t: t, delay: 20 * time.Millisecond, ends: [2]*Conn{Open(Config{}), nil}}
		w.drop = func(_ int, s *Segment) bool {
			s.SACKPermitted = s.SACKPermitted && selective
			if len(s.Payload) > 0 {
				sent++
			}
			return len(s.Payload) > 0 && sent > 300 && sent <= 300+2*lost && sent%2 == 0
		}
		w.run("connect", func() bool { return w.ends[1] != nil && w.ends[1].Connected() && w.ends[0].Connected() })
		require.True(t, bytes.Equal(data, w.transfer(0, data)))
		return w.now
	}
	const roundTrip = 40 * time.Millisecond
	require.Less(t, took(true, 30)-took(true, 0), 2*roundTrip)
	require.Greater(t, took(false, 30)-took(false, 0), 5*roundTrip)
}

// RFC 6298, section 2: the timeout is three times the first round trip, and comes down to it as more are alike.
func TestTimeoutFollowsTheRoundTrip(t *testing.T) {
	const trip = time.Second
	var timing timing
	now := time.Duration(0)
	measure := func(r time.Duration) time.Duration {
		timing.start(now, 1)
		now += r
		timing.acked(now, 1)
		return timing.timeout()
	}
	require.Equal(t, 3*trip, measure(trip))
	require.Equal(t, trip+4*trip*3/8, measure(trip), "the variance is 3/4 of what it was")
	for range 50 {
		measure(trip)
	}
	require.InDelta(t, trip, measure(trip), float64(trip)/100)
	require.Equal(t, maxRTO, measure(time.Hour))
	timing.retries = 40
	require.Equal(t, maxRTO, timing.timeout())
}

// What the peer has is told from una on: a range that una has come into begins there.
func TestScoreboardForgetsWhatIsAcknowledged(t *testing.T) {
	board := scoreboard{{10, 20}, {30, 40}}
	board.reached(15)
	require.Equal(t, scoreboard{{15, 20}, {30, 40}}, board)
	board.reached(20)
	require.Equal(t, scoreboard{{30, 40}}, board)
	board.reached(50)
	require.Empty(t, board)
}
