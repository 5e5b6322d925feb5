package sim

import "time"

// event is something that will happen: a packet reaches the far end of a link, or a timer comes due.
type event struct {
	at time.Duration
	// The order among events of one instant: by who sent the packet, and how many it had sent. It depends on
	// nothing that other senders do.
	flow, number uint64

	packet *Packet // arrives ...
	nic    *nic    // ... here
	timer  ticker  // or: this is due
}

// ticker is whoever has a timer.
type ticker interface {
	// tick runs the timer; it reports whether a goroutine may have woken.
	tick(now time.Duration) (woke bool)
}

// queue is a heap of events with four children a node, held by value: half the depth of a binary
// heap, and no allocation an event.
type queue []event

func (e *event) before(f *event) bool {
	if e.at != f.at {
		return e.at < f.at
	}
	if e.flow != f.flow {
		return e.flow < f.flow
	}
	return e.number < f.number
}

func (q queue) less(i, j int) bool { return q[i].before(&q[j]) }

func (q *queue) push(e event) {
	*q = append(*q, e)
	h := *q
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 4
		if !h.less(i, parent) {
			return
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

func (q *queue) pop() event {
	h := *q
	first, last := h[0], len(h)-1
	h[0] = h[last]
	h[last] = event{}
	h = h[:last]
	*q = h
	h.down(0)
	return first
}

// down moves an event towards the leaves, to its place.
func (q queue) down(i int) {
	for {
		least := i
		for child := 4*i + 1; child <= 4*i+4 && child < len(q); child++ {
			if q.less(child, least) {
				least = child
			}
		}
		if least == i {
			return
		}
		q[i], q[least] = q[least], q[i]
		i = least
	}
}

// order makes a heap of events that were changed.
func (q queue) order() {
	for i := len(q) - 1; i >= 0; i-- {
		q.down(i)
	}
}
