package steps

import (
	"fmt"
	"slices"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/relay"
)

func (s *scene) lookupSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^the lookup's answer opened a message connection and a media allocation$`,
			Do:   s.answerUsable,
			Says: "The cloud proxy's log has both under the session that an edge answered with.",
		},
		{
			Expr: `^each of the (\d+) joins had a lookup of its own answered$`,
			Do:   s.lookupPerJoin,
			Says: "Between the call and the success of each of alice's joins an edge answered a lookup of hers, and a message connection of the join is under the session of such an answer.",
		},
		{
			Expr: `^the join made no more lookups than the limit$`,
			Do:   s.lookupsWithinLimit,
			Says: "Counts the requests that reached edges between alice's last join and its end.",
		},
		{
			Expr: `^no lookup follows$`,
			Do:   s.noLookupFollows,
			Says: "Watches for the watch time, from the end of alice's last join on.",
		},
		{
			Expr: `^the lookup edges got nothing from alice but lookups on TCP port 443$`,
			Do:   s.edgesGotLookupsOnly,
			Says: "Packets to edges went to TCP 443, and everything that edges logged was a lookup.",
		},
	}
}

// lookups is alice's lookups in the cloud proxy's log.
func (s *scene) lookups(tests ...test) []timeline.Event {
	tests = append(tests, kind(timeline.KindProxy), purpose(relay.PurposeLookup), from(s.aliceAddr()))
	return s.find(tests...)
}

// answered is the first answer to a lookup that alice's last join made, or the failure that there was
// none.
func (s *scene) answered() (timeline.Event, error) {
	join, err := s.last(world.Alice, contract.MethodJoin)
	if err != nil {
		return timeline.Event{}, err
	}
	answers := s.lookups(named(relay.EventLookupAnswered), after(join.Began.Seq))
	if len(answers) > 0 {
		return answers[0], nil
	}
	sent := s.find(atWall, from(s.aliceAddr()), after(join.Began.Seq))
	return timeline.Event{}, s.unlessOwnLookup(&result.Failure{
		Message:  "no edge answered a lookup of alice's",
		Expected: "a proxied join asks a lookup edge, and goes on with its answer",
		Actual:   fmt.Sprintf("the edges logged %d requests; %s", len(s.lookups(named(relay.EventLookupReceived), after(join.Began.Seq))), ended(join)),
		Events:   append(join.Events(), few(sent)...),
		Decides:  join.Ended().Seq,
	})
}

func (s *scene) answerUsable() error {
	answer, err := s.answered()
	if err != nil {
		return err
	}
	used := s.await(func() []timeline.Event {
		// Of several lookups at once the SDK takes one answer: any of them will do.
		for _, answer := range s.lookups(named(relay.EventLookupAnswered)) {
			messages := s.find(named(relay.EventMessagesOpened), session(answer.Session))
			media := s.find(named(relay.EventAllocationCreated), session(answer.Session))
			if len(messages) > 0 && len(media) > 0 {
				return media
			}
		}
		return nil
	})
	if len(used) > 0 {
		return nil
	}
	return s.unlessOwnLookup(&result.Failure{
		Message:  "the answer's relay and credential were not used, or didn't work",
		Expected: "a message connection and a media allocation under the session of the answer",
		Actual: fmt.Sprintf("%d message connections and %d allocations of alice's", len(s.find(named(relay.EventMessagesOpened), from(s.aliceAddr()))),
			len(s.find(named(relay.EventAllocationCreated), from(s.aliceAddr())))),
		Events: append([]timeline.Event{answer}, few(s.find(named(relay.EventMessagesRefused, relay.EventAllocationRefused)))...),
	})
}

func (s *scene) lookupPerJoin(n int) error {
	if len(s.joins) != n {
		return result.Mistake("alice joined %d times in this scenario, not %d", len(s.joins), n)
	}
	for i, join := range s.joins {
		end := join.Ended()
		if end.Seq == 0 {
			end.Seq = forAll
		}
		during := []test{after(join.Began.Seq), until(end.Seq)}
		answers := s.lookups(append(during, named(relay.EventLookupAnswered))...)
		if len(answers) == 0 {
			return s.unlessOwnLookup(&result.Failure{
				Message:  fmt.Sprintf("join %d was not preceded by a lookup of its own", i+1),
				Expected: "an edge answers a lookup between the call of join and its success",
				Actual:   fmt.Sprintf("no lookup was answered then; %s", ended(join)),
				Events:   append(join.Events(), few(s.lookups())...),
				Decides:  join.Ended().Seq,
			})
		}
		opened := s.find(append(during, named(relay.EventMessagesOpened), from(s.aliceAddr()))...)
		followed := func(answer timeline.Event) bool { return len(filter(opened, session(answer.Session))) > 0 }
		if len(opened) > 0 && !slices.ContainsFunc(answers, followed) {
			return &result.Failure{
				Message:  fmt.Sprintf("join %d did not go by the answer to its own lookup", i+1),
				Expected: "a message connection under the session that an edge answered with during the join",
				Actual:   fmt.Sprintf("one under the session %s, when the edge had answered with %s", opened[0].Session, answers[0].Session),
				Events:   append(answers, few(opened)...),
				Decides:  firstOf(opened),
			}
		}
	}
	return nil
}

func (s *scene) lookupsWithinLimit() error {
	join, err := s.last(world.Alice, contract.MethodJoin)
	if err != nil {
		return err
	}
	made := s.lookups(named(relay.EventLookupReceived), after(join.Began.Seq))
	if len(made) == 0 {
		return s.unlessOwnLookup(&result.Failure{
			Message:  "the join made no lookup",
			Expected: "at least one request to a lookup edge",
			Actual:   "the edges logged none; " + ended(join),
			Events:   join.Events(),
		})
	}
	beyond := made[min(len(made), s.world.Limits.Lookups):]
	if len(beyond) == 0 {
		return nil
	}
	return &result.Failure{
		Message:  "the join made too many lookups",
		Expected: fmt.Sprintf("at most %d requests to lookup edges", s.world.Limits.Lookups),
		Actual:   fmt.Sprintf("%d requests", len(made)),
		Events:   append(join.Events(), few(beyond)...),
		Decides:  firstOf(beyond),
	}
}

func (s *scene) noLookupFollows() error {
	join, err := s.last(world.Alice, contract.MethodJoin)
	if err != nil {
		return err
	}
	end := join.Ended()
	if end.Seq == 0 {
		return fmt.Errorf("alice's join has not ended: a step before this one must judge that it has")
	}
	time.Sleep(s.world.Limits.Watch)
	late := s.lookups(named(relay.EventLookupReceived), after(end.Seq))
	if len(late) == 0 {
		return nil
	}
	return &result.Failure{
		Message:  "lookups went on after the join had failed",
		Expected: fmt.Sprintf("no lookup in the %v after the join's end", s.world.Limits.Watch),
		Actual:   fmt.Sprintf("%d requests", len(late)),
		Events:   append(join.Events(), few(late)...),
		Decides:  firstOf(late),
	}
}

func (s *scene) edgesGotLookupsOnly() error {
	packets := s.find(atWall, from(s.aliceAddr()), toRole(world.Edge))
	if len(packets) == 0 {
		return s.unlessOwnLookup(&result.Failure{
			Message:  "alice sent nothing to a lookup edge",
			Expected: "lookups on TCP port 443",
			Actual:   "no packet to any edge",
		})
	}
	var wrong []timeline.Event
	for _, p := range packets {
		if p.Proto != "TCP" || p.To.Port() != 443 {
			wrong = append(wrong, p)
		}
	}
	for _, place := range world.Edges {
		wrong = append(wrong, s.find(kind(timeline.KindProxy), by(place.Name), from(s.aliceAddr()),
			not(named(relay.EventLookupReceived, relay.EventLookupAnswered, relay.EventLookupPreflight)))...)
	}
	if len(wrong) == 0 {
		return nil
	}
	return &result.Failure{
		Message:  "an edge got something other than a lookup",
		Expected: "edges get lookups over TCP port 443 and nothing else",
		Actual:   fmt.Sprintf("%d packets or requests that are no lookups", len(wrong)),
		Events:   few(wrong),
		Decides:  firstOf(wrong),
	}
}
