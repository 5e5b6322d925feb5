package runner

import (
	"encoding/json"
	"errors"

	"github.com/proxyspec/proxyspec/conformance/timeline"
)

// narrator tells the parent of a case while it is played, between its steps: within one, a write that blocks
// would change the order of goroutines. A nil narrator says nothing.
type narrator struct {
	reports  *json.Encoder
	requests <-chan request
	pauses   bool
	events   []timeline.Event
	told     int // of the events
}

func newNarrator(r request, reports *json.Encoder, requests <-chan request) *narrator {
	if !r.Follow && !r.Pause {
		return nil
	}
	return &narrator{reports: reports, requests: requests, pauses: r.Pause}
}

// pause waits until the parent wants to see the next step.
func (n *narrator) pause(next int) error {
	if n == nil || !n.pauses {
		return nil
	}
	if err := n.reports.Encode(report{Next: next}); err != nil {
		return err
	}
	if r := <-n.requests; !r.Go {
		return errors.New("the parent asked for something else")
	}
	return nil
}

// collect asks the stage what has happened. It must be called where the bubble runs anyway: asking for its own sake
// would make virtual time go on, by a nanosecond, and give other packets.
func (n *narrator) collect(stage Stage) {
	if n != nil {
		n.events = stage.Events()
	}
}

// narrate tells of what was collected since the last time.
func (n *narrator) narrate() error {
	if n == nil || n.told == len(n.events) {
		return nil
	}
	news := n.events[n.told:]
	n.told = len(n.events)
	return n.reports.Encode(report{Events: news})
}
