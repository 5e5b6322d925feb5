package steps

import (
	"cmp"
	"fmt"
	"net/netip"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
	"github.com/proxyspec/proxyspec/relay"
)

func (s *scene) sdrtnSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^until the lookup was answered SD-RTN heard nothing of alice$`,
			Do:   s.quietUntilAnswer,
			Says: "No gateway got a packet from alice's computer or from a relay, nor logged her, before the first answer; afterwards one logged her join.",
		},
		{
			Expr: `^SD-RTN hears nothing of alice$`,
			Do:   s.quiet,
			Says: "Watches for the watch time: no gateway got a packet from alice's computer, nor logged her.",
		},
		{
			Expr: `^SD-RTN heard alice's join, messages and media from relay addresses only$`,
			Do:   func() error { return s.heardFrom("relay addresses", fromRole(world.Relay)) },
			Says: "Judges the source of every packet and log entry about alice at the gateways. Each of the three must be there, or come soon.",
		},
		{
			Expr: `^SD-RTN heard alice's join, messages and media from her own address only$`,
			Do:   func() error { return s.heardFrom("her own address", from(s.aliceAddr())) },
			Says: "Judges the source of every log entry about alice at the gateways. Each of the three must be there, or come soon.",
		},
		{
			Expr: `^SD-RTN let (\w+) in$`,
			Do: func(who string) error {
				if len(s.find(kind(timeline.KindSDRTN), named(sdrtn.EventJoined), about(who))) > 0 {
					return nil
				}
				return &result.Failure{Message: who + " never got in", Expected: "a gateway logs the join", Actual: "none did"}
			},
			Says: "A gateway logged that this user joined.",
		},
		{
			Expr: `^the last join was (proxied|direct)$`,
			Do:   s.lastJoinWas,
			Says: "By the source from which SD-RTN got alice's last join, and whether a lookup preceded it.",
		},
		{
			Expr: `^the relays passed messages and media of alice's on, both ways$`,
			Do:   s.relaysPassed,
			Says: "The cloud proxy's log has messages and media of alice's in both directions.",
		},
	}
}

// ofAlice is what the gateways logged about alice's own doings.
func (s *scene) ofAlice(tests ...test) []timeline.Event {
	hers := about(world.Alice)
	for _, join := range s.joins {
		if s.uids[join] == "" {
			hers = either(hers, about(s.uidIn(join)))
		}
	}
	return s.find(append(tests, kind(timeline.KindSDRTN), hers)...)
}

// uidIn is the user as which one of alice's joins was made: the one that SD-RTN chose, if the join named none.
func (s *scene) uidIn(join *world.Call) string {
	if uid := s.uids[join]; uid != "" {
		return uid
	}
	var joined contract.JoinResult
	if over, _ := join.Over(); over {
		_ = join.Result(&joined) // of one that failed nobody knows
	}
	return cmp.Or(joined.UID, world.Alice)
}

func (s *scene) quietUntilAnswer() error {
	answer, err := s.answered()
	if err != nil {
		return err
	}
	join := s.joins[len(s.joins)-1]
	early := s.find(heard, after(join.Began.Seq), until(answer.Seq), either(from(s.aliceAddr()), fromRole(world.Relay)))
	early = append(early, s.ofAlice(after(join.Began.Seq), until(answer.Seq))...)
	if len(early) > 0 {
		return &result.Failure{
			Message:  "SD-RTN heard of alice before the lookup was answered",
			Expected: "nothing until the answer",
			Actual:   fmt.Sprintf("%d events, the first from %v", len(early), early[0].From),
			Events:   append(few(early), answer),
			Decides:  firstOf(early),
		}
	}
	if len(s.ofAlice(named(sdrtn.EventJoined), after(answer.Seq))) == 0 {
		return s.unlessOwnLookup(&result.Failure{
			Message:  "SD-RTN never heard of alice's join",
			Expected: "the join reaches SD-RTN after the answer",
			Actual:   ended(join),
			Events:   append(join.Events(), answer),
		})
	}
	return nil
}

func (s *scene) quiet() error {
	if err := s.used(); err != nil {
		return err
	}
	time.Sleep(s.world.Limits.Watch)
	noise := append(s.find(heard, from(s.aliceAddr())), s.ofAlice()...)
	if len(noise) == 0 {
		return nil
	}
	return &result.Failure{
		Message:  "SD-RTN heard of alice",
		Expected: "nothing of alice reaches SD-RTN",
		Actual:   fmt.Sprintf("%d events, the first from %v", len(noise), noise[0].From),
		Events:   few(noise),
		Decides:  firstOf(noise),
	}
}

// usersDoing is what SD-RTN logs because a user has sent it something. The rest it may do of itself: for others, or because
// the user comes back by another way.
var usersDoing = []string{sdrtn.EventConnected, sdrtn.EventJoined, sdrtn.EventMessageIn, sdrtn.EventPublished, sdrtn.EventSubscribed, sdrtn.EventMediaFirst}

// heardFrom judges where SD-RTN got alice's join, messages and media from.
func (s *scene) heardFrom(where string, right test) error {
	for _, name := range []string{sdrtn.EventJoined, sdrtn.EventMessageIn, sdrtn.EventMediaFirst} {
		if len(s.await(func() []timeline.Event { return s.ofAlice(named(name)) })) == 0 {
			return s.unlessOwnLookup(&result.Failure{
				Message:  fmt.Sprintf("SD-RTN logged no %s of alice's", name),
				Expected: "alice's join, a message and media reach SD-RTN from " + where,
				Actual:   "there is none to judge",
				Events:   few(s.failedCalls()),
			})
		}
	}
	wrong := s.ofAlice(named(usersDoing...), not(right))
	if !right(&timeline.Event{From: netip.AddrPortFrom(s.aliceAddr(), 1)}) {
		wrong = append(wrong, s.find(heard, from(s.aliceAddr()))...)
	}
	if len(wrong) == 0 {
		return nil
	}
	return &result.Failure{
		Message:  "SD-RTN heard of alice from elsewhere",
		Expected: "everything of alice's reaches SD-RTN from " + where,
		Actual:   fmt.Sprintf("%s came from %v (%s)", wrong[0].Name, wrong[0].From, s.world.NameOf(wrong[0].From.Addr())),
		Events:   few(wrong),
		Decides:  firstOf(wrong),
	}
}

// failedCalls is alice's calls that ended with an error: what a missing event is most often due to.
func (s *scene) failedCalls() []timeline.Event {
	return s.find(kind(timeline.KindResult), by(world.Alice), func(e *timeline.Event) bool { return e.Code != "" })
}

func (s *scene) lastJoinWas(how string) error {
	join, err := s.last(world.Alice, contract.MethodJoin)
	if err != nil {
		return err
	}
	arrived := s.ofAlice(named(sdrtn.EventJoined), after(join.Began.Seq))
	lookups := s.lookups(named(relay.EventLookupReceived)) // an answer may serve for more than one join
	right := fromRole(world.Relay)
	if how == "direct" {
		lookups, right = s.lookups(named(relay.EventLookupReceived), after(join.Began.Seq)), from(s.aliceAddr())
	}
	if len(arrived) > 0 && right(&arrived[len(arrived)-1]) && (len(lookups) > 0) == (how == "proxied") {
		return nil
	}
	source := "nowhere"
	if len(arrived) > 0 {
		last := arrived[len(arrived)-1].From
		source = fmt.Sprintf("%v (%s)", last, s.world.NameOf(last.Addr()))
	}
	return s.unlessOwnLookup(&result.Failure{
		Message:  "the last join was not " + how,
		Expected: map[string]string{"proxied": "lookups, for this join or before, then a join that SD-RTN gets from a relay", "direct": "no lookup, and a join that SD-RTN gets from alice's own address"}[how],
		Actual:   fmt.Sprintf("%d lookups; SD-RTN got the join from %s", len(lookups), source),
		Events:   append(append(join.Events(), few(lookups)...), arrived...),
	})
}

func (s *scene) relaysPassed() error {
	for _, one := range []struct{ event, words string }{
		{relay.EventMessagesUp, "no message of alice's"}, {relay.EventMessagesDown, "no message to alice"},
		{relay.EventMediaUp, "no media of alice's"}, {relay.EventMediaDown, "no media to alice"},
	} {
		seen := s.find(kind(timeline.KindProxy), named(one.event), either(from(s.aliceAddr()), to(s.aliceAddr())))
		if len(seen) == 0 {
			return s.unlessOwnLookup(&result.Failure{
				Message:  "the relays passed " + one.words + " on",
				Expected: "messages and media of alice's pass through relays, both ways",
				Actual:   "no " + one.event + " in the cloud proxy's log",
				Events:   few(s.failedCalls()),
			})
		}
	}
	return nil
}
