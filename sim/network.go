package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"
)

// Config is what a Network begins with. The zero value works in real time.
type Config struct {
	// Seed decides every random draw: loss, jitter, sequence numbers.
	Seed uint64
	// Settle returns once every goroutine that uses the network is blocked. In a bubble of
	// testing/synctest it is synctest.Wait, which only the loop may call: in one bubble there can be one
	// network at a time. Nil, for real time, doesn't wait: then the order of packets is the scheduler's, in
	// a bubble too, and two runs differ.
	Settle func()
	// Together has packets of one instant arrive together where they are for sockets with a handler (see UDPHandler):
	// Settle is called once for all of them, which is most of what a packet costs where many move at a time. But
	// goroutines that a handler wakes then run beside the handlers after it, in the scheduler's order.
	Together bool
}

// Network is a set of hosts and routers and the loop that moves packets between them.
type Network struct {
	seed     uint64
	settle   func() // nil: it doesn't
	together bool
	start    time.Time

	names                        map[string]bool // of all nodes
	hosts, routers, ports, links uint64

	// Owned by the loop.
	events  queue
	done    event // the last that has happened, as far as its order
	version uint64
	paths   []*path // of this version
	carried uint64  // packets that took one
	books   Books   // UnderWay: those that links hold
	slowly  bool    // no paths: for a test that compares

	handlers handlers

	mu       sync.Mutex
	ready    []source // sockets with something to send
	spare    []source // of the loop: memory for ready
	asleep   bool
	serving  bool
	unserved *time.Timer // since a socket has had something to send
	poke     chan struct{}
	over     context.Context // ends when Serve has returned
	end      context.CancelFunc
}

// source is a socket that has something for the loop.
type source interface {
	// order is a number of its own, the same in every run of one program and seed.
	order() uint64
	// flush sends what the application has written; it reports whether a goroutine may have woken.
	flush(now time.Duration) (woke bool)
}

// New makes an empty network. Its clock starts now.
func New(c Config) *Network {
	over, end := context.WithCancel(context.Background())
	return &Network{
		seed:     c.Seed,
		settle:   c.Settle,
		together: c.Together,
		start:    time.Now(),
		names:    map[string]bool{},
		poke:     make(chan struct{}, 1),
		over:     over,
		end:      end,
	}
}

// Do runs f on the loop, between two events, and waits for it: the way to change a firewall or a link
// while the network runs. f must not wait for the network. Before Serve is called, and once it has
// returned, f just runs.
func (n *Network) Do(f func()) {
	n.mu.Lock()
	serving := n.serving
	n.mu.Unlock()
	if !serving {
		f()
		return
	}
	c := &change{net: n, do: f, done: make(chan struct{})}
	n.mark(c)
	select {
	case <-c.done:
	case <-n.over.Done():
		select {
		case <-c.done: // by the loop's last turn
		default:
			f()
		}
	}
}

// change is a source that changes the network itself, before any socket sends.
type change struct {
	net  *Network
	do   func()
	done chan struct{}
}

func (c *change) order() uint64 { return 0 }

func (c *change) flush(time.Duration) bool {
	c.net.leavePaths()
	c.do()
	close(c.done)
	return true
}

// now is the network's clock.
func (n *Network) now() time.Duration { return time.Since(n.start) }

// Host makes a host with the given addresses, one at least. The name is a label, unique in the network, and nothing that
// resolves: for that there is Host.ResolveWith. An address is unique among the neighbours of a router: behind
// two NATs there may be the same ones. What can't be is a mistake of the program, and panics.
func (n *Network) Host(name string, addrs ...netip.Addr) *Host {
	n.claim(name)
	if len(addrs) == 0 {
		panic(fmt.Sprintf("sim: host %s has no address", name))
	}
	for _, a := range addrs {
		if !a.IsValid() || a.Is4In6() || a.Zone() != "" || a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() {
			panic(fmt.Sprintf("sim: host %s: %v is no address of a host", name, a))
		}
	}
	n.hosts++
	return newHost(n, name, addrs, n.hosts)
}

// Router makes a router without routes. Connecting a host to it adds a route to each of the host's
// addresses; everything else is the caller's to Route.
func (n *Network) Router(name string) *Router {
	n.claim(name)
	n.routers++
	return &Router{net: n, name: name, number: routerNumbers | n.routers, routes: map[netip.Addr]*nic{}}
}

func (n *Network) claim(name string) {
	if n.names == nil {
		panic("sim: a Network is made by New")
	}
	if name == "" {
		panic("sim: a host, router or port needs a name")
	}
	if n.names[name] {
		panic(fmt.Sprintf("sim: there is a %s already", name))
	}
	n.names[name] = true
}

// Numbers of senders. A host's sockets have its own number in the upper half; the timer of one comes after
// its packets.
const (
	routerNumbers = 1 << 62
	portNumbers   = 1 << 63
	timerNumber   = 1<<64 - 1
)

// plan puts an event on the queue. Only the loop calls it.
func (n *Network) plan(e event) { n.events.push(e) }

// mark tells the loop that a socket has something to send. The socket sees to it that it is marked
// once.
func (n *Network) mark(s source) {
	n.mu.Lock()
	n.ready = append(n.ready, s)
	if !n.serving && n.unserved == nil {
		n.unserved = expectServe()
	}
	wake := n.asleep
	n.asleep = false
	n.mu.Unlock()
	if wake {
		n.poke <- struct{}{}
	}
}

// servedWithin is how long a network may be without Serve when a socket of it has something to send.
const servedWithin = time.Minute

// expectServe ends a program that has forgotten Serve: it would wait for ever, or in a bubble be told of a deadlock and
// of nothing else. It names the caller who sends first.
func expectServe() *time.Timer {
	sender := debug.Stack()
	return time.AfterFunc(servedWithin, func() {
		panic(fmt.Sprintf("sim: for %v nobody has called Serve of a network (go network.Serve(ctx)), and what is sent here waits for it:\n%s", servedWithin, sender))
	})
}

// rand is a random source of its own for whatever is named.
func (n *Network) rand(name string) *rand.Rand {
	return rand.New(rand.NewPCG(n.seed, n.salt(name)))
}
