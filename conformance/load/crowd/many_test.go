package crowd_test

import (
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/load"
)

var many = flag.Int("many", 120, "how many users TestMany has")

// Many users in one world cost little more each than a hundred do.
func TestMany(t *testing.T) {
	plan := load.Plan{Users: 100, Seed: 1, Ramp: time.Second}.WithDefaults()
	plan.Hold = plan.Messages // all have joined at once: in less time they would say nothing, and many do at any time
	few := run(t, plan)
	plan = load.Plan{Users: *many, Seed: 1, Ramp: time.Duration(*many) * 10 * time.Millisecond, Hold: 2 * time.Second, WebRTC: min(100, *many/20*2)}
	r := run(t, plan)
	for _, r := range []*load.Report{few, r} {
		t.Logf("%d users: join p50 %v p99 %v; %d KB a user, %d KB from the system; hold: ratio %.2f, %.0f packets/s, %v a packet; joining wall %v; %d goroutines a user",
			r.Joined, r.Join.Percentile(50), r.Join.Percentile(99), r.PerUser()/1000, r.Memory.System/uint64(r.Joined)/1000, r.Holding.Ratio(), r.Holding.Rate(), r.Holding.Cost(), r.Joining.Wall, r.Memory.Goroutines/r.Joined)
		require.Empty(t, load.Goal{}.WithDefaults().Missed(r))
		require.Zero(t, r.Lost)
		t.Logf("%d RTP packets of whole SDKs, %d came", r.WebRTC.Sent, r.WebRTC.Returned)
		require.Equal(t, r.Media.Sent, r.Media.Returned)
	}
}
