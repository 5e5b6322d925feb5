package steps

import (
	"regexp"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

func (s *scene) officeSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^the office firewall lets everything out$`,
			Do:   func() error { return s.world.SetPolicy(firewall.AllowAll()) },
			Says: "Replaces the whitelist, which every scenario begins with: a packet that goes the wrong way then arrives, and is seen to.",
		},
		{
			Expr: `^the office firewall allows the whitelist without rows? (T\d+(?:(?:, | and )T\d+)*)$`,
			Do: func(rows string) error {
				p, err := s.world.Policy().Without(row.FindAllString(rows, -1)...)
				if err != nil {
					return result.Mistake("%v", err)
				}
				return s.world.SetPolicy(p)
			},
			Says: "Everything else of the whitelist is open.",
		},
	}
}

var row = regexp.MustCompile(`T\d+`)
