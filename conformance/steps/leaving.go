package steps

import (
	"fmt"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
)

// How long what was sent before leave had finished may take: to the firewall, which is a link of the office
// away, and to SD-RTN, through a relay and three links.
const (
	toFirewall = 10 * time.Millisecond
	toSDRTN    = 500 * time.Millisecond
)

func (s *scene) leavingSteps() []runner.Definition {
	return []runner.Definition{
		{
			Expr: `^after leaving alice sent neither messages nor media$`,
			Do:   s.silentAfterLeave,
			Says: "Since leave has finished, and while packets that tear the call down may follow: no RTP and nothing unknown at the firewall, and no message of hers at SD-RTN.",
		},
		{
			Expr: `^when the call was torn down alice sent nothing more$`,
			Do:   s.quietAfterTeardown,
			Says: "Watches for the watch time, from 30 seconds after leave has finished on: no packet to edges, relays, SD-RTN or the company's servers, but TCP that asks whether a connection is still there.",
		},
	}
}

// left is when alice's last leave finished.
func (s *scene) left() (timeline.Event, error) {
	leave, err := s.last(world.Alice, contract.MethodLeave)
	if err != nil {
		return timeline.Event{}, err
	}
	if end := leave.Ended(); end.Seq != 0 {
		return end, nil
	}
	return timeline.Event{}, &result.Failure{
		Message:  "leave has not finished",
		Expected: fmt.Sprintf("it finishes within %v", s.world.Limits.Teardown),
		Actual:   ended(leave),
		Events:   leave.Events(),
	}
}

// later is events from some time after another on.
func later(e timeline.Event, by time.Duration) test {
	return func(o *timeline.Event) bool { return o.Seq > e.Seq && o.At >= e.At+by }
}

// pass waits until some time after an event.
func (s *scene) pass(e timeline.Event, d time.Duration) {
	time.Sleep(e.At + d - s.world.Timeline.Elapsed())
}

func (s *scene) silentAfterLeave() error {
	left, err := s.left()
	if err != nil {
		return err
	}
	s.pass(left, s.world.Limits.Teardown)
	sent := s.find(later(left, toFirewall), atWall, from(s.aliceAddr()), func(e *timeline.Event) bool {
		return e.Purpose == world.CarriesRTP || e.Purpose == world.CarriesUnknown
	})
	sent = append(sent, s.ofAlice(later(left, toSDRTN), named(sdrtn.EventMessageIn, sdrtn.EventMediaFirst))...)
	if len(sent) == 0 {
		return nil
	}
	return &result.Failure{
		Message:  "alice sent messages or media after leave had finished",
		Expected: "nothing but what tears the call down",
		Actual:   fmt.Sprintf("%d packets or messages, the first %v after leave", len(sent), (sent[0].At - left.At).Round(time.Millisecond)),
		Events:   append([]timeline.Event{left}, few(sent)...),
		Decides:  firstOf(sent),
	}
}

func (s *scene) quietAfterTeardown() error {
	left, err := s.left()
	if err != nil {
		return err
	}
	s.pass(left, s.world.Limits.Teardown+s.world.Limits.Watch)
	sent := s.find(later(left, s.world.Limits.Teardown), atWall, from(s.aliceAddr()),
		toRole(world.Edge, world.Relay, world.Gateway, world.Company), not(bareACK))
	if len(sent) == 0 {
		return nil
	}
	return &result.Failure{
		Message:  "alice sent packets long after leave had finished",
		Expected: fmt.Sprintf("none from %v on", s.world.Limits.Teardown),
		Actual:   fmt.Sprintf("%d packets to %s", len(sent), s.destinations(sent)),
		Events:   append([]timeline.Event{left}, few(sent)...),
		Decides:  firstOf(sent),
	}
}
