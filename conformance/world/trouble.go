package world

import (
	"time"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/sim"
)

// Names of the timeline's events about what the suite broke; Detail says what.
const (
	EventStopped   = "stopped"
	EventStarted   = "started again"
	EventCut       = "cut off"
	EventBack      = "back on the network"
	EventForgotten = "flows forgotten"
	EventRebound   = "addresses translated anew"
	EventPolicy    = "policy"
)

// line is a host's link and how long it takes.
type line struct {
	*sim.Link
	delay time.Duration
}

// Stop ends a server as its operator would, and waits until nothing of it is left.
func (w *World) Stop(server string) error {
	stop, was := w.serving[server]
	switch {
	case !was:
		return result.Mistake("there is no server %q in this world", server)
	case stop == nil:
		return nil // it has stopped already
	}
	w.note(EventStopped, server)
	stop()
	w.serving[server] = nil
	return nil
}

// Restart starts a relay that was stopped, as another process that knows nothing of what the first one had. One that
// runs, it leaves alone.
func (w *World) Restart(relay string) error {
	again := w.again[relay]
	if again == nil {
		return result.Mistake("no relay %q has run in this world", relay)
	}
	if w.serving[relay] != nil {
		return nil
	}
	w.note(EventStarted, relay)
	return again()
}

// Cut takes a host off the network, without a word to anybody.
func (w *World) Cut(host string) error {
	l, ok := w.links[host]
	if !ok {
		return noHost(host)
	}
	w.note(EventCut, host)
	l.Set(sim.LinkConfig{Delay: l.delay, Loss: 1})
	return nil
}

// Mend puts a host that was cut off back on the network.
func (w *World) Mend(host string) error {
	l, ok := w.links[host]
	if !ok {
		return noHost(host)
	}
	w.note(EventBack, host)
	l.Set(sim.LinkConfig{Delay: l.delay})
	return nil
}

// ForgetFlows has the office's firewall forget every flow that it has let through, as one does that starts
// again.
func (w *World) ForgetFlows() {
	w.note(EventForgotten, wallPlace.Name)
	w.net.Do(w.office.wall.Flush)
}

// note puts into the timeline what the suite did to the world.
func (w *World) note(name, detail string) {
	w.Timeline.Add(timeline.Event{Kind: timeline.KindWorld, Actor: "suite", Name: name, Detail: detail})
}
