package crowd_test

import (
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/load"
)

var many = flag.Int("many", 120, "how many users TestMany has")

// mostMemory is what a user may need, everything of the world included, and among many what collections leave, too.
const mostMemory = 300_000

// Many users in one world take no more memory each than a hundred do, and a hundred of many may have the SDK whole. What a
// packet takes is printed.
func TestMany(t *testing.T) {
	few := report(t, load.Plan{Users: 100})
	r := report(t, load.Plan{Users: *many})
	t.Logf("a packet costs %.2f times as much", float64(r.Holding.Cost())/float64(few.Holding.Cost()))
	require.Less(t, r.PerUser(), int64(mostMemory))
	video := load.Plan{Users: 100, Media: 40, Burst: 8, Payload: 1000} // five frames a second
	few = report(t, video)
	video.Users = *many
	r = report(t, video)
	t.Logf("a packet of a burst costs %.2f times as much", float64(r.Holding.Cost())/float64(few.Holding.Cost()))
	r = report(t, load.Plan{Users: *many, WebRTC: min(100, *many/20*2)})
	require.NotZero(t, r.WebRTC.Returned)
	t.Logf("%d RTP packets of whole SDKs, %d came", r.WebRTC.Sent, r.WebRTC.Returned)
	if *many >= 10_000 { // among few, a hundred whole SDKs are many
		require.Less(t, r.Memory.System/uint64(r.Joined), uint64(mostMemory))
	}
}

// report runs a plan in which users join evenly, and soon, since those who have joined send media meanwhile; all of them
// say something while the cost is measured, and nothing goes wrong.
func report(t *testing.T, p load.Plan) *load.Report {
	p = p.WithDefaults()
	p.Seed, p.Ramp, p.Hold = 1, time.Duration(p.Users)*2*time.Millisecond, p.Messages
	r := run(t, p)
	t.Logf("%d users, %d with a whole SDK: join p50 %v p99 %v; %d KB a user, %d KB from the system; hold: ratio %.2f, %.0f packets/s, %v a packet; joining wall %v; %d goroutines a user",
		r.Joined, p.WebRTC, r.Join.Percentile(50), r.Join.Percentile(99), r.PerUser()/1000, r.Memory.System/uint64(r.Joined)/1000, r.Holding.Ratio(), r.Holding.Rate(), r.Holding.Cost(), r.Joining.Wall, r.Memory.Goroutines/r.Joined)
	require.Empty(t, load.Goal{}.WithDefaults().Missed(r))
	require.Zero(t, r.Lost)
	require.Equal(t, r.Media.Sent, r.Media.Returned)
	return r
}
