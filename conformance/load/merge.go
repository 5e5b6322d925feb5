package load

import (
	"errors"
	"fmt"

	"github.com/proxyspec/proxyspec/conformance/shard"
)

// Merge makes one report of those of all shards of a plan, in any order. Shards run side by side: what they took of real
// time is that of the slowest.
func Merge(parts ...*Report) (*Report, error) {
	if len(parts) == 0 {
		return nil, errors.New("there is no report to merge")
	}
	whole := &Report{Failed: map[string]int{}, Refusals: map[string]int{}, Join: Times{}, Reconnect: Times{}}
	whole.Plan = parts[0].Plan.WithDefaults() // an older report lacks what is newer
	whole.Plan.Shard = shard.Shard{}
	n := max(1, parts[0].Plan.Shard.Count)
	seen := map[int]bool{}
	for i, r := range parts {
		at := r.Plan.Shard
		plan := r.Plan.WithDefaults()
		plan.Shard = shard.Shard{}
		switch {
		case plan != whole.Plan:
			return nil, fmt.Errorf("%s has another plan than %s: merge takes the shards of one", r.name(i), parts[0].name(0))
		case max(1, at.Count) != n:
			return nil, fmt.Errorf("%s is one of %d, and %s one of %d", r.name(i), max(1, at.Count), parts[0].name(0), n)
		case at.Count > 0 && (at.Index < 1 || at.Index > n):
			return nil, fmt.Errorf("%s can't be: its number is from 1 to %d", r.name(i), n)
		case seen[at.Index]:
			return nil, fmt.Errorf("%s is there twice", r.name(i))
		}
		seen[at.Index] = true
		whole.add(r)
	}
	for i := 1; i <= n && n > 1; i++ {
		if !seen[i] {
			return nil, fmt.Errorf("shard %v is missing", shard.Shard{Index: i, Count: n})
		}
	}
	return whole, nil
}

// name is what to call the i-th report in an error.
func (r *Report) name(i int) string {
	if r.Plan.Shard == (shard.Shard{}) {
		return fmt.Sprintf("report %d, of a whole crowd,", i+1)
	}
	return fmt.Sprintf("shard %v", r.Plan.Shard)
}

func (r *Report) add(part *Report) {
	r.Joined += part.Joined
	r.Lost += part.Lost
	r.Rejoined += part.Rejoined
	for from, to := range map[*map[string]int]map[string]int{&part.Failed: r.Failed, &part.Refusals: r.Refusals} {
		for name, n := range *from {
			to[name] += n
		}
	}
	for from, to := range map[*Times]Times{&part.Join: r.Join, &part.Reconnect: r.Reconnect} {
		for ms, n := range *from {
			to[ms] += n
		}
	}
	r.Media.add(part.Media)
	r.WebRTC.add(part.WebRTC)
	r.Messages.Sent += part.Messages.Sent
	r.Messages.Delivered += part.Messages.Delivered
	r.Messages.Received += part.Messages.Received
	r.Messages.Gaps += part.Messages.Gaps
	r.Memory.Before += part.Memory.Before
	r.Memory.Holding += part.Memory.Holding
	r.Memory.System += part.Memory.System
	r.Memory.Goroutines += part.Memory.Goroutines
	r.Joining.add(part.Joining)
	r.Holding.add(part.Holding)
	r.Wrong = append(r.Wrong, part.Wrong...)
}

func (m *Media) add(part Media) {
	m.Sent += part.Sent
	m.Returned += part.Returned
	m.In += part.In
	m.Out += part.Out
	m.Dropped += part.Dropped
}

func (p *Phase) add(part Phase) {
	p.Virtual, p.Wall = max(p.Virtual, part.Virtual), max(p.Wall, part.Wall)
	p.CPU += part.CPU
	p.Relayed += part.Relayed
}
