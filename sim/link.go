package sim

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"time"
)

// LinkConfig is how a link treats packets, in both directions. The zero value is a perfect link
// without delay.
type LinkConfig struct {
	Delay  time.Duration // one way
	Jitter time.Duration // added to Delay, uniformly from none to this; packets stay in order
	Loss   float64       // the part of packets that are lost, 0 to 1
}

// node is what a link ends at.
type node interface {
	label() string
	// arrive takes a packet from a link; it reports whether a goroutine may have woken.
	arrive(now time.Duration, p *Packet, in *nic) (woke bool)
	// attached is told of its new network card, and of the addresses at the other end.
	attached(c *nic, beyond []netip.Prefix)
	prefixes() []netip.Prefix
}

// nic is one end of a link: what its node sends goes to the peer.
type nic struct {
	node node
	peer *nic
	net  *Network

	config LinkConfig // of the direction from here
	rand   *rand.Rand
	last   time.Duration // arrival of the packet before
}

// Link joins two nodes.
type Link struct{ a, b *nic }

// Connect joins two nodes by a link of their own.
func (n *Network) Connect(a, b Node, c LinkConfig) *Link {
	l := &Link{a: &nic{node: a, net: n, config: c}, b: &nic{node: b, net: n, config: c}}
	l.a.peer, l.b.peer = l.b, l.a
	l.a.rand = n.rand(fmt.Sprintf("link %s > %s", a.label(), b.label()))
	l.b.rand = n.rand(fmt.Sprintf("link %s > %s", b.label(), a.label()))
	a.attached(l.a, b.prefixes())
	b.attached(l.b, a.prefixes())
	return l
}

// Node is a *Host, a *Router or a *Port.
type Node interface{ node }

// Set changes how the link treats packets from now on, also while the network runs.
func (l *Link) Set(c LinkConfig) {
	l.a.net.Do(func() { l.a.config, l.b.config = c, c })
}

// rand is a random source of its own for whatever is named, so that a draw in one place never shifts
// the draws in another.
func (n *Network) rand(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(n.seed, h.Sum64()))
}

// send puts a packet on the link.
func (c *nic) send(now time.Duration, p *Packet) {
	if c.config.Loss > 0 && c.rand.Float64() < c.config.Loss {
		return
	}
	at := now + c.config.Delay
	if c.config.Jitter > 0 {
		at += time.Duration(c.rand.Int64N(int64(c.config.Jitter) + 1))
	}
	c.last = max(c.last, at)
	c.net.plan(event{at: c.last, packet: p, nic: c.peer})
}
