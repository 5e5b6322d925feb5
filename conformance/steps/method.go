package steps

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
)

// fourMethods are those that a setting is made of.
const fourMethods = `startProxyServer|stopProxyServer|setProxyServer|setTurnServer`

// oneCall is a call in a list of them.
const oneCall = `(?:` + fourMethods + `|leave|join "[^"]*")`

var calls = regexp.MustCompile(oneCall)

func (s *scene) methodSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^(?P<user>\w+) starts the cloud proxy$`,
			Do:   func(who string) error { return s.call(who, contract.MethodStartProxyServer, plain) },
			Says: "Calls startProxyServer and waits until it has returned.",
		},
		{
			Expr: `^(?P<user>\w+) stops the cloud proxy$`,
			Do:   func(who string) error { return s.call(who, contract.MethodStopProxyServer, plain) },
			Says: "Calls stopProxyServer and waits until it has returned.",
		},
		{
			Expr: `^(?P<user>\w+) calls (` + oneCall + `(?:(?:, | and )` + oneCall + `)*)$`,
			Do:   func(who, list string) error { return s.callInOrder(who, list, true) },
			Says: "Makes these calls, apart by commas or \"and\", each after the one before has ended: one of the four methods, leave, or join with its channel. setProxyServer and setTurnServer name the company's own servers, setTurnServer with forceturn, so that what they do is seen.",
		},
		{
			Expr: `^(?P<user>\w+) calls (` + oneCall + `(?:(?:, | and )` + oneCall + `)*) without waiting$`,
			Do:   func(who, list string) error { return s.callInOrder(who, list, false) },
			Says: "Makes these calls at once, none waiting for the one before; then waits until all have ended.",
		},
		{
			Expr: `^(` + fourMethods + `) returned (normally|an error)$`,
			Do:   s.returned,
			Says: "Judges alice's last call of this method. What the error says doesn't matter.",
		},
		{
			Expr: `^every call of the four methods returned normally$`,
			Do:   s.allReturned,
			Says: "Judges all calls of startProxyServer, stopProxyServer, setProxyServer and setTurnServer that alice has made.",
		},
		{
			Expr: `^alice was still joining when she called (` + fourMethods + `)$`,
			Do:   s.wasJoining,
			Says: "Her last join had not ended then. If it had, what the scenario asks can't be judged.",
		},
	}
}

func (s *scene) callInOrder(who, list string, waiting bool) error {
	u, err := s.user(who)
	if err != nil {
		return err
	}
	if strings.Contains(list, contract.MethodJoin) {
		if err := s.initOnce(u); err != nil {
			return err
		}
	}
	var begun []*world.Call
	for _, call := range calls.FindAllString(list, -1) {
		c, err := s.beginCall(u, call)
		if err != nil {
			return err
		}
		begun = append(begun, c)
		if waiting {
			if err := s.waitFor(c); err != nil {
				return err
			}
		}
	}
	for _, c := range begun {
		if err := s.waitFor(c); err != nil {
			return err
		}
	}
	return nil
}

// beginCall begins a call of the list.
func (s *scene) beginCall(u *world.User, call string) (*world.Call, error) {
	if channel, isJoin := strings.CutPrefix(call, contract.MethodJoin+` "`); isJoin {
		return s.beginJoin(u, strings.TrimSuffix(channel, `"`))
	}
	params, err := usual(call, u.Client())
	if err != nil {
		return nil, err
	}
	return u.Begin(call, params)
}

// usual is the parameters with which the suite calls a method when they aren't what matters.
func usual(method, client string) (any, error) {
	switch method {
	case contract.MethodSetProxyServer:
		return contract.SetProxyServer{Client: client, ProxyServer: world.ProxyName}, nil
	case contract.MethodSetTurnServer:
		server, err := json.Marshal(world.TurnServer(true))
		return contract.SetTurnServer{Client: client, TurnServer: server}, err
	}
	return plain(client), nil
}

// waitFor waits until a call has ended or its limit is over.
func (s *scene) waitFor(c *world.Call) error {
	_, err := c.Wait(s.limitOf(c.Method))
	return err
}

func (s *scene) limitOf(method string) time.Duration {
	switch method {
	case contract.MethodJoin:
		return s.world.Limits.Join
	case contract.MethodLeave:
		return s.world.Limits.Teardown
	case contract.MethodPublish, contract.MethodSubscribe:
		return s.world.Limits.Media
	}
	return s.world.Limits.Reply
}

func (s *scene) returned(method, how string) error {
	c, err := s.last(world.Alice, method)
	if err != nil {
		return err
	}
	over, failed := c.Over()
	if over && (failed != nil) == (how == "an error") {
		return nil
	}
	failure := s.returnedOtherwise(c, how)
	if how == "an error" && s.joinBefore(c) != nil {
		return s.unlessOwnLookup(failure) // it was to be refused in a call that never came about
	}
	return failure
}

func (s *scene) returnedOtherwise(c *world.Call, how string) *result.Failure {
	return &result.Failure{
		Message:  fmt.Sprintf("%s did not return %s", c.Method, how),
		Expected: fmt.Sprintf("%s returns %s within %v", c.Method, how, s.world.Limits.Reply),
		Actual:   ended(c),
		Cause:    "the SDK's own rules decide this: no packet is involved",
		Events:   c.Events(),
	}
}

func (s *scene) allReturned() error {
	made := s.find(kind(timeline.KindCall), by(world.Alice), named(strings.Split(fourMethods, "|")...))
	if len(made) == 0 {
		return result.Mistake("alice called none of the four methods: a step before this one must")
	}
	for _, call := range made {
		results := s.find(kind(timeline.KindResult), by(world.Alice), func(e *timeline.Event) bool { return e.Call == call.Call })
		if len(results) == 1 && results[0].Code == "" {
			continue
		}
		actual := "it has not returned"
		if len(results) > 0 {
			actual = "it failed: " + results[0].Detail
		}
		return &result.Failure{
			Message:  call.Name + " did not return normally",
			Expected: fmt.Sprintf("it returns normally within %v", s.world.Limits.Reply),
			Actual:   actual,
			Cause:    "the SDK's own rules decide this: no packet is involved",
			Events:   slices.Concat([]timeline.Event{call}, results),
		}
	}
	return nil
}

// joinBefore is the last join that alice began before another call; nil if there was none.
func (s *scene) joinBefore(c *world.Call) (join *world.Call) {
	for _, j := range s.joins {
		if j.Began.Seq < c.Began.Seq {
			join = j
		}
	}
	return join
}

func (s *scene) wasJoining(method string) error {
	c, err := s.last(world.Alice, method)
	if err != nil {
		return err
	}
	join := s.joinBefore(c)
	if join == nil {
		return result.Mistake("alice had not called join when she called %s", method)
	}
	if end := join.Ended(); end.Seq == 0 || end.Seq > c.Began.Seq {
		return nil
	}
	return &result.Stop{Outcome: result.NotJudged, Failure: result.Failure{
		Message:  "the join had ended before " + method + " was called: nobody knows what it would have done before",
		Expected: "a join that is still under way",
		Actual:   ended(join),
		Events:   slices.Concat(join.Events(), c.Events()),
	}}
}
