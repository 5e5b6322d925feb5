package steps

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
	"github.com/proxyspec/proxyspec/relay"
)

// endureSteps judge whether a call has survived what was put into its way.
func (s *scene) endureSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^alice's messages go on through the cloud proxy$`,
			Do:   s.messagesGoOn,
			Says: "Within the limit of a fallback she is in the channel again through a relay, and a message of hers arrives from there.",
		},
		{
			Expr: `^alice's last message arrives once, or she is told that it doesn't$`,
			Do:   s.arrivesOrIsLost,
			Says: "Within the limit of a fallback SD-RTN gets it, and no second time; or send fails, or the SDK reports an error or that it is disconnected.",
		},
		{
			Expr: `^alice's media goes on over TCP, or she is told that it doesn't$`,
			Do:   s.mediaMovesToTCP,
			Says: "Within the limit of a move (30 seconds) RTP of hers passes the firewall over TCP, to a relay, or SD-RTN gets it though TLS hides it there; or the SDK reports an error or that it is disconnected.",
		},
		{
			Expr: `^alice's media has gone through one allocation for (\d+) minutes$`,
			Do:   s.oneAllocation,
			Says: "By the cloud proxy's log an allocation of hers is that old and still there. Media must have passed through it.",
		},
		{
			Expr: `^alice's SDK makes another allocation$`,
			Do:   s.reallocates,
			Says: "Within the limit of a fallback, by the cloud proxy's log.",
		},
		{
			Expr: `^alice's call has held$`,
			Do:   s.held,
			Says: "Since her last join the SDK has reported neither an error nor that it is disconnected.",
		},
		{
			Expr: `^nothing of alice's could be read on the way$`,
			Do:   s.unread,
			Says: "The host that inspects TLS got no byte of hers in the clear.",
		},
		{
			Expr: `^the report names the office's name server as what failed$`,
			Do:   s.namesNameServer,
			Says: "In the words in which a failure of this case would give its cause.",
		},
	}
}

func (s *scene) messagesGoOn() error {
	s.awaitFor(s.world.Limits.Fallback, s.backThroughRelay)
	if len(s.backThroughRelay()) > 0 {
		if arrived, err := s.messageThroughRelay(); err != nil || arrived {
			return err
		}
	}
	return s.unlessOwnLookup(s.orPast(result.Failure{
		Message:  "alice's messages did not go on",
		Expected: fmt.Sprintf("within %v she is in the channel again through a relay, and her messages arrive", s.world.Limits.Fallback),
		Actual:   fmt.Sprintf("she came back through a relay %d times", len(s.backThroughRelay())),
		Events:   few(s.find(s.sinceTrouble(), kind(timeline.KindNotice), by(world.Alice))),
	}))
}

func (s *scene) arrivesOrIsLost() error {
	call, err := s.last(world.Alice, contract.MethodSend)
	if err != nil {
		return err
	}
	var said contract.Send
	if err := json.Unmarshal([]byte(call.Began.Detail), &said); err != nil {
		return fmt.Errorf("read what alice said: %w", err)
	}
	digest := world.Digest(said.Text)
	arrived := func() []timeline.Event {
		return s.ofAlice(after(call.Began.Seq), named(sdrtn.EventMessageIn), func(e *timeline.Event) bool { return e.Digest == digest })
	}
	told := func() []timeline.Event {
		return s.find(after(call.Began.Seq), func(e *timeline.Event) bool {
			return e.Seq == call.Ended().Seq && e.Code != "" || s.failure(e)
		})
	}
	s.awaitFor(s.world.Limits.Fallback, func() []timeline.Event { return append(arrived(), told()...) })
	time.Sleep(settling) // for a second one
	got := arrived()
	if len(got) == 1 || len(got) == 0 && len(told()) > 0 {
		return nil
	}
	return s.unlessOwnLookup(&result.Failure{
		Message:  "alice's message did not arrive once",
		Expected: fmt.Sprintf("within %v it arrives, once, or the SDK says that it doesn't", s.world.Limits.Fallback),
		Actual:   fmt.Sprintf("it arrived %d times; %s", len(got), ended(call)),
		Events:   few(append(got, s.find(s.sinceTrouble(), kind(timeline.KindNotice), by(world.Alice))...)),
		Decides:  firstOf(got),
	})
}

// ofOffice is what the cloud proxy logged of alice, who may be behind a NAT.
func (s *scene) ofOffice(tests ...test) []timeline.Event {
	return s.find(append(tests, kind(timeline.KindProxy), either(from(s.aliceAddr()), from(world.OfficeNAT)))...)
}

func (s *scene) oneAllocation(minutes int) error {
	age, err := lasting(minutes, time.Minute, "minutes")
	if err != nil {
		return err
	}
	type allocation struct {
		relay, proto string
		from, to     netip.AddrPort
	}
	key := func(e timeline.Event) allocation { return allocation{e.Actor, e.Proto, e.From, e.To} }
	used, gone := map[allocation]bool{}, map[allocation]bool{}
	for _, e := range s.ofOffice(named(relay.EventMediaUp, relay.EventMediaDown)) {
		used[key(e)] = true
	}
	made, deleted := s.ofOffice(named(relay.EventAllocationCreated)), s.ofOffice(named(relay.EventAllocationDeleted))
	for _, e := range deleted {
		gone[key(e)] = true
	}
	var oldest time.Duration
	for _, e := range made {
		if used[key(e)] && !gone[key(e)] {
			oldest = max(oldest, s.world.Timeline.Elapsed()-e.At)
		}
	}
	if oldest >= age {
		return nil
	}
	return s.unlessOwnLookup(&result.Failure{
		Message:  "alice's media did not stay in one allocation",
		Expected: fmt.Sprintf("an allocation with media in it that is at least %v old", age),
		Actual: fmt.Sprintf("she made %d, of which %d are gone; the oldest with media is %v old", len(made), len(deleted),
			oldest.Round(time.Second)),
		Events: few(append(deleted, made...)), Decides: firstOf(deleted),
	})
}

func (s *scene) reallocates() error {
	again := func() []timeline.Event { return s.ofOffice(s.sinceTrouble(), named(relay.EventAllocationCreated)) }
	if len(s.awaitFor(s.world.Limits.Fallback, again)) > 0 {
		return nil
	}
	return s.unlessOwnLookup(&result.Failure{
		Message:  "alice's SDK made no other allocation",
		Expected: fmt.Sprintf("one within %v", s.world.Limits.Fallback),
		Actual:   "the relays have none",
		Events:   few(s.find(s.sinceTrouble(), kind(timeline.KindNotice), by(world.Alice))),
	})
}

func (s *scene) held() error {
	join, err := s.last(world.Alice, contract.MethodJoin)
	if err != nil {
		return err
	}
	if err := s.joined(world.Alice); err != nil {
		return err
	}
	said := s.find(after(join.Began.Seq), kind(timeline.KindNotice), by(world.Alice),
		either(s.state(contract.StateDisconnected), named(contract.EventError)))
	if len(said) == 0 {
		return nil
	}
	return s.unlessOwnLookup(&result.Failure{
		Message: "alice's call did not hold", Expected: "no error, and no state DISCONNECTED", Actual: said[0].Name + " " + said[0].Detail,
		Events: few(said), Decides: firstOf(said),
	})
}

func (s *scene) unread() error {
	if err := s.used(); err != nil {
		return err
	}
	read := s.find(kind(timeline.KindServer), by(world.Inspector), from(s.aliceAddr()))
	if len(read) == 0 {
		return nil
	}
	return &result.Failure{
		Message: "alice's SDK took another's certificate for the server's", Expected: "no byte of hers in the clear at the inspecting host",
		Actual: fmt.Sprintf("it read %d times", len(read)), Events: few(read), Decides: firstOf(read),
	}
}

func (s *scene) namesNameServer() error {
	if cause := s.world.Cause(); !strings.Contains(cause, s.world.NameServer()) {
		return &result.Failure{Message: "the report doesn't name what failed", Expected: s.world.NameServer(), Actual: cause}
	}
	return nil
}

// backThroughRelay is alice's joins through relays that are still there since the trouble.
func (s *scene) backThroughRelay() []timeline.Event {
	return s.ofAlice(s.sinceTrouble(), named(sdrtn.EventJoined), fromRole(world.Relay), s.alive)
}

// messageThroughRelay has alice, who is back, send a message, and tells whether it arrived from a relay.
func (s *scene) messageThroughRelay() (arrived bool, err error) {
	time.Sleep(settling) // SD-RTN hears of her join before she hears that it did
	if err := s.send(world.Alice, "can you hear me again?"); err != nil {
		return false, err
	}
	return len(s.await(func() []timeline.Event {
		return s.ofAlice(s.sinceTrouble(), named(sdrtn.EventMessageIn), fromRole(world.Relay), s.alive)
	})) > 0, nil
}

// alive is events that came from a relay which is still there.
func (s *scene) alive(e *timeline.Event) bool {
	return !slices.Contains(s.died, s.world.NameOf(e.From.Addr()))
}
