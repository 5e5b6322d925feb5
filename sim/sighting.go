package sim

import (
	"time"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// Sighting is a packet that a router or host saw.
type Sighting struct {
	At     time.Duration // since the network began
	Node   string        // who saw it
	Router bool          // that is a router
	Inside bool          // at a firewall or NAT: on the inner side
	Out    bool          // it left the node; otherwise it arrived
	Packet *Packet
	// Verdict is the firewall's. At a node without one, it is the zero value and Judged is false.
	Verdict firewall.Verdict
	Judged  bool
}

// taps are called for what a node sees. They may keep nothing of it.
type taps struct {
	all  []func(*Sighting)
	last Sighting // memory for the one that they are shown
}

// with are the taps and another one; t may be nil.
func (t *taps) with(f func(*Sighting)) *taps {
	if t == nil {
		t = &taps{}
	}
	t.all = append(t.all, f)
	return t
}

// lent is a tap that calls f with a sighting to keep.
func lent(f func(Sighting)) func(*Sighting) { return func(s *Sighting) { f(*s) } }

func (t *taps) see(s Sighting) {
	t.last = s
	t.show(&t.last)
}

func (t *taps) show(s *Sighting) {
	for _, f := range t.all {
		f(s)
	}
}
