package sim

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// Serve moves packets until ctx ends, and then returns nil. Before it is called nothing moves; once it has returned
// nothing moves any more: deadlines pass as on a dead network, who has none waits for ever, and who connects over TCP, as
// nobody is left to give that up, is told that the network is down. A network serves once; a second Serve is an error. One
// that nobody serves, although a socket has had something to send for a minute, panics.
func (n *Network) Serve(ctx context.Context) error {
	if !n.begin() {
		return errors.New("sim: this network serves already, or has served: make another one")
	}
	defer n.end()
	var alarm alarm
	defer alarm.stop()
	for ctx.Err() == nil {
		if n.settle != nil {
			n.settle()
		}
		if n.flush() {
			continue
		}
		if n.step() {
			continue
		}
		if !n.sleep() {
			continue
		}
		if n.events.len() > 0 {
			alarm.set(n.events.first().at, n.now())
		} else {
			alarm.stop() // without an event no timer may run: virtual time would jump to it
		}
		select {
		case <-n.poke:
		case <-alarm.rings():
			alarm.running = false
			n.awake()
		case <-ctx.Done():
			n.awake()
		}
	}
	return nil
}

// alarm is the loop's timer. It is never moved before it has rung: the runtime goes through all timers there are for each
// one that was, which in a network of 10,000 users are ten times as many.
type alarm struct {
	timer   *time.Timer // nil: there is none that can be set anew
	running bool
	at      time.Duration
}

func (a *alarm) set(at, now time.Duration) {
	if a.running && a.at == at {
		return
	}
	a.stop()
	if a.timer == nil {
		a.timer = time.NewTimer(at - now)
	} else {
		a.timer.Reset(at - now)
	}
	a.running, a.at = true, at
}

func (a *alarm) stop() {
	if a.running {
		a.timer.Stop()
		a.timer, a.running = nil, false
	}
}

// rings is where the alarm rings; nil blocks.
func (a *alarm) rings() <-chan time.Time {
	if !a.running {
		return nil
	}
	return a.timer.C
}

func (n *Network) begin() (first bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	first, n.serving = !n.serving, true
	if n.unserved != nil {
		n.unserved.Stop()
	}
	return first
}

// flush takes what sockets have sent, in the order of the sockets: the order in which goroutines
// happened to run must not show.
func (n *Network) flush() (woke bool) {
	n.mu.Lock()
	ready := n.ready
	n.ready, n.spare = n.spare, nil
	n.mu.Unlock()
	slices.SortFunc(ready, func(a, b source) int { return cmp.Compare(a.order(), b.order()) })
	now := n.now()
	for n.events.len() > 0 && n.events.first().at <= now && n.events.first().flow == 0 {
		n.happen(n.events.pop()) // links change before the packets of the same instant
	}
	for _, s := range ready {
		if s.flush(now) {
			woke = true
		}
	}
	clear(ready)
	n.spare = ready[:0]
	return woke
}

// step lets due events happen. Where the network settles, it stops at one that may have woken a goroutine, which must
// then run before the next, unless it was the handlers' and the next is for them, too. It reports whether anything
// happened.
func (n *Network) step() bool {
	now, happened := n.now(), false
	for n.events.len() > 0 && n.events.first().at <= now {
		happened = true
		e := n.events.pop()
		n.done = event{at: e.at, flow: e.flow, number: e.number}
		if n.happen(e) && n.settle != nil && !n.joined(&e) {
			return true
		}
	}
	n.done = event{at: now, flow: 1<<64 - 1, number: 1<<64 - 1}
	return happened
}

// joined tells whether the handlers can be left alone after an event, until they have had the next one.
func (n *Network) joined(e *event) bool {
	return n.together && e.handled() && n.events.len() > 0 && n.events.first().handled()
}

func (n *Network) happen(e event) (woke bool) {
	if e.timer != nil {
		return e.timer.tick(e.at)
	}
	if e.socket != nil {
		if woke, open := e.socket.arrive(e.packet); open {
			n.books.Arrived++
			return woke
		}
	}
	return e.nic.node.arrive(e.at, e.packet, e.nic)
}

// sleep announces that the loop will wait for a poke; false when a socket came first.
func (n *Network) sleep() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asleep = len(n.ready) == 0
	return n.asleep
}

// awake takes the announcement back, and a poke that came meanwhile.
func (n *Network) awake() {
	n.mu.Lock()
	poked := !n.asleep
	n.asleep = false
	n.mu.Unlock()
	if poked {
		<-n.poke
	}
}
