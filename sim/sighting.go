package sim

import (
	"time"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// Sighting is a packet that a router or host saw.
type Sighting struct {
	At     time.Duration // since the network began
	Node   string        // who saw it
	Inside bool          // at a firewall: on the inner side
	Out    bool          // it left the node; otherwise it arrived
	Packet *Packet
	// Verdict is the firewall's. At a node without one, it is the zero value and Judged is false.
	Verdict firewall.Verdict
	Judged  bool
}
