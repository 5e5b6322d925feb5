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
				each := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour}[unit[0]]
				if n > int(math.MaxInt64/each) { // it would be no time at all
					return result.Mistake("%d %s are more than any clock here can count", n, unit)
				}
				time.Sleep(time.Duration(n) * each)
				return nil
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
