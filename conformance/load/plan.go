// Package load says what many users of a cloud proxy are to do, and what came of it: a Plan, a Report, and how both
// are put together and shown. It finds the Knee of a fleet by whatever runs a plan; conformance/load/crowd does, on the
// virtual network.
//
// Everything counted in a Report is a sum, and times are kept as a histogram: the reports of shards make one.
package load

import (
	"fmt"
	"time"

	"github.com/proxyspec/proxyspec/conformance/shard"
)

// Plan is what a crowd does: Users of Enterprises join within Ramp, each with a lookup, a message channel and a media
// allocation of its own, stay for Hold and leave. The zero value of a field is its default.
type Plan struct {
	Users       int    `json:"users"`       // default 100
	Enterprises int    `json:"enterprises"` // each with a firewall and a NAT; default one for every 50 users
	Relays      int    `json:"relays"`      // default 3
	Seed        uint64 `json:"seed"`

	Ramp time.Duration `json:"rampNs"` // default 10 s
	Hold time.Duration `json:"holdNs"` // default 10 s

	Media    int           `json:"mediaPerSecond"` // packets that each user sends in a second, and gets back; default 10
	Burst    int           `json:"burst"`          // of them sent at once, as those of a frame of video are; default 1
	Payload  int           `json:"payloadBytes"`   // of one; default 160
	Messages time.Duration `json:"messagesNs"`     // from one message of a user to the next; default 10 s

	// WebRTC is how many of the users have the reference SDK whole, and call each other in pairs.
	WebRTC int `json:"webrtc"`

	Capacity int64 `json:"bitsPerSecond"` // of each relay's line, each way; 0: without end
	Scale    int   `json:"scale"`         // concurrent users that each enterprise's account has; 0: enough

	Shard shard.Shard `json:"shard,omitzero"`
}

// WithDefaults is the plan with nothing left open.
func (p Plan) WithDefaults() Plan {
	def(&p.Users, 100)
	def(&p.Enterprises, (p.Users+49)/50)
	def(&p.Relays, 3)
	def(&p.Ramp, 10*time.Second)
	def(&p.Hold, 10*time.Second)
	def(&p.Media, 10)
	def(&p.Burst, 1)
	def(&p.Payload, 160)
	def(&p.Messages, 10*time.Second)
	return p
}

func def[T int | time.Duration](value *T, normal T) {
	if *value == 0 {
		*value = normal
	}
}

// What the addresses of the virtual internet suffice for, and what a packet holds.
const (
	mostUsers       = 1 << 20
	mostEnterprises = 1 << 14
	mostRelays      = 250
	mostPayload     = 1200
	leastPayload    = 12
	mostMedia       = 1000
)

// Check finds what can't be, by the name of the flag.
func (p Plan) Check() error {
	for _, f := range []struct {
		flag        string
		value       int
		least, most int
	}{
		{"--users", p.Users, 1, mostUsers},
		{"--enterprises", p.Enterprises, 1, mostEnterprises},
		{"--relays", p.Relays, 1, mostRelays},
		{"--media", p.Media, 1, mostMedia},
		{"--burst", p.Burst, 1, p.Media},
		{"--payload", p.Payload, leastPayload, mostPayload},
		{"--webrtc", p.WebRTC, 0, p.Users},
		{"--scale", p.Scale, 0, mostUsers},
	} {
		if f.value < f.least || f.value > f.most {
			return fmt.Errorf("%s is %d: it may be from %d to %d", f.flag, f.value, f.least, f.most)
		}
	}
	for _, f := range []struct {
		flag  string
		value time.Duration
		least time.Duration
	}{{"--ramp", p.Ramp, time.Millisecond}, {"--hold", p.Hold, time.Second}, {"--messages", p.Messages, time.Second}} {
		if f.value < f.least {
			return fmt.Errorf("%s is %v: it must be at least %v", f.flag, f.value, f.least)
		}
	}
	switch {
	case p.Capacity < 0:
		return fmt.Errorf("--capacity is %d bits a second: it can't be less than none", p.Capacity)
	case p.WebRTC%2 != 0:
		return fmt.Errorf("--webrtc is %d: they call each other in pairs", p.WebRTC)
	case p.Enterprises > p.Users:
		return fmt.Errorf("--enterprises is %d, and --users %d: each enterprise needs a user", p.Enterprises, p.Users)
	case p.WebRTC > 2*p.pairs():
		return fmt.Errorf("--webrtc is %d: two of one enterprise call each other, and there are %d such pairs", p.WebRTC, p.pairs())
	case p.Shard.Count > p.Enterprises:
		return fmt.Errorf("--shard %v has no enterprise: there are %d", p.Shard, p.Enterprises)
	}
	return nil
}

// pairs is how many pairs of users of one enterprise there are.
func (p Plan) pairs() (n int) {
	for i := 1; i <= p.Enterprises; i++ {
		n += share(p.Users, i, p.Enterprises) / 2
	}
	return n
}

// Whole tells of each pair whether its users have the reference SDK whole. They are spread over all.
func (p Plan) Whole() []bool {
	pairs := make([]bool, p.pairs())
	for i := range pairs {
		pairs[i] = share(p.WebRTC/2, i+1, len(pairs)) > 0
	}
	return pairs
}

// Part is what the plan's shard has to do: its enterprises with their users, and as large a part of the relays, so that
// a relay has as much to do as it would have in the whole.
func (p Plan) Part() Plan {
	i, n := p.Shard.Index, p.Shard.Count
	if n < 2 {
		return p
	}
	p.Users, p.Enterprises, p.WebRTC = share(p.Users, i, n), share(p.Enterprises, i, n), 2*share(p.WebRTC/2, i, n)
	p.Relays = max(1, share(p.Relays, i, n))
	p.Shard = shard.Shard{}
	return p
}

// share is the part of the i-th of n, from 1.
func share(whole, i, n int) int { return whole*i/n - whole*(i-1)/n }
