package steps

import (
	"strings"

	"github.com/cucumber/godog"

	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/relay"
)

func (s *scene) cloudSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^the cloud proxy has no account for alice's App ID$`,
			Do: func() error {
				return s.world.Prepare(func(w *world.Setup) { w.Accounts = []relay.Account{world.Account("app-of-somebody-else")} })
			},
			Says: "The App ID of every user in the suite isn't provisioned: lookups are refused.",
		},
		{
			Expr: `^the lookup edges take requests and never answer$`,
			Do: func() error {
				return s.world.Prepare(func(w *world.Setup) { w.Fault = world.EdgeFault{On: true} })
			},
			Says: "Every edge accepts connections and requests, and stays silent.",
		},
		{
			Expr: `^the lookup edges answer with status (\d+) and the body:$`,
			Do: func(status int, body *godog.DocString) error {
				return s.world.Prepare(func(w *world.Setup) {
					w.Fault = world.EdgeFault{On: true, Status: status, Body: strings.TrimSpace(body.Content)}
				})
			},
			Says: "Every edge answers every lookup with this.",
		},
	}
}
