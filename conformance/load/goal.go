package load

import (
	"fmt"
	"time"
)

// Goal is what a fleet must manage for a crowd to be well served. The zero value of a field is its default.
type Goal struct {
	Join time.Duration // what 99 of 100 joins take at most; default 5 s
	Loss float64       // how much media may be lost on its way there and back, of 1; default 0.01
}

// WithDefaults is the goal with nothing left open.
func (g Goal) WithDefaults() Goal {
	if g.Join == 0 {
		g.Join = 5 * time.Second
	}
	if g.Loss == 0 {
		g.Loss = 0.01
	}
	return g
}

// Check finds what can't be, by the name of the flag.
func (g Goal) Check() error {
	switch {
	case g.Join < time.Millisecond:
		return fmt.Errorf("--join-limit is %v: it must be at least 1ms", g.Join)
	case !(g.Loss >= 0 && g.Loss <= 1):
		return fmt.Errorf("--loss-limit is %v: it may be from 0 to 1", g.Loss)
	}
	return nil
}

// Missed is why a crowd was not served well; nothing if it was.
func (g Goal) Missed(r *Report) (missed []string) {
	users := r.Plan.Users
	if r.Joined < users {
		missed = append(missed, fmt.Sprintf("%d of %d users didn't get in", users-r.Joined, users))
	}
	later := r.Joined - users
	for _, n := range r.Failed {
		later += n
	}
	if later > 0 {
		missed = append(missed, plural(later, "user")+" failed when they were in")
	}
	if p := r.Join.Percentile(99); p > g.Join {
		missed = append(missed, fmt.Sprintf("99 of 100 joins took up to %v: the limit is %v", p, g.Join))
	}
	if l := r.Media.Loss(); l > g.Loss {
		missed = append(missed, fmt.Sprintf("%.2f %% of media was lost: the limit is %.2f %%", 100*l, 100*g.Loss))
	}
	// Both ends count for the same time, at whose beginning and end a packet of each user is on its way.
	rtp := Media{Sent: r.WebRTC.Sent, Returned: r.WebRTC.Returned + uint64(r.Plan.WebRTC)}
	if l := rtp.Loss(); r.Plan.WebRTC > 0 && l > g.Loss {
		missed = append(missed, fmt.Sprintf("%.2f %% of RTP packets was lost: the limit is %.2f %%", 100*l, 100*g.Loss))
	}
	if gone := r.Lost - r.Rejoined; gone > 0 {
		missed = append(missed, plural(gone, "user")+" lost the call for good")
	}
	return append(missed, r.Wrong...)
}

// Loss is the part of the media that never came back.
func (m Media) Loss() float64 {
	return (float64(m.Sent) - float64(m.Returned)) / float64(max(1, m.Sent))
}
