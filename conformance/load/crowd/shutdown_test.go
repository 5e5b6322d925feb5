package crowd

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/load"
)

// under runs a plan while something happens to the fleet.
func under(t *testing.T, p load.Plan, during func(f *fleet, held time.Duration)) *load.Report {
	t.Helper()
	p = p.WithDefaults()
	require.NoError(t, p.Check())
	c := &crowd{plan: p, report: &load.Report{Plan: p, Failed: map[string]int{}, Refusals: map[string]int{}, Join: load.Times{}, Reconnect: load.Times{}}}
	c.during = func(held time.Duration) { during(c.fleet, held) }
	require.NoError(t, c.run(t.Context(), func(string) {}))
	return c.report
}

// Relays are killed one after the other, and started again: whoever was on them comes back alone, within the limit of
// a reconnect, to an account that has not one place more than it has users, and no packet is counted twice.
func TestRelaysAreKilledUnderLoad(t *testing.T) {
	const users, each = 30, 10
	killed := 0
	r := under(t, load.Plan{Users: users, Enterprises: users / each, Scale: each, Media: 2, Seed: 1, Ramp: time.Second, Hold: 200 * time.Second}, func(f *fleet, held time.Duration) {
		second := int(held / time.Second)
		p := f.relays[second/60%len(f.relays)]
		switch {
		case second%60 == 5 && second < 180:
			f.kill(p)
			killed++
		case second%60 == 8 && second < 180:
			require.NoError(t, f.startRelay(p))
		}
	})
	require.Equal(t, 3, killed)
	require.Empty(t, r.Failed)
	require.Empty(t, r.Wrong)
	require.Greater(t, r.Lost, users/2, "a relay that is killed takes calls along")
	require.Equal(t, r.Lost, r.Rejoined, "everybody came back: %v", r.Refusals)
	require.LessOrEqual(t, r.Reconnect.Percentile(100), time.Minute)
	require.NotContains(t, r.Refusals, "messages.refused scale-exceeded", "a place is counted once, before and after")
	require.Equal(t, r.Media.In, r.Media.Out+r.Media.Dropped)
	require.LessOrEqual(t, r.Media.Out, 2*r.Media.Sent)
	t.Logf("%d calls lost, back within %v, half of them within %v; %+v", r.Lost, r.Reconnect.Percentile(100), r.Reconnect.Percentile(50), r.Media)
}

// A relay that drains keeps the calls that it has: nobody notices.
func TestRelayDrainsUnderLoad(t *testing.T) {
	drained := false
	r := under(t, load.Plan{Users: 12, Enterprises: 2, Media: 1, Seed: 1, Ramp: time.Second, Hold: 12 * time.Minute}, func(f *fleet, held time.Duration) {
		if held == 5*time.Second {
			f.relays[0].relay.Drain()
		}
		if held == 10*time.Minute { // beyond a refresh of everything
			drained = len(f.relays[0].relay.Media().Allocations) > 0
		}
	})
	require.True(t, drained, "the relay has calls, and keeps them")
	require.Empty(t, r.Failed)
	require.Empty(t, r.Wrong)
	require.Zero(t, r.Lost)
	require.Equal(t, r.Media.Sent, r.Media.Returned)
}
