package steps

import (
	"fmt"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/relay"
)

// accountSteps are about what the cloud proxy's support records of an App ID.
func (s *scene) accountSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^the account is for (\d+) users? at once$`,
			Do: func(n int) error {
				if n < 1 {
					return result.Mistake("an account is for at least one user")
				}
				return s.world.Prepare(func(w *world.Setup) { w.Accounts[0].Scale = n })
			},
			Says: "The account of the App ID that every user in the suite has.",
		},
		{
			Expr: `^the account is for the regions? ([\w, ]+)$`,
			Do: func(list string) error {
				return s.world.Prepare(func(w *world.Setup) { w.Accounts[0].Regions = strings.Split(list, ", ") })
			},
			Says: "The account of the App ID that every user in the suite has.",
		},
		{
			Expr: `^support records an account with App ID, regions, scale and operators$`,
			Do:   func() { s.record(func(*relay.Account) {}) },
			Says: "Gives the cloud proxy a complete record.",
		},
		{
			Expr: `^support records an account without its (App ID|regions|scale|operators)$`,
			Do: func(part string) {
				s.record(func(a *relay.Account) {
					switch part {
					case "App ID":
						a.AppID = ""
					case "regions":
						a.Regions = nil
					case "scale":
						a.Scale = 0
					case "operators":
						a.Operators = nil
					}
				})
			},
			Says: "Gives the cloud proxy a record that lacks this and nothing else.",
		},
		{
			Expr: `^the record is taken$`,
			Do: func() error {
				switch {
				case !s.isRecorded:
					return result.Mistake("support recorded no account: a step before this one must")
				case s.recorded == nil:
					return nil
				}
				return &result.Failure{Message: "a complete record is refused", Expected: "no error", Actual: s.recorded.Error()}
			},
			Says: "The cloud proxy keeps it.",
		},
		{
			Expr: `^the record is refused, and (App ID|region|scale|operator) is named$`,
			Do: func(part string) error {
				if s.recorded != nil && strings.Contains(s.recorded.Error(), part) {
					return nil
				}
				return &result.Failure{
					Message: "a record without its " + part + " isn't refused for that", Expected: "an error that names the " + part,
					Actual: fmt.Sprint(s.recorded)}
			},
			Says: "The cloud proxy's error says which part is missing.",
		},
		{
			Expr: `^the cloud proxy has closed no message connection and no allocation$`,
			Do:   s.nothingClosed,
			Says: "By its log, since the scenario began.",
		},
	}
}

func (s *scene) record(spoil func(*relay.Account)) {
	a := relay.Account{AppID: "app", Regions: []string{"EU"}, Scale: 500, Operators: []string{"Example Telecom"}}
	spoil(&a)
	s.isRecorded = true
	s.recorded = s.world.Record(a)
}

func (s *scene) nothingClosed() error {
	closed := s.find(kind(timeline.KindProxy), named(relay.EventMessagesClosed, relay.EventAllocationDeleted))
	if len(closed) == 0 {
		return nil
	}
	return &result.Failure{
		Message:  "the cloud proxy closed connections",
		Expected: "all that were opened are there",
		Actual:   fmt.Sprintf("%d were closed", len(closed)),
		Events:   few(closed),
		Decides:  firstOf(closed),
	}
}
