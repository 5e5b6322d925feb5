package load_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/load"
	"github.com/proxyspec/proxyspec/conformance/shard"
)

func TestPercentiles(t *testing.T) {
	times := load.Times{}
	require.Zero(t, times.Percentile(50))
	for ms := range 200 {
		times.Add(time.Duration(ms+1) * time.Millisecond)
	}
	for p, want := range map[float64]time.Duration{0.5: 1, 50: 100, 90: 180, 99: 198, 99.5: 199, 99.6: 200, 100: 200} {
		require.Equal(t, want*time.Millisecond, times.Percentile(p), "%v %%", p)
	}
	text, err := json.Marshal(times)
	require.NoError(t, err)
	var read load.Times
	require.NoError(t, json.Unmarshal(text, &read))
	require.Equal(t, times, read)
	require.ErrorContains(t, json.Unmarshal([]byte(`{"1": 2}`), &read), "a list of [milliseconds, count]")
}

func TestImpossiblePlans(t *testing.T) {
	for want, change := range map[string]func(*load.Plan){
		"--users is -1: it may be from 1 to 1048576":                          func(p *load.Plan) { p.Users = -1 },
		"--enterprises is 101, and --users 100: each enterprise needs a user": func(p *load.Plan) { p.Enterprises = 101 },
		"--relays is 251: it may be from 1 to 250":                            func(p *load.Plan) { p.Relays = 251 },
		"--payload is 11: it may be from 12 to 1200":                          func(p *load.Plan) { p.Payload = 11 },
		"--ramp is -1s: it must be at least 1ms":                              func(p *load.Plan) { p.Ramp = -time.Second },
		"--capacity is -1 bits a second: it can't be less than none":          func(p *load.Plan) { p.Capacity = -1 },
		"--shard 1/3 has no enterprise: there are 2":                          func(p *load.Plan) { p.Shard = shard.Shard{Index: 1, Count: 3} },
		"--media is 1001: it may be from 1 to 1000":                           func(p *load.Plan) { p.Media = 1001 },
		"--burst is 11: it may be from 1 to 10":                               func(p *load.Plan) { p.Burst = 11 },
		"--messages is 1ms: it must be at least 1s":                           func(p *load.Plan) { p.Messages = time.Millisecond },
		"--webrtc is 101: it may be from 0 to 100":                            func(p *load.Plan) { p.WebRTC = 101 },
		"--webrtc is 3: they call each other in pairs":                        func(p *load.Plan) { p.WebRTC = 3 },
		"--webrtc is 70: two of one enterprise call each other, and there are 34 such pairs": func(p *load.Plan) {
			p.Enterprises, p.WebRTC = 34, 70 // of two or three users
		},
		"--scale is -5: it may be from 0 to 1048576": func(p *load.Plan) { p.Scale = -5 },
	} {
		p := load.Plan{}.WithDefaults()
		require.NoError(t, p.Check())
		change(&p)
		require.EqualError(t, p.Check(), want)
	}
}

// Shards take everything once, whatever their number.
func TestParts(t *testing.T) {
	whole := load.Plan{Users: 1003, Enterprises: 17, Relays: 5, WebRTC: 10}.WithDefaults()
	for n := 1; n <= 5; n++ {
		var users, enterprises, relays, webRTC int
		for i := 1; i <= n; i++ {
			p := whole
			p.Shard = shard.Shard{Index: i, Count: n}
			p = p.Part()
			require.NoError(t, p.Check())
			users, enterprises, relays, webRTC = users+p.Users, enterprises+p.Enterprises, relays+p.Relays, webRTC+p.WebRTC
		}
		require.Equal(t, []int{1003, 17, 5, 10}, []int{users, enterprises, relays, webRTC})
	}
}

// Users with a whole SDK are pairs, spread over all that there are.
func TestWhole(t *testing.T) {
	p := load.Plan{Users: 99, Enterprises: 3, WebRTC: 8}.WithDefaults() // 33 in each: 16 pairs
	require.NoError(t, p.Check())
	var got []int
	for n, whole := range p.Whole() {
		if whole {
			got = append(got, n)
		}
	}
	require.Equal(t, []int{11, 23, 35, 47}, got)
}

// A packet of each user may be on its way when they end; what is missing besides is lost.
func TestRTPLoss(t *testing.T) {
	r := &load.Report{Plan: load.Plan{Users: 10, WebRTC: 10}, Joined: 10, Media: load.Media{Sent: 1, Returned: 1}}
	for returned, missed := range map[uint64][]string{
		1003: nil, 990: nil, 980: nil, 979: {"1.10 % of RTP packets was lost: the limit is 1.00 %"},
	} {
		r.WebRTC = load.Media{Sent: 1000, Returned: returned}
		require.Equal(t, missed, load.Goal{}.WithDefaults().Missed(r), returned)
	}
}

// report is what a shard could say.
func report(i, n int) *load.Report {
	r := &load.Report{Plan: load.Plan{Users: 200, Seed: 7}.WithDefaults(), Failed: map[string]int{"x": i}, Joined: 100, Join: load.Times{500: 99, int64(i): 1}}
	r.Plan.Shard = shard.Shard{Index: i, Count: n}
	r.Media = load.Media{Sent: 10, Returned: 9, In: 19, Out: 18, Dropped: 1}
	r.Holding = load.Phase{Virtual: time.Second, Wall: time.Duration(i) * time.Second, CPU: time.Second, Relayed: 1000}
	return r
}

func TestMerge(t *testing.T) {
	whole, err := load.Merge(report(2, 2), report(1, 2))
	require.NoError(t, err)
	require.Equal(t, 200, whole.Joined)
	require.Equal(t, load.Times{500: 198, 1: 1, 2: 1}, whole.Join)
	require.Equal(t, map[string]int{"x": 3}, whole.Failed)
	require.Equal(t, load.Media{Sent: 20, Returned: 18, In: 38, Out: 36, Dropped: 2}, whole.Media)
	require.Equal(t, load.Phase{Virtual: time.Second, Wall: 2 * time.Second, CPU: 2 * time.Second, Relayed: 2000}, whole.Holding)
	require.Equal(t, time.Millisecond, whole.Holding.Cost())

	older := report(1, 2)
	older.Plan.Burst = 0
	whole, err = load.Merge(older, report(2, 2))
	require.NoError(t, err)
	require.Equal(t, 1, whole.Plan.Burst)

	_, err = load.Merge(report(1, 2), report(1, 2))
	require.EqualError(t, err, "shard 1/2 is there twice")
	_, err = load.Merge(report(1, 2))
	require.EqualError(t, err, "shard 2/2 is missing")
	_, err = load.Merge(report(1, 2), report(7, 2))
	require.EqualError(t, err, "shard 7/2 can't be: its number is from 1 to 2")
	_, err = load.Merge(report(0, 0), report(0, 0))
	require.EqualError(t, err, "report 2, of a whole crowd, is there twice")
	_, err = load.Merge(report(0, 0), report(1, 2))
	require.EqualError(t, err, "shard 1/2 is one of 2, and report 1, of a whole crowd, one of 1")
	_, err = load.Merge(report(1, 2), report(2, 3))
	require.EqualError(t, err, "shard 2/3 is one of 3, and shard 1/2 one of 2")
	other := report(2, 2)
	other.Plan.Seed++
	_, err = load.Merge(report(1, 2), other)
	require.EqualError(t, err, "shard 2/2 has another plan than shard 1/2: merge takes the shards of one")
}

// The knee of a fleet that serves a known number of users is found within a twentieth, whatever it is that goes wrong.
func TestKnee(t *testing.T) {
	for _, knee := range []int{9, 10, 11, 137, 500, 999, 1000, 4000} {
		for what, spoil := range map[string]func(*load.Report){
			"joins fail":          func(r *load.Report) { r.Joined-- },
			"joins are slow":      func(r *load.Report) { r.Join = load.Times{6000: 2, 100: r.Joined - 2} },
			"media is lost":       func(r *load.Report) { r.Media.Returned = 980 },
			"books don't balance": func(r *load.Report) { r.Wrong = []string{"books"} },
			"calls are lost":      func(r *load.Report) { r.Lost = 1 },
		} {
			k, err := load.FindKnee(t.Context(), load.Plan{Users: 1000, Enterprises: 20, WebRTC: 100}, load.Goal{}.WithDefaults(), func(_ context.Context, p load.Plan) (*load.Report, error) {
				require.NoError(t, p.Check())
				r := &load.Report{Plan: p, Joined: p.Users, Join: load.Times{100: p.Users}, Media: load.Media{Sent: 1000, Returned: 995}, WebRTC: load.Media{Sent: 1, Returned: 1}}
				if p.Users > knee {
					spoil(r)
				}
				return r, nil
			})
			require.NoError(t, err)
			switch {
			case knee < 10:
				require.Zero(t, k.Users, what)
				require.Len(t, k.Tried, 1)
			case knee >= 1000:
				require.Equal(t, 1000, k.Users)
				require.True(t, k.Most)
			case what == "joins are slow" && knee > 200: // two of more than 200 are less than one of 100
				require.True(t, k.Most)
			default:
				require.LessOrEqual(t, k.Users, knee, what)
				require.GreaterOrEqual(t, k.Users+max(1, k.Users/20), knee, what)
				require.NotEmpty(t, k.Missed)
				require.LessOrEqual(t, len(k.Tried), 15)
			}
		}
	}
}

// A knee of a crowd that may lose nothing is where the first packet is lost.
func TestKneeWithoutLoss(t *testing.T) {
	k, err := load.FindKnee(t.Context(), load.Plan{Users: 20}, load.Goal{Join: time.Second}, func(_ context.Context, p load.Plan) (*load.Report, error) {
		return &load.Report{Plan: p, Joined: p.Users, Join: load.Times{100: p.Users}, Media: load.Media{Sent: 1000, Returned: 999}}, nil
	})
	require.NoError(t, err)
	require.Zero(t, k.Users)
	require.Equal(t, []string{"0.10 % of media was lost: the limit is 0.00 %"}, k.Missed)
}

// Where nobody joined there is nothing to say of how long it took.
func TestNobodyJoined(t *testing.T) {
	r := &load.Report{Plan: load.Plan{}.WithDefaults(), Failed: map[string]int{"no-room": 100}}
	require.Contains(t, r.Text(), "\n  joined    0\n  failed    100: no-room\n")
	r.Lost = 2
	require.Contains(t, r.Text(), "\n  lost      2 calls, of which none was taken up again\n")
	require.Contains(t, load.Goal{}.Missed(r), "2 users lost the call for good")
	r.Rejoined = 1
	require.Contains(t, load.Goal{}.Missed(r), "1 user lost the call for good")
}
