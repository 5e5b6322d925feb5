package sim

import "time"

// event is something that will happen: a packet reaches the far end of a link, or a socket's timer
// comes due.
type event struct {
	at  time.Duration
	seq uint64 // order among events of one instant: the order in which they were planned

	packet *Packet // arrives ...
	nic    *nic    // ... here; nil: at the host itself (loopback)
	host   *Host   // loopback's
	timer  ticker  // or: this is due
}

// ticker is a socket with a timer.
type ticker interface {
	// tick runs the timer; it reports whether a goroutine may have woken.
	tick(now time.Duration) (woke bool)
}

// queue is a heap of events with four children a node, held by value: half the depth of a binary
// heap, and no allocation an event.
type queue []event

func (q queue) less(i, j int) bool {
	if q[i].at != q[j].at {
		return q[i].at < q[j].at
	}
	return q[i].seq < q[j].seq
}

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
	for i := 0; ; {
		least := i
		for child := 4*i + 1; child <= 4*i+4 && child < len(h); child++ {
			if h.less(child, least) {
				least = child
			}
		}
		if least == i {
			return first
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}
