package sim

import "time"

// event is something that will happen: a packet reaches the far end of a link, or a timer comes due.
type event struct {
	at time.Duration
	// The order among events of one instant: by who sent the packet, and how many it had sent. It depends on
	// nothing that other senders do.
	flow, number uint64

	packet *Packet    // arrives ...
	nic    *nic       // ... here ...
	socket *udpSocket // ... and for this one; nil: its host looks for one
	timer  ticker     // or: this is due
}

// ticker is whoever has a timer.
type ticker interface {
	// tick runs the timer; it reports whether a goroutine may have woken.
	tick(now time.Duration) (woke bool)
}

// handled tells whether the packet is for a socket with a handler.
func (e *event) handled() bool {
	if e.socket == nil {
		return false
	}
	e.socket.mu.Lock()
	defer e.socket.mu.Unlock()
	return e.socket.handle != nil && !e.socket.closed
}

func (e *event) before(f *event) bool {
	if e.at != f.at {
		return e.at < f.at
	}
	if e.flow != f.flow {
		return e.flow < f.flow
	}
	return e.number < f.number
}

// queue is the events to come. Packets mostly arrive in the order in which they left, link by link: those wait in
// a few lanes, each in order, where they come and go at once. The others are in a heap, and so are timers, which may be
// due in hours.
type queue struct {
	lanes [3]lane
	heap  heap
	size  int
	next  int // the lane whose head is first; behind the last: the heap
}

func (q *queue) len() int { return q.size }

// first is the event that comes next, of a queue that has any.
func (q *queue) first() *event { return q.head(q.next) }

// head is the first event of a lane, or of the heap; nil if there is none.
func (q *queue) head(i int) *event {
	if i < len(q.lanes) {
		return q.lanes[i].first()
	}
	return q.heap.first()
}

func (q *queue) push(e event) {
	to := 0
	for to < len(q.lanes) && (e.packet == nil || !q.lanes[to].push(e)) {
		to++
	}
	if to == len(q.lanes) {
		q.heap.push(e)
	}
	if q.size == 0 || to != q.next && e.before(q.first()) {
		q.next = to
	}
	q.size++
}

func (q *queue) pop() (e event) {
	if q.next < len(q.lanes) {
		e = q.lanes[q.next].pop()
	} else {
		e = q.heap.pop()
	}
	q.size--
	var first *event
	for i := range len(q.lanes) + 1 {
		if head := q.head(i); head != nil && (first == nil || head.before(first)) {
			first, q.next = head, i
		}
	}
	return e
}

// each calls f for every event, in no order.
func (q *queue) each(f func(*event)) {
	for i := range q.lanes {
		l := &q.lanes[i]
		for j := l.gone; j < len(l.events); j++ {
			f(&l.events[j])
		}
	}
	for i := range q.heap {
		f(&q.heap[i])
	}
}

// order puts events that were changed where they belong.
func (q *queue) order() {
	old := *q
	*q = queue{}
	old.each(func(e *event) { q.push(*e) })
}

// lane is events in their order.
type lane struct {
	events []event
	gone   int // so many at the beginning have happened
}

func (l *lane) first() *event {
	if l.gone == len(l.events) {
		return nil
	}
	return &l.events[l.gone]
}

// push appends an event; false if that isn't its place.
func (l *lane) push(e event) bool {
	n := len(l.events)
	if n > 0 && e.before(&l.events[n-1]) {
		return false
	}
	if n == cap(l.events) && l.gone > n/2 { // a lane that is never empty
		clear(l.events[copy(l.events, l.events[l.gone:]):])
		l.events, l.gone = l.events[:n-l.gone], 0
	}
	l.events = append(l.events, e)
	return true
}

func (l *lane) pop() event {
	e := l.events[l.gone]
	l.events[l.gone] = event{} // its packet is used again
	if l.gone++; l.gone == len(l.events) {
		l.events, l.gone = l.events[:0], 0
	}
	return e
}

// heap has four children a node, and its events by value: half the depth of a binary heap, and no allocation an event.
type heap []event

func (h heap) first() *event {
	if len(h) == 0 {
		return nil
	}
	return &h[0]
}

func (h *heap) push(e event) {
	*h = append(*h, event{})
	q := *h
	i := len(q) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(&q[parent]) {
			break
		}
		q[i] = q[parent]
		i = parent
	}
	q[i] = e
}

func (h *heap) pop() event {
	q := *h
	first, last := q[0], len(q)-1
	e := q[last]
	q[last] = event{}
	*h = q[:last]
	if last > 0 {
		q[:last].sink(e)
	}
	return first
}

// sink brings an event from the top, where there is none, to its place.
func (h heap) sink(e event) {
	i := 0
	for {
		least := 4*i + 1
		if least >= len(h) {
			break
		}
		for child := least + 1; child <= 4*i+4 && child < len(h); child++ {
			if h[child].before(&h[least]) {
				least = child
			}
		}
		if e.before(&h[least]) {
			break
		}
		h[i] = h[least]
		i = least
	}
	h[i] = e
}
