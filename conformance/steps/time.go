package steps

import (
	"math"
	"time"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
)

func (s *scene) timeSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^(\d+) (seconds?|minutes?|hours?) pass(?:es)?$`,
			Do: func(n int, unit string) error {
				if n == 0 {
					return nil
				}
				d, err := lasting(n, map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour}[unit[0]], unit)
				time.Sleep(d)
				return err
			},
			Says: "Time passes in the world, while everyone goes on.",
		},
		{
			Expr: `^the watch time passes$`,
			Do:   func() { time.Sleep(s.world.Limits.Watch) },
			Says: "As much time passes as an absence is watched: 30 seconds, unless the limits file says otherwise.",
		},
	}
}

// lasting is so many units of time. None makes a step say nothing, and too many would be any time, or none.
func lasting(n int, each time.Duration, unit string) (time.Duration, error) {
	switch {
	case n < 1:
		return 0, result.Mistake("%d %s are no time at all", n, unit)
	case int64(n) > int64(math.MaxInt64/each):
		return 0, result.Mistake("%d %s are more than any clock here can count", n, unit)
	}
	return time.Duration(n) * each, nil
}
