package steps

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/cucumber/godog"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
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
			Expr: `^the cloud proxy heard nothing of alice since her last join$`,
			Do:   func() error { return s.heardNothingNew("the cloud proxy", toRole(world.Edge, world.Relay)) },
			Says: "No packet to an edge or a relay reached the firewall from alice's computer, except to end what began before.",
		},
		{
			Expr: `^nothing of alice's calls is left at the cloud proxy$`,
			Do:   s.nothingLeft,
			Says: "By its log: every message connection that she opened is closed, and every allocation deleted. There must have been some of both.",
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
		{
			Expr: `^the lookup edges answer without a way for media$`,
			Do:   func() error { return s.world.Prepare(func(w *world.Setup) { w.NoMedia = true }) },
			Says: "Every edge leaves the ICE servers, and so all credentials for media, out of its answer, which is sound otherwise.",
		},
	}
}

// held is what calls have of the cloud proxy, and which events begin and end it.
var held = []struct{ what, begun, over string }{
	{"message connections", relay.EventMessagesOpened, relay.EventMessagesClosed},
	{"allocations", relay.EventAllocationCreated, relay.EventAllocationDeleted},
}

func (s *scene) nothingLeft() error {
	for _, c := range held {
		mine := func(name string) []timeline.Event {
			return s.find(kind(timeline.KindProxy), named(name), from(s.aliceAddr()))
		}
		begun, over := mine(c.begun), mine(c.over)
		if len(begun) > 0 && len(begun) == len(over) {
			continue
		}
		ended := map[netip.AddrPort]bool{}
		for _, e := range over {
			ended[e.From] = true
		}
		left := filter(begun, func(e *timeline.Event) bool { return !ended[e.From] })
		message := "alice's calls left " + c.what + " behind"
		if len(begun) == 0 {
			message = "alice's calls had no " + c.what + " that could have been left"
		}
		return &result.Failure{
			Message:  message,
			Expected: "as many ended as began, and at least one",
			Actual:   fmt.Sprintf("%d began, %d ended", len(begun), len(over)),
			Events:   few(left),
			Decides:  firstOf(left),
		}
	}
	return nil
}
