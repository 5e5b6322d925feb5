package crowd

import (
	"fmt"
	"net/netip"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/nat"
)

// office is an enterprise: its users are behind a firewall that lets out what the fleet's whitelist says, and share one
// address on the internet.
type office struct {
	wall  *sim.Router
	hosts []*sim.Host
}

// newOffice builds the n-th enterprise, with the hosts of users from first to last.
func (f *fleet) newOffice(n, first, last int) (*office, error) {
	name := fmt.Sprintf("firewall-%d", n+1)
	o := &office{wall: f.net.Router(name)}
	uplink := f.net.Connect(o.wall, f.core, sim.LinkConfig{Delay: uplinkDelay})
	o.wall.Route(netip.MustParsePrefix("0.0.0.0/0"), uplink)
	outside := nth(natBlock, n+1)
	f.core.Route(netip.PrefixFrom(outside, 32), uplink)
	var inside []*sim.Link
	for i := first; i < last; i++ {
		h := f.net.Host(fmt.Sprintf("user-%d", i+1), nth(userBlock, i+1))
		inside = append(inside, f.net.Connect(h, o.wall, sim.LinkConfig{Delay: lanDelay}))
		o.hosts = append(o.hosts, h)
	}
	wall, err := firewall.New(f.whitelist(), firewall.Timeouts{})
	if err != nil {
		return nil, err
	}
	table, err := nat.New(nat.Config{Outside: []netip.Addr{outside}})
	if err != nil {
		return nil, err
	}
	o.wall.Guard(wall, inside...)
	o.wall.Translate(table)
	return o, nil
}

// whitelist is the rows of the document's table for this fleet.
func (f *fleet) whitelist() firewall.Policy {
	addresses := func(block netip.Addr, n int) (all []netip.Prefix) {
		for i := range n {
			all = append(all, netip.PrefixFrom(nth(block, i+1), 32))
		}
		return all
	}
	clients := []netip.Prefix{netip.PrefixFrom(userBlock, 8)}
	relays := addresses(relayBlock, f.plan.Relays)
	return firewall.Policy{ID: "fleet", Rules: []firewall.Rule{
		{ID: "relays, TCP", Proto: firewall.TCP, Sources: clients, Destinations: relays, Action: firewall.Allow,
			Ports: []firewall.PortRange{firewall.Port(443), firewall.Port(4000), {First: 3433, Last: 3460}}},
		{ID: "relays, UDP", Proto: firewall.UDP, Sources: clients, Destinations: relays, Action: firewall.Allow,
			Ports: []firewall.PortRange{{First: 3478, Last: 3500}}},
		{ID: "edges", Proto: firewall.TCP, Sources: clients, Destinations: addresses(edgeBlock, edges), Action: firewall.Allow,
			Ports: []firewall.PortRange{firewall.Port(443)}},
	}}
}
