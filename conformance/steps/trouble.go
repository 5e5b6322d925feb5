package steps

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

// troubleSteps break things, and judge what comes of it.
func (s *scene) troubleSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^(bob|carol)'s computer goes off the network$`,
			Do:   func(who string) error { return s.world.Cut(who) },
			Says: "From now on no packet gets to it or away from it, and nobody is told.",
		},
		{
			Expr: `^(the relay that carries alice's messages|the relay that carries alice's media|every relay) (stops|goes off the network)$`,
			Do:   s.relayDies,
			Says: "A relay that stops closes its connections; one that goes off the network falls silent.",
		},
		{
			Expr: `^the office firewall starts again and lets nothing new out$`,
			Do:   s.firewallRestarts,
			Says: "It has forgotten all flows, answers packets of TCP connections that it doesn't know with a RST, and lets no connection begin.",
		},
		{
			Expr: `^alice's SDK reconnects$`,
			Do:   s.awaitReconnect,
			Says: "Waits until the SDK says that it does, by the state RECONNECTING. If it doesn't, what the scenario asks can't be judged.",
		},
		{
			Expr: `^alice's messages go on through another relay, or she is told that they don't$`,
			Do:   s.messagesRecover,
			Says: "Within the limit of a fallback she is in the channel again through a relay, and a message of hers arrives from there; or the SDK reports an error or that it is disconnected.",
		},
		{
			Expr: `^alice's media goes on through another relay, or she is told that it doesn't$`,
			Do:   s.mediaRecovers,
			Says: "Within the limit of a fallback SD-RTN gets RTP of hers through a relay that is still there; or the SDK reports an error or that it is disconnected.",
		},
		{
			Expr: `^alice's SDK looks up again, or she is told that the call has failed$`,
			Do:   s.looksUpOrFails,
			Says: "Within the limit of a fallback.",
		},
	}
}

// carriers is the relays that carry something of alice's now, by the cloud proxy's log.
func (s *scene) carriers(begun, over string) (names []string) {
	closed := map[string]bool{}
	key := func(e timeline.Event) string { return e.Actor + e.Proto + e.From.String() + e.To.String() }
	for _, e := range s.find(kind(timeline.KindProxy), named(over), from(s.aliceAddr())) {
		closed[key(e)] = true
	}
	for _, e := range s.find(kind(timeline.KindProxy), named(begun), from(s.aliceAddr())) {
		if !closed[key(e)] && !slices.Contains(names, e.Actor) {
			names = append(names, e.Actor)
		}
	}
	return names
}

// mediaCarriers is the relays that alice's media went to in the last second. An SDK may check the way through all of
// them before it takes one, so that an allocation with traffic says little; but where TLS hides media, it is all there is.
func (s *scene) mediaCarriers() (names []string) {
	since := s.world.Timeline.Elapsed() - time.Second
	media := s.find(atWall, from(s.aliceAddr()), purpose(world.CarriesRTP), func(e *timeline.Event) bool { return e.At >= since })
	for _, p := range world.Relays {
		if slices.ContainsFunc(media, func(e timeline.Event) bool { return e.To.Addr() == p.Addr }) {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 {
		return s.carriers(relay.EventMediaUp, relay.EventAllocationDeleted)
	}
	return names
}

func (s *scene) relayDies(which, how string) error {
	var names []string
	switch which {
	case "every relay":
		for _, p := range world.Relays {
			names = append(names, p.Name)
		}
	case "the relay that carries alice's media":
		names = s.mediaCarriers()
	default:
		names = s.carriers(relay.EventMessagesOpened, relay.EventMessagesClosed)
	}
	if len(names) == 0 {
		return s.unlessOwnLookup(&result.Failure{
			Message:  "no relay carries anything of alice's",
			Expected: "a proxied call, so that its relay can die",
			Actual:   "the cloud proxy's log has none",
			Events:   few(s.failedCalls()),
		})
	}
	for _, name := range names {
		if err := s.fail(name, how); err != nil {
			return err
		}
	}
	s.died = names
	return nil
}

func (s *scene) firewallRestarts() error {
	err := s.world.SetPolicy(firewall.Policy{ID: "closed", Invalid: firewall.Reject})
	s.world.ForgetFlows()
	return err
}

func (s *scene) awaitReconnect() error {
	said := s.awaitFor(s.world.Limits.Fallback, func() []timeline.Event {
		return s.find(s.sinceTrouble(), s.state(contract.StateReconnecting))
	})
	if len(said) > 0 {
		return nil
	}
	return &result.Stop{Outcome: result.NotJudged, Failure: result.Failure{
		Message: "the SDK never said that it reconnects", Expected: "the state RECONNECTING", Actual: "no such event",
		Events: few(s.find(s.sinceTrouble(), kind(timeline.KindNotice), by(world.Alice)))}}
}

// state is notices of alice's SDK that it is in a state.
func (s *scene) state(state string) test {
	return func(e *timeline.Event) bool {
		said, _, _ := strings.Cut(e.Detail, " ")
		return e.Kind == timeline.KindNotice && e.Actor == world.Alice && e.Name == contract.EventState && said == state
	}
}

// sinceTrouble is events after the world was last broken.
func (s *scene) sinceTrouble() test {
	broken := s.troubles()
	if len(broken) == 0 {
		return func(*timeline.Event) bool { return false }
	}
	return after(broken[len(broken)-1].Seq)
}

// told is what alice's SDK has said since of a failure.
func (s *scene) told() []timeline.Event { return s.find(s.sinceTrouble(), s.failure) }

// failure is notices of alice's SDK that something has failed.
func (s *scene) failure(e *timeline.Event) bool {
	return s.state(contract.StateDisconnected)(e) || e.Kind == timeline.KindNotice && e.Actor == world.Alice && e.Name == contract.EventError
}

func (s *scene) messagesRecover() error {
	s.awaitFor(s.world.Limits.Fallback, func() []timeline.Event { return append(s.backThroughRelay(), s.told()...) })
	if len(s.backThroughRelay()) > 0 {
		if arrived, err := s.messageThroughRelay(); err != nil || arrived {
			return err
		}
	}
	return s.recovered("messages", s.world.Limits.Fallback, throughProxy, nil)
}

func (s *scene) mediaRecovers() error {
	return s.mediaGoesOn(s.world.Limits.Fallback, "through a relay that is still there",
		func(e *timeline.Event) bool { return !slices.Contains(s.died, s.world.NameOf(e.To.Addr())) })
}

func (s *scene) mediaMovesToTCP() error {
	return s.mediaGoesOn(s.world.Limits.Move, "over TCP", func(e *timeline.Event) bool { return e.Proto == "TCP" })
}

// mediaGoesOn looks for media and not for allocations, nor for packets in them: an SDK may check the ways through all
// relays all the time.
func (s *scene) mediaGoesOn(limit time.Duration, how string, way test) error {
	media := func() []timeline.Event {
		return s.find(s.sinceTrouble(), atWall, from(s.aliceAddr()), toRole(world.Relay), purpose(world.CarriesRTP),
			func(e *timeline.Event) bool { return e.Verdict == "allow" }, way)
	}
	s.awaitFor(limit, func() []timeline.Event { return append(media(), s.told()...) })
	on := media()
	if len(on)+len(s.told()) == 0 && s.mediaUnseen() {
		return nil
	}
	return s.recovered("media", limit, how, on)
}

func (s *scene) looksUpOrFails() error {
	again := func() []timeline.Event { return s.lookups(s.sinceTrouble(), named(relay.EventLookupReceived)) }
	s.awaitFor(s.world.Limits.Fallback, func() []timeline.Event { return append(again(), s.told()...) })
	return s.recovered("the call", s.world.Limits.Fallback, throughProxy, again())
}

const throughProxy = "through the cloud proxy"

// recovered judges that something went on or that alice was told.
func (s *scene) recovered(what string, limit time.Duration, how string, on []timeline.Event) error {
	if len(on) > 0 || len(s.told()) > 0 {
		return nil
	}
	return s.unlessOwnLookup(s.orPast(result.Failure{
		Message:  "nobody knows what became of alice's " + strings.TrimPrefix(what, "the "),
		Expected: fmt.Sprintf("within %v it goes on %s, or the SDK says that it doesn't", limit, how),
		Actual:   "it did not go on, and the SDK said nothing",
		Events:   few(s.find(s.sinceTrouble(), kind(timeline.KindNotice), by(world.Alice))),
	}))
}

// orPast is the failure of what did not go on through the cloud proxy, or of what has gone on past it.
func (s *scene) orPast(f result.Failure) *result.Failure {
	direct := s.ofAlice(s.sinceTrouble(), named(usersDoing...), from(s.aliceAddr()))
	if len(direct) > 0 {
		f.Message = "alice's call went on past the cloud proxy"
		f.Actual = s.sources(direct) + " itself"
		f.Events, f.Decides = few(direct), firstOf(direct)
	}
	return &f
}
