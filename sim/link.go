package sim

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"time"
)

// LinkConfig is how a link treats the packets that go one way. The zero value is a perfect link without
// delay. A chance is from 0 to 1.
type LinkConfig struct {
	Delay  time.Duration // one way
	Jitter time.Duration // added to Delay, uniformly from none to this
	// Reorder lets jitter change the order of packets. Without it those of one socket stay in order.
	Reorder bool

	Loss      float64 // chance that a packet is lost
	Burst     Burst   // losses in bursts, besides
	Duplicate float64 // chance that a packet arrives twice
	Damage    float64 // chance that a bit flips: the receiver finds the checksum wrong and drops the packet

	Rate  int64 // bits of IP packets a second; 0: without end
	Queue int   // bytes that wait for a limited rate before more are dropped; default 64 KiB

	Down bool // nothing passes
	Hold bool // packets wait at the beginning of the link until Hold is taken back
}

// Burst is the channel of Gilbert and Elliott: it is good or bad, and each packet may turn it. While it is
// good, LinkConfig.Loss applies.
type Burst struct {
	Enter float64 // chance that a packet finds the channel turned bad; 0: it stays good
	Leave float64 // chance that a packet finds it good again
	Loss  float64 // chance that a packet is lost while it is bad; default 1
}

const defaultQueue = 64 << 10

// node is what a link ends at.
type node interface {
	label() string
	// arrive takes a packet from a link; it reports whether a goroutine may have woken.
	arrive(now time.Duration, p *Packet, in *nic) (woke bool)
	// attached is told of its new network card, and of the addresses at the other end.
	attached(c *nic, beyond []netip.Prefix)
	prefixes() []netip.Prefix
	network() *Network
	// watch has f called for what the node sees; f may keep nothing of it.
	watch(f func(*Sighting))
}

// nic is one end of a link: what its node sends goes to the peer.
type nic struct {
	node   node
	peer   *nic
	net    *Network
	plain  bool // config has a delay and a loss at most: a packet's fate depends on no other packet
	lossy  bool // config has a loss
	direct bool // to a router
	inside bool // of a router: on the inner side of its firewall and NAT
	count  LinkCount

	config LinkConfig // of the direction from here
	salt   uint64     // of the draws

	free time.Duration            // a limited rate: when the line is free
	bad  bool                     // the state of Burst
	last map[uint64]time.Duration // jitter: arrival of the packet before, of each flow
	held []*Packet

	script *playing // under way
}

// LinkCount is what became of the packets that were sent one way over a link.
type LinkCount struct {
	Sent       uint64 // put on the link, lost ones included
	Lost       uint64 // by chance, or because the link was down
	Overflowed uint64 // dropped, because the queue of a limited rate was full
	Duplicated uint64
	Damaged    uint64
}

// Link joins two nodes.
type Link struct{ a, b *nic }

// Node is a *Host, a *Router or a *Port.
type Node interface {
	node
	Tap(f func(Sighting))
}

// Connect joins two nodes by a link of their own, which is the same in both directions. A host has one link, and sends
// everything over it. It panics on a configuration that can't be, and on a neighbour with an address that another one has.
func (n *Network) Connect(a, b Node, c LinkConfig) *Link {
	switch {
	case none(a) || none(b):
		panic("sim: a link needs a node at each end, and there is none at one of these")
	case a == b:
		panic(fmt.Sprintf("sim: a link of %s with itself", a.label()))
	case a.network() != n || b.network() != n:
		panic(fmt.Sprintf("sim: %s and %s are not both of the network that connects them", a.label(), b.label()))
	}
	l := &Link{a: &nic{node: a, net: n}, b: &nic{node: b, net: n}}
	l.a.peer, l.b.peer = l.b, l.a
	_, l.a.direct = b.(*Router)
	_, l.b.direct = a.(*Router)
	n.links++
	l.a.salt = n.salt(fmt.Sprintf("link %d %s > %s", n.links, a.label(), b.label()))
	l.b.salt = n.salt(fmt.Sprintf("link %d %s > %s", n.links, b.label(), a.label()))
	if err := c.check(); err != nil {
		panic(fmt.Sprintf("sim: link of %s and %s: %v", a.label(), b.label(), err))
	}
	l.a.configure(c)
	l.b.configure(c)
	a.attached(l.a, b.prefixes())
	b.attached(l.b, a.prefixes())
	return l
}

// none tells whether there is no node: nil, or a nil pointer of its kind.
func none(a Node) bool {
	switch n := a.(type) {
	case *Host:
		return n == nil
	case *Router:
		return n == nil
	case *Port:
		return n == nil
	}
	return true
}

// Set changes how the link treats packets from now on, in both directions, also while the network runs.
// What is on its way stays so. It panics on a configuration that can't be.
func (l *Link) Set(c LinkConfig) {
	l.change(c, l.a, l.b)
}

// SetFrom is Set for the packets that one end sends.
func (l *Link) SetFrom(from Node, c LinkConfig) {
	l.change(c, l.from(from))
}

func (l *Link) change(c LinkConfig, ends ...*nic) {
	if err := c.check(); err != nil {
		panic(fmt.Sprintf("sim: link of %s and %s: %v", l.a.node.label(), l.b.node.label(), err))
	}
	l.a.net.Do(func() {
		for _, end := range ends {
			end.script = nil
			end.configure(c)
		}
	})
}

// Config is how the link treats the packets that one end sends.
func (l *Link) Config(from Node) (c LinkConfig) {
	l.a.net.Do(func() { c = l.from(from).config })
	return c
}

// Count is what became of the packets that one end sent.
func (l *Link) Count(from Node) (c LinkCount) {
	l.a.net.Do(func() { c = l.from(from).count })
	return c
}

func (l *Link) from(end Node) *nic {
	if none(end) {
		panic(fmt.Sprintf("sim: nil is no end of the link of %s and %s", l.a.node.label(), l.b.node.label()))
	}
	switch node(end) {
	case l.a.node:
		return l.a
	case l.b.node:
		return l.b
	}
	panic(fmt.Sprintf("sim: %s is no end of the link of %s and %s", end.label(), l.a.node.label(), l.b.node.label()))
}

// check finds what no link can be.
func (c *LinkConfig) check() error {
	for _, part := range []struct {
		name  string
		value float64
	}{
		{"loss", c.Loss}, {"duplication", c.Duplicate}, {"damage", c.Damage},
		{"entering a burst", c.Burst.Enter}, {"leaving a burst", c.Burst.Leave}, {"loss in a burst", c.Burst.Loss},
	} {
		if !(part.value >= 0 && part.value <= 1) {
			return fmt.Errorf("the chance of %s is %v, not from 0 to 1", part.name, part.value)
		}
	}
	switch {
	case c.Delay < 0 || c.Jitter < 0:
		return fmt.Errorf("a delay of %v and a jitter of %v: neither can be less than none", c.Delay, c.Jitter)
	case c.Rate < 0 || c.Queue < 0:
		return fmt.Errorf("a rate of %d bits a second and a queue of %d bytes: neither can be less than none", c.Rate, c.Queue)
	}
	return nil
}

// configure takes a configuration that was checked. Only the loop calls it, or nobody else runs.
func (c *nic) configure(to LinkConfig) {
	if to.Burst.Enter > 0 && to.Burst.Loss == 0 {
		to.Burst.Loss = 1
	}
	if to.Queue == 0 {
		to.Queue = defaultQueue
	}
	was := c.config
	c.config = to
	c.plain = to.Jitter == 0 && to.Duplicate == 0 && to.Damage == 0 && to.Rate == 0 && to.Burst.Enter == 0 && !to.Down && !to.Hold
	c.lossy = to.Loss > 0
	if to.Burst.Enter == 0 {
		c.bad = false
	}
	if was.Hold && !to.Hold {
		held := c.held
		c.held = nil
		c.net.books.UnderWay -= uint64(len(held))
		for _, p := range held {
			c.send(c.net.now(), p)
		}
	}
}

// salt is a number of its own for whatever is named, so that a draw in one place never shifts the draws in
// another.
func (n *Network) salt(name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return mix(n.seed ^ mix(h.Sum64()))
}
