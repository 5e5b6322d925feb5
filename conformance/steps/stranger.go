package steps

import (
	"fmt"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/relay"
)

// An SDK that asks for its way by a lookup protocol of its own gets nowhere in these worlds. Its calls fail whatever it
// does, so that a failed call proves nothing; what it sends, and what it refuses, can be judged as ever.

const ownProtocol = "the SDK asks for its way by a lookup protocol of its own, which the edges here don't speak; so "

// stranger tells whether alice's SDK is one, and nobody here has understood it.
func (s *scene) stranger() bool {
	return s.world.OwnLookup() && len(s.lookups(named(relay.EventLookupAnswered))) == 0
}

// unlessOwnLookup is a failure of what can't be had without an answer to a lookup. Of a stranger nobody can tell, unless it
// went past the cloud proxy.
func (s *scene) unlessOwnLookup(f *result.Failure) error {
	if !s.stranger() {
		return f
	}
	if past := s.pastCloudProxy(); len(past) > 0 {
		return &result.Failure{
			Message:  "alice sent packets past the cloud proxy",
			Expected: "none to SD-RTN itself, whatever its lookup protocol",
			Actual:   fmt.Sprintf("%d packets to %s", len(past), s.destinations(past)),
			Events:   few(past),
		}
	}
	untold := *f
	untold.Message = ownProtocol + f.Message
	return &result.Stop{Outcome: result.NotJudged, Failure: untold}
}

// unheard is what a call's failure proves of a stranger: nothing. Of any other SDK it is nil.
func (s *scene) unheard(what string, c *world.Call) error {
	if !s.stranger() {
		return nil
	}
	return s.unlessOwnLookup(&result.Failure{Message: what, Expected: "a failure for its reason", Actual: ended(c), Events: c.Events()})
}

// pastCloudProxy is alice's packets to SD-RTN since the cloud proxy was started, if it was and wasn't stopped.
func (s *scene) pastCloudProxy() []timeline.Event {
	switched := func(method string) []timeline.Event {
		return s.find(kind(timeline.KindResult), by(world.Alice), named(method), func(e *timeline.Event) bool { return e.Code == "" })
	}
	started := switched(contract.MethodStartProxyServer)
	if len(started) == 0 || len(switched(contract.MethodStopProxyServer)) > 0 {
		return nil
	}
	return s.find(atWall, from(s.aliceAddr()), after(started[0].Seq), toRole(world.Gateway))
}
