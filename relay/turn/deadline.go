package turn

import (
	"container/heap"
	"time"
)

// deadline is when an allocation or a reservation ends, and its place in the heap. Permissions and channels have
// none: they are looked at when they are used, and that is soon enough.
type deadline struct {
	at    time.Time
	order uint64 // which of two that are due at one instant ends first
	place int    // in the heap, counted from 1; 0: not there

	allocation  *Allocation // one of the two
	reservation *reservation
}

// deadlines is a heap.
type deadlines []*deadline

func (h deadlines) Len() int { return len(h) }
func (h deadlines) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].order < h[j].order
}
func (h deadlines) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}
func (h *deadlines) Push(x any) {
	d := x.(*deadline)
	*h = append(*h, d)
	d.place = len(*h)
}
func (h *deadlines) Pop() any {
	old := *h
	d := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	d.place = 0
	return d
}

// due sets or moves a deadline.
func (s *Server) due(d *deadline, at time.Time) {
	d.at = at
	if d.place > 0 {
		heap.Fix(&s.deadlines, d.place-1)
		return
	}
	s.ordered++
	d.order = s.ordered
	heap.Push(&s.deadlines, d)
}

func (s *Server) drop(d *deadline) { heap.Remove(&s.deadlines, d.place-1) }

// Deadline is when Tick must be called next. It may be later, or gone, after any other call.
func (s *Server) Deadline() (at time.Time, ok bool) {
	if len(s.deadlines) == 0 {
		return time.Time{}, false
	}
	return s.deadlines[0].at, true
}

// Tick ends whatever is over by now.
func (s *Server) Tick(out *Output, now time.Time) {
	for len(s.deadlines) > 0 && !s.deadlines[0].at.After(now) {
		s.expire(out, s.deadlines[0])
	}
}

func (s *Server) expire(out *Output, d *deadline) {
	if d.allocation != nil {
		s.delete(out, d.allocation)
		return
	}
	s.drop(d)
	delete(s.reservations, d.reservation.token)
	s.release(d.reservation.user, d.reservation.source)
	out.add(Action{Kind: Close, Socket: d.reservation.socket})
}
