package steps

import (
	"time"

	"github.com/proxyspec/proxyspec/conformance/runner"
)

func (s *scene) timeSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^(\d+) (seconds?|minutes?|hours?) pass(?:es)?$`,
			Do: func(n int, unit string) {
				time.Sleep(time.Duration(n) * map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour}[unit[0]])
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
