package sim

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/nat"
)

// Router forwards packets by destination. With a firewall it judges each packet first.
type Router struct {
	net    *Network
	name   string
	number uint64
	sent   uint64 // answers of its own

	addrs  []netip.Addr // of the router itself: the source of what it answers
	routes map[netip.Addr]*nic
	ways   []route
	nics   []*nic

	wall firewall.Judge
	nat  *nat.NAT
	taps *taps // nil: nobody watches
}

type route struct {
	prefix netip.Prefix
	via    *nic
}

// Route sends packets for a prefix to the node at the other end of one of the router's links. The longest prefix wins,
// and of two equal ones the first.
func (r *Router) Route(p netip.Prefix, via *Link) {
	if !p.IsValid() {
		panic(fmt.Sprintf("sim: router %s has a route for %v", r.name, p))
	}
	r.ways = append(r.ways, route{p, r.end(via, "a route")})
}

// end is the router's own end of a link.
func (r *Router) end(l *Link, of string) *nic {
	for _, end := range []*nic{l.a, l.b} {
		if end.node == node(r) {
			return end
		}
	}
	panic(fmt.Sprintf("sim: %s of router %s by the link of %s and %s, which is not its own", of, r.name, l.a.node.label(), l.b.node.label()))
}

// SetAddr gives the router addresses of its own, one of each family at most and none a neighbour's, from which it answers what it
// can't or may not forward. A packet to one of them it answers as a host without sockets does. Its firewall doesn't judge
// what comes from the inside for the router itself, which doesn't cross it.
func (r *Router) SetAddr(addrs ...netip.Addr) {
	if len(addrs) > 2 || len(addrs) == 2 && addrs[0].Is4() == addrs[1].Is4() {
		panic(fmt.Sprintf("sim: router %s has one address of each family at most, not %v", r.name, addrs))
	}
	for _, a := range addrs {
		if c := r.routes[a]; c != nil {
			panic(fmt.Sprintf("sim: router %s has the address %v, as %s has", r.name, a, c.peer.node.label()))
		}
	}
	r.addrs = addrs
}

// owns tells whether packets to an address are for the router itself. One that is its NAT's, too, is the NAT's.
func (r *Router) owns(a netip.Addr) bool {
	return slices.Contains(r.addrs, a) && (r.nat == nil || !r.nat.Owns(a))
}

// Guard puts a firewall into the router. Links named here are the inside; a packet from one of them
// to another link is outbound.
func (r *Router) Guard(wall firewall.Judge, inside ...*Link) {
	r.wall = wall
	r.within("a firewall", inside)
}

// Translate puts a NAT into the router, with the same inside as the firewall's if there is one. The
// routers beyond it need a Route to the NAT's outside addresses. What it ends, for want of a port say, has in a Sighting
// a verdict whose rule is "nat: " and the nat.Outcome.
func (r *Router) Translate(n *nat.NAT, inside ...*Link) {
	r.nat = n
	r.within("a NAT", inside)
}

func (r *Router) within(what string, links []*Link) {
	for _, l := range links {
		r.end(l, what).inside = true
	}
	if !slices.ContainsFunc(r.nics, func(c *nic) bool { return c.inside }) {
		panic(fmt.Sprintf("sim: %s in router %s needs a link that is its inside", what, r.name))
	}
}

// Tap has f called for every packet that arrives at the router and for every one that leaves it, on
// the loop's goroutine: f must not wait for the network, nor change more of it than this router's firewall.
func (r *Router) Tap(f func(Sighting)) { r.watch(lent(f)) }

func (r *Router) watch(f func(*Sighting)) { r.taps = r.taps.with(f) }

func (r *Router) label() string            { return r.name }
func (r *Router) network() *Network        { return r.net }
func (r *Router) prefixes() []netip.Prefix { return nil }

func (r *Router) attached(c *nic, beyond []netip.Prefix) {
	r.nics = append(r.nics, c)
	for _, p := range beyond {
		if p.IsSingleIP() {
			if other := r.routes[p.Addr()]; other != nil {
				panic(fmt.Sprintf("sim: %s has the address %v, as %s has, at router %s", c.peer.node.label(), p.Addr(), other.peer.node.label(), r.name))
			}
			if slices.Contains(r.addrs, p.Addr()) {
				panic(fmt.Sprintf("sim: %s has the address %v, as router %s has", c.peer.node.label(), p.Addr(), r.name))
			}
			r.routes[p.Addr()] = c
		} else {
			r.ways = append(r.ways, route{p, c})
		}
	}
}

func (r *Router) route(dst netip.Addr) *nic {
	if c := r.routes[dst]; c != nil {
		return c
	}
	var best *nic
	bits := -1
	for _, route := range r.ways {
		if route.prefix.Bits() > bits && route.prefix.Contains(dst) {
			best, bits = route.via, route.prefix.Bits()
		}
	}
	return best
}
