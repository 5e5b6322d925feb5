package steps

import (
	"fmt"
	"slices"
	"strings"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/decision"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
)

// longest is the length of the longest sequences of the model check.
const longest = 5

// table is what a scenario has tried of the decision table.
type table struct {
	decision.Tally
	uids        int
	failedJoins []string // the sequences in which a join failed that nothing stood in the way of: not judged
}

// tableSteps try sequences of calls against the decision table of the four methods.
func (s *scene) tableSteps() []runner.Definition {
	const sequence = `((?:` + fourMethods + `|join|leave)(?:, (?:` + fourMethods + `|join|leave))*)`
	const how = `(waiting for each call to finish|without waiting)`
	return []runner.Definition{
		{
			Expr: `^alice tries the sequence ` + sequence + `, ` + how + `$`,
			Do: func(text, how string) error {
				prefix := parseSequence(text)
				return s.try(prefix, len(prefix), how)
			},
			Says: "With a client of its own. What is seen of packets and servers meanwhile is not recorded: replies are judged.",
		},
		{
			Expr: `^alice tries every sequence of up to five calls that begins with ` + sequence + `, ` + how + `$`,
			Do:   func(text, how string) error { return s.try(parseSequence(text), longest, how) },
			Says: "Each with a client of its own, in order of length; a join is to a channel of its own, the sets name the company's servers. What is seen of packets and servers meanwhile is not recorded: replies are judged.",
		},
		{
			Expr: `^alice tries every sequence of up to (two|three) calls, ` + how + `$`,
			Do:   func(length, how string) error { return s.try(nil, map[string]int{"two": 2, "three": 3}[length], how) },
			Says: "Likewise.",
		},
		{
			Expr: `^all (\d+) sequences went by the decision table$`,
			Do:   s.wentByTable,
			Says: "Judges what each call of the four methods returned, as far as a cell of the table decides it; the shortest sequence that shows a mismatch is named. Mismatches with cells that don't decide are listed in the timeline. How join and leave return isn't judged, but every join must succeed that was waited for, or the table can't be tried.",
		},
	}
}

func parseSequence(text string) (sequence []decision.Call) {
	for word := range strings.SplitSeq(text, ", ") {
		sequence = append(sequence, decision.Calls[slices.IndexFunc(decision.Calls, func(c decision.Call) bool { return c.String() == word })])
	}
	return sequence
}

// try tries every sequence of up to length calls that begins with prefix.
func (s *scene) try(prefix []decision.Call, length int, how string) error {
	if s.table == nil {
		s.table = &table{}
		if err := s.world.Up(); err != nil {
			return err
		}
		s.world.Unrecorded()
	}
	u, err := s.world.Fresh(world.Alice)
	if err != nil {
		return err
	}
	waiting := how != "without waiting"
	for sequence := range decision.Sequences(prefix, length) {
		if len(sequence) == 0 {
			continue
		}
		replies, err := s.replies(u, sequence, waiting)
		if err != nil {
			return err
		}
		if why := failedJoin(sequence, replies); waiting && why != "" {
			s.table.failedJoins = append(s.table.failedJoins, why)
			continue // the table speaks of joins that succeed
		}
		s.table.Add(sequence, waiting, replies)
	}
	return u.Reset()
}

// failedJoin names the first join of a client that was outside which did not succeed; empty if all did.
func failedJoin(sequence []decision.Call, replies []decision.Reply) string {
	in := false
	for i, call := range sequence {
		if call == decision.Join && !in && (replies[i].Missing || replies[i].Error) {
			return fmt.Sprintf("%s: call %d", decision.Text(sequence), i+1)
		}
		in = call == decision.Join || in && call != decision.Leave
	}
	return ""
}

// replies is what the calls of a sequence returned.
func (s *scene) replies(u *world.User, sequence []decision.Call, waiting bool) ([]decision.Reply, error) {
	if err := u.CreateClient(contract.CreateClient{Mode: "live", Codec: "vp8"}); err != nil {
		return nil, err
	}
	joins := slices.Contains(sequence, decision.Join)
	if joins {
		init, err := u.Begin(contract.MethodInit, contract.Init{Client: u.Client(), AppID: world.AppID})
		if err != nil {
			return nil, err
		}
		if err := s.waitFor(init); err != nil {
			return nil, err
		}
	}
	s.table.uids++
	uid := fmt.Sprintf("%s-%d", world.Alice, s.table.uids)
	calls := make([]*world.Call, len(sequence))
	for i, call := range sequence {
		params, err := usual(call.String(), u.Client())
		if err != nil {
			return nil, err
		}
		if call == decision.Join {
			params = contract.Join{Client: u.Client(), Channel: uid, UID: uid}
		}
		if calls[i], err = u.Begin(call.String(), params); err != nil {
			return nil, err
		}
		if waiting {
			if err := s.waitFor(calls[i]); err != nil {
				return nil, err
			}
		}
	}
	replies := make([]decision.Reply, len(sequence))
	for i, c := range calls {
		if err := s.waitFor(c); err != nil {
			return nil, err
		}
		over, failed := c.Over()
		replies[i] = decision.Reply{Missing: !over, Error: failed != nil}
	}
	if joins {
		return replies, s.leaveFor(u) // whatever its last state was, the client is outside then
	}
	return replies, nil
}

func (s *scene) wentByTable(n int) error {
	t := s.table
	switch {
	case t == nil:
		return result.Mistake("no sequence was tried: a step before this one must")
	case s.tried() != n:
		return result.Mistake("%d sequences were tried, not %d", s.tried(), n)
	}
	for _, m := range t.Examples {
		s.world.Timeline.Add(timeline.Event{Kind: timeline.KindWorld, Actor: "suite", Name: "not by the table, but no MUST", Detail: m.String()})
	}
	if t.First != nil {
		return &result.Failure{
			Message:  "the four methods don't go by the decision table",
			Expected: "every call returns as the table says",
			Actual:   fmt.Sprintf("%s (the shortest of %d sequences that show a mismatch, of %d tried)", t.First, t.Decide, t.Checked),
			Cause:    "the SDK's own rules decide this: no packet is involved",
		}
	}
	if len(t.failedJoins) > 0 {
		return &result.Stop{Outcome: result.NotJudged, Failure: result.Failure{
			Message:  "joins failed that nothing stood in the way of, so that the table wasn't tried",
			Expected: "every join that is waited for succeeds",
			Actual:   fmt.Sprintf("in %d of %d sequences one did not, first in %s", len(t.failedJoins), n, t.failedJoins[0]),
		}}
	}
	return nil
}

func (s *scene) tried() int {
	if s.table == nil {
		return 0
	}
	return s.table.Checked + len(s.table.failedJoins)
}
