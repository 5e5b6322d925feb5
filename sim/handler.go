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
	// would return but for a deadline's. The last one wraps net.ErrClosed. Nobody else can read the socket any more.
	//
	// One goroutine calls the functions of all sockets of a network, one after the other, until the last of these is
	// closed. So f must not wait for another datagram, nor end the goroutine, as t.FailNow does. It may write, close
	// sockets, and call Network.Do. p is good until f returns.
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
	s.handle = f
	s.host.net.handlers.open()
	s.wake() // for what has come before
	s.cond.Broadcast()
}

// errHandled is for who reads a socket that has a handler.
var errHandled = errors.New("a handler has what this socket receives: nobody else can read it")

// handlers is the goroutine that calls the functions, while there is a socket that has one.
type handlers struct {
	mu      sync.Mutex
	cond    sync.Cond
	sockets int
	ready   []*udpSocket // with something to handle
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
	closed := 0
	for ready := h.next(nil, 0); ready != nil; ready = h.next(ready, closed) {
		closed = 0
		for _, s := range ready {
			if s.handleSome() {
				closed++
			}
		}
		clear(ready)
	}
}

// next waits for sockets with something to handle, and takes the memory of those before, of which some have closed. It is
// nil when no socket is left.
func (h *handlers) next(memory []*udpSocket, closed int) []*udpSocket {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.sockets -= closed; len(h.ready) == 0; h.cond.Wait() {
		if h.sockets == 0 {
			return nil
		}
	}
	ready := h.ready
	h.ready = memory[:0]
	return ready
}

// closedHandler is that of a socket whose own has had the last call.
func closedHandler([]byte, netip.AddrPort, error) {}

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
			if s.handle(nil, netip.AddrPort{}, s.conn.wrap("read", err)); errors.Is(err, net.ErrClosed) {
				s.mu.Lock()
				s.handle = closedHandler // paths of others may lead here for long, and must not keep what it had
				s.mu.Unlock()
				return true
			}
		case d == nil:
			return false
		default:
			s.handle(d.Payload, d.Src, nil)
			d.free()
		}
	}
	s.host.net.handlers.add(s)
	return false
}
