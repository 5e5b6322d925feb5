package steps

import (
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
	}
}
