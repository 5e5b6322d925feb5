package load

import (
	"fmt"
	"time"
)

// Report is what came of a plan.
type Report struct {
	Plan Plan `json:"plan"`

	Joined   int            `json:"joined"` // users who had messages and media both ways
	Failed   map[string]int `json:"failed"` // who had not, by the reason
	Join     Times          `json:"join"`   // from the first packet of those who joined to their first media back
	Refusals map[string]int `json:"refusals"`

	Lost      int   `json:"lost"`      // stays that broke
	Rejoined  int   `json:"rejoined"`  // and were taken up again
	Reconnect Times `json:"reconnect"` // how long that took

	Media    Media    `json:"media"`
	Messages Messages `json:"messages"`
	WebRTC   Media    `json:"webrtc"` // RTP packets of the users with a whole SDK
	Memory   Memory   `json:"memory"`
	Joining  Phase    `json:"joining"`
	Holding  Phase    `json:"holding"`

	// Wrong is what must never be: books that don't balance, a message twice, an allocation that stays.
	Wrong []string `json:"wrong"`
}

// Media is packets.
type Media struct {
	Sent     uint64 `json:"sent"`     // by users
	Returned uint64 `json:"returned"` // to users

	// What relays were handed, passed on and dropped, both ways.
	In      uint64 `json:"in"`
	Out     uint64 `json:"out"`
	Dropped uint64 `json:"dropped"`
}

// Messages is what users told each other.
type Messages struct {
	Sent      uint64 `json:"sent"`
	Delivered uint64 `json:"delivered"` // by SD-RTN, to the others in the channel
	Received  uint64 `json:"received"`
	Gaps      uint64 `json:"gaps"` // in the numbers that a receiver's messages have
}

// Memory is bytes of the heap and of stacks in use after a garbage collection: before there was anything, and with all
// users in their calls.
type Memory struct {
	Before     uint64 `json:"before"`
	Holding    uint64 `json:"holding"`
	System     uint64 `json:"system"` // what the program has of the operating system then
	Goroutines int    `json:"goroutines"`
}

// PerUser is the memory of one user, everything of the world included.
func (r *Report) PerUser() int64 {
	return (int64(r.Memory.Holding) - int64(r.Memory.Before)) / int64(max(1, r.Joined))
}

// Phase is a part of a run: how much virtual time passed, how much real time and processor time that took, and how
// many packets the relays passed on meanwhile.
type Phase struct {
	Virtual time.Duration `json:"virtualNs"`
	Wall    time.Duration `json:"wallNs"`
	CPU     time.Duration `json:"cpuNs"`
	Relayed uint64        `json:"relayed"`
}

// Ratio is how many seconds of virtual time passed in a second of real time.
func (p Phase) Ratio() float64 { return ratio(float64(p.Virtual), float64(p.Wall)) }

// Rate is relayed packets in a second of real time.
func (p Phase) Rate() float64 { return ratio(float64(p.Relayed), p.Wall.Seconds()) }

// Cost is the processor time of one relayed packet.
func (p Phase) Cost() time.Duration {
	return time.Duration(ratio(float64(p.CPU), float64(p.Relayed)))
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// Fail counts a user who didn't get in.
func (r *Report) Fail(reason string) { r.Failed[reason]++ }

// Complain notes what must never be.
func (r *Report) Complain(format string, args ...any) {
	r.Wrong = append(r.Wrong, fmt.Sprintf(format, args...))
}
