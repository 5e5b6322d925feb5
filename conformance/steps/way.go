package steps

import (
	"fmt"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
	"github.com/proxyspec/proxyspec/relay"
)

const (
	messageWays = `direct|through the cloud proxy|through the proxy server`
	mediaWays   = `direct|through the cloud proxy|through the TURN server`
)

func (s *scene) waySteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^(the first|the last|every) join succeeded and went (` + messageWays + `)$`,
			Do:   s.joinsWent,
			Says: "Judges alice's joins by the source from which SD-RTN got each, and by lookups: through the cloud proxy there must have been one by then, otherwise none since the join began.",
		},
		{
			Expr: `^alice's messages went (` + messageWays + `)$`,
			Do:   s.messagesWent,
			Says: "Judges the source of every message of hers that SD-RTN has got since her last join. There must be one, or come soon.",
		},
		{
			Expr: `^alice's media went (` + mediaWays + `)$`,
			Do:   s.mediaWent,
			Says: "Judges the source of her audio and her video at SD-RTN since her last join; unless it went direct, SD-RTN must have got no UDP packet from her own address. There must be both, or come soon.",
		},
	}
}

// way is the source from which SD-RTN gets what went a way, and whether it takes a lookup.
func (s *scene) way(name string) (right test, looksUp bool) {
	switch name {
	case "through the cloud proxy":
		return fromRole(world.Relay), true
	case "through the proxy server":
		return from(world.CompanyProxy.Addr), false
	case "through the TURN server":
		return from(world.CompanyTURN.Addr), false
	}
	return from(s.aliceAddr()), false
}

func (s *scene) joinsWent(which, name string) error {
	if len(s.joins) == 0 {
		return result.Mistake("alice has not joined: a step before this one must")
	}
	for i, join := range s.joins {
		if which == "the first" && i > 0 || which == "the last" && i < len(s.joins)-1 {
			continue
		}
		var before []test
		if i < len(s.joins)-1 {
			before = append(before, until(s.joins[i+1].Began.Seq))
		}
		if err := s.joinWent(join, name, before); err != nil {
			return err
		}
	}
	return nil
}

// joinWent judges one join by what happened before the next. An answer may serve for more than one join, so that a lookup
// may have been made for an earlier one.
func (s *scene) joinWent(join *world.Call, name string, before []test) error {
	right, looksUp := s.way(name)
	over, failed := join.Over()
	during := append(slices.Clip(before), after(join.Began.Seq))
	arrived := s.find(slices.Concat(during, []test{kind(timeline.KindSDRTN), named(sdrtn.EventJoined), about(s.uidIn(join))})...)
	if looksUp {
		during = before
	}
	lookups := s.lookups(slices.Concat(during, []test{named(relay.EventLookupReceived)})...)
	if over && failed == nil && len(arrived) > 0 && len(filter(arrived, not(right))) == 0 && (len(lookups) > 0) == looksUp {
		return nil
	}
	failure := &result.Failure{
		Message:  "a join did not go " + name,
		Expected: map[bool]string{true: "a lookup for it or before it", false: "no lookup"}[looksUp] + ", and a join that SD-RTN gets from the other end of that way",
		Actual:   fmt.Sprintf("%s; %d lookups; %s", ended(join), len(lookups), s.sources(arrived)),
		Events:   slices.Concat(join.Events(), few(lookups), few(arrived)),
	}
	if len(arrived) == 0 {
		return s.unlessOwnLookup(failure)
	}
	return failure
}

func (s *scene) messagesWent(name string) error {
	return s.dataWent("messages", name, []string{sdrtn.EventMessageIn}, func(e timeline.Event) string { return e.Name })
}

func (s *scene) mediaWent(name string) error {
	if err := s.dataWent("media", name, []string{"audio", "video"}, func(e timeline.Event) string { return e.Media }); err != nil || name == "direct" {
		return err
	}
	join, err := s.last(world.Alice, contract.MethodJoin)
	if err != nil {
		return err
	}
	past := s.find(heard, after(join.Began.Seq), from(s.aliceAddr()), func(e *timeline.Event) bool { return e.Proto == "UDP" })
	if len(past) == 0 {
		return nil
	}
	return &result.Failure{
		Message:  "SD-RTN got UDP packets of alice's that did not go " + name,
		Expected: "none from her own address",
		Actual:   s.sources(past),
		Events:   few(past),
		Decides:  firstOf(past),
	}
}

// dataWent judges where SD-RTN got messages or media from since alice's last join. Each of the kinds must be
// there.
func (s *scene) dataWent(what, name string, kinds []string, kindOf func(timeline.Event) string) error {
	join, err := s.last(world.Alice, contract.MethodJoin)
	if err != nil {
		return err
	}
	right, _ := s.way(name)
	for _, k := range kinds {
		ofKind := s.await(func() []timeline.Event {
			return s.ofAlice(after(join.Began.Seq), named(sdrtn.EventMessageIn, sdrtn.EventMediaFirst),
				func(e *timeline.Event) bool { return kindOf(*e) == k })
		})
		if len(ofKind) > 0 && len(filter(ofKind, not(right))) == 0 {
			continue
		}
		failure := &result.Failure{
			Message:  fmt.Sprintf("alice's %s did not go %s", what, name),
			Expected: fmt.Sprintf("SD-RTN gets her %s from the other end of that way", strings.TrimSuffix(k, ".in")),
			Actual:   s.sources(ofKind),
			Events:   slices.Concat(few(ofKind), few(s.failedCalls())),
			Decides:  firstOf(filter(ofKind, not(right))),
		}
		if len(ofKind) == 0 {
			return s.unlessOwnLookup(failure)
		}
		return failure
	}
	return nil
}

// sources says where SD-RTN got events from.
func (s *scene) sources(events []timeline.Event) string {
	if len(events) == 0 {
		return "SD-RTN got nothing"
	}
	var names []string
	for _, e := range events {
		if name := s.world.NameOf(e.From.Addr()); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return "SD-RTN got it from " + strings.Join(names, " and ")
}
