package sim

import (
	"errors"
	"net"
	"net/netip"
	"sync"
)

// UDPHandler is a UDP socket that calls a function instead of being read. Those of a Host can: conn.(sim.UDPHandler).
//
// A server with many sockets needs no goroutine for each then, nor memory for each to read into. What a packet costs most
// among thousands of users is to wake a goroutine that has slept since all of the others ran.
type UDPHandler interface {
	// Handle has f called with each datagram from now on, where a Read would return it, and with each error that a Read
	// would return but for a deadline's. The last one wraps net.ErrClosed. Nobody else may read the socket any more.
	//
	// One goroutine calls the functions of all sockets of a network, one after the other, so f must not wait for another
	// datagram. p is good until f returns.
	Handle(f func(p []byte, from netip.AddrPort, err error))
}

// Handle implements UDPHandler.
func (c *udpConn) Handle(f func(p []byte, from netip.AddrPort, err error)) {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handle != nil {
		panic("sim: a UDP socket has one handler, and this one has it already")
	}
	s.handle = func(d *Packet, err error) {
		if err != nil {
			f(nil, netip.AddrPort{}, c.wrap("read", err))
			return
		}
		f(d.Payload, d.Src, nil)
	}
	s.host.net.handlers.open()
	s.wake() // for what has come before
}

// handlers is the goroutine that calls the functions, while there is a socket that has one.
type handlers struct {
	mu      sync.Mutex
	cond    sync.Cond
	sockets int
	ready   []*udpSocket // with something to handle
	spare   []*udpSocket // of the goroutine: memory for ready
}

// open counts a socket.
func (h *handlers) open() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sockets++; h.sockets == 1 {
		h.cond.L = &h.mu
		go h.run()
	}
}

// add has a socket looked at.
func (h *handlers) add(s *udpSocket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ready = append(h.ready, s)
	h.cond.Signal()
}

func (h *handlers) run() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.sockets > 0 {
		if len(h.ready) == 0 {
			h.cond.Wait()
			continue
		}
		ready := h.ready
		h.ready = h.spare[:0]
		h.mu.Unlock()
		closed := 0
		for _, s := range ready {
			if s.handleSome() {
				closed++
			}
		}
		clear(ready)
		h.mu.Lock()
		h.spare = ready
		h.sockets -= closed
	}
}

// handledAtOnce is what a socket's function gets to handle before the next socket has its turn.
const handledAtOnce = 64

// handleSome has the socket's function handle what there is, and reports whether that was the end of the socket.
func (s *udpSocket) handleSome() (closed bool) {
	for range handledAtOnce {
		s.mu.Lock()
		d, err := s.next()
		if d == nil && err == nil {
			s.listed = false
		}
		s.mu.Unlock()
		switch {
		case err != nil:
			if s.handle(nil, err); errors.Is(err, net.ErrClosed) {
				return true
			}
		case d == nil:
			return false
		default:
			s.handle(d, nil)
			d.free()
		}
	}
	s.host.net.handlers.add(s)
	return false
}
