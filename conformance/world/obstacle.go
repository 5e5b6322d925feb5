package world

import (
	"net/netip"
	"time"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/nat"
)

// SetTimeouts changes how long the office's firewall remembers flows without packets. It forgets those that it
// has.
func (w *World) SetTimeouts(t firewall.Timeouts) (err error) {
	w.net.Do(func() { err = w.office.install(&w.cfg, t, w.Policy()) })
	return err
}

// SetRoundTrip makes the office's way to the internet so long that from alice to a relay and back takes this
// time, and so bad that it loses a part of the packets, 0 to 1, each way.
func (w *World) SetRoundTrip(d time.Duration, loss float64) error {
	const others = 2 * (lanDelay + internetDelay)
	if d < others {
		return result.Mistake("a round trip of %v isn't possible: the other links alone take %v", d, others)
	}
	if loss > 1 {
		return result.Mistake("more than 100 %% of the packets can't be lost")
	}
	w.uplink.Set(sim.LinkConfig{Delay: (d - others) / 2, Loss: loss})
	return nil
}

// SetNAT puts the office behind a NAT.
func (w *World) SetNAT(mapping, filtering nat.Behavior) error {
	w.nat = nat.Config{Outside: []netip.Addr{OfficeNAT}, Mapping: mapping, Filtering: filtering, NewPorts: true, FirstPort: 20000, LastPort: 20999}
	w.names[OfficeNAT] = "office-nat"
	return w.translate()
}

// RebindNAT has the NAT that the office is behind begin anew with other ports, so that those outside see everyone inside
// come from elsewhere.
func (w *World) RebindNAT() error {
	if w.nat.Outside == nil {
		return result.Mistake("the office is behind no NAT: a step before this one must put it there")
	}
	w.nat.FirstPort, w.nat.LastPort = w.nat.FirstPort+1000, w.nat.LastPort+1000
	w.note(EventRebound, wallPlace.Name)
	return w.translate()
}

func (w *World) translate() error {
	n, err := nat.New(w.nat)
	if err != nil {
		return err
	}
	w.net.Do(func() { w.wall.Translate(n, w.inside...) })
	return nil
}
