package steps

import (
	"errors"
	"fmt"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/world"
)

func (s *scene) versionSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^alice's SDK declares version "([^"]*)"$`,
			Do: func(version string) error {
				return s.world.Prepare(func(setup *world.Setup) { setup.Declared = version })
			},
			Says: "As an adapter does in its answer to hello.",
		},
		{
			Expr: `^a scenario that calls (join|startProxyServer|stopProxyServer|setProxyServer|setTurnServer) is (run|not supported)$`,
			Do:   s.fate,
			Says: "Has alice call it. Not supported must be the outcome of the case, and its reason must name the version that she declares.",
		},
	}
}

func (s *scene) fate(method, want string) error {
	var err error
	if method == contract.MethodJoin {
		err = s.join(world.Alice, "town-hall")
	} else {
		err = s.callInOrder(world.Alice, method, true)
	}
	got, reason := "run", "the method was called"
	var stop *result.Stop
	switch {
	case errors.As(err, &stop):
		got, reason = string(stop.Outcome), stop.Failure.Message
	case err != nil:
		return err
	}
	if got == want && (want == "run" || strings.Contains(reason, s.world.Declared())) {
		return nil
	}
	return &result.Failure{
		Message:  fmt.Sprintf("a scenario that calls %s isn't %s", method, want),
		Expected: want, Actual: got + ": " + reason,
	}
}
