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

// taps are called for what a node sees.
type taps []func(Sighting)

func (t taps) see(s *Sighting) {
	for _, f := range t {
		f(*s)
	}
}
