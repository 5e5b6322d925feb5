package steps

import (
	"github.com/proxyspec/proxyspec/conformance/runner"
)

// troubleSteps break things.
func (s *scene) troubleSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^(bob|carol)'s computer goes off the network$`,
			Do:   func(who string) error { return s.world.Cut(who) },
			Says: "From now on no packet gets to it or away from it, and nobody is told.",
		},
	}
}
