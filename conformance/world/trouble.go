package world

import (
	"fmt"
	"time"

	"github.com/proxyspec/proxyspec/conformance/timeline"
	"github.com/proxyspec/proxyspec/sim"
)

// Names of the timeline's events about what the suite broke; Detail says what.
const (
	EventStopped   = "stopped"
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
	stop := w.serving[server]
	if stop == nil {
		return fmt.Errorf("no server %q is running in this world", server)
	}
	w.note(EventStopped, server)
	stop()
	return nil
}

// Cut takes a host off the network, without a word to anybody.
func (w *World) Cut(host string) error {
	l, ok := w.links[host]
	if !ok {
		return fmt.Errorf("there is no host %q in this world", host)
	}
	w.note(EventCut, host)
	l.Set(sim.LinkConfig{Delay: l.delay, Loss: 1})
	return nil
}

// Mend puts a host that was cut off back on the network.
func (w *World) Mend(host string) error {
	l, ok := w.links[host]
	if !ok {
		return fmt.Errorf("there is no host %q in this world", host)
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

func (w *World) note(name, detail string) {
	w.Timeline.Add(timeline.Event{Kind: timeline.KindWorld, Actor: "suite", Name: name, Detail: detail})
}
