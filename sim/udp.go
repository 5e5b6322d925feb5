package sim

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// udpSocket is a UDP socket, connected or not. What each packet needs of it stands together, at the beginning: of
// thousands of sockets hardly anything is still in a cache when the next packet comes.
type udpSocket struct {
	host     *Host
	id       uint64
	mu       sync.Mutex
	family   family
	closed   bool
	marked   bool
	listed   bool // among those whose handler has something to do
	waiting  int32
	limit    int // of bytes in `in`
	buffered int
	handle   func(p []byte, from netip.AddrPort, err error) // instead of readers; see Handle
	err      error                                          // from ICMP, for the next call on a connected socket

	in, out chain
	write   deadline

	// Of the loop.
	sent     uint64
	lastPath *path // of lastWay, perhaps
	lastTo   netip.AddrPort
	lastWay  *way
	ways     map[netip.AddrPort]*way

	aim    aim
	local  netip.AddrPort
	remote netip.AddrPort // zero: not connected

	conn    udpConn
	cond    sync.Cond
	read    deadline
	senders senders
}

// aim is where a socket has sent before.
type aim struct{ from, to netip.AddrPort }

// receiveBuffer is what a socket holds before it drops; coturn asks for as much, and Linux's default
// of 208 KiB loses a third of a burst.
const receiveBuffer = 2 << 20

// listenUDP opens a socket; remote is the zero value for one that isn't connected.
func (h *Host) listenUDP(f family, want, remote netip.AddrPort) (*udpSocket, error) {
	if remote.IsValid() {
		if err := f.check(remote.Addr(), syscall.ENETUNREACH); err != nil {
			return nil, err
		}
		if err := h.reachable(remote.Addr()); err != nil {
			return nil, err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	local, err := h.bind(firewall.UDP, f, want, func(a netip.AddrPort) bool { return taken(h, h.udp, a, f) })
	if err != nil {
		return nil, err
	}
	if remote.IsValid() && local.Addr().IsUnspecified() {
		local = netip.AddrPortFrom(h.source(remote.Addr()), local.Port())
	}
	if remote.IsValid() && local.Addr().Is4() != remote.Addr().Is4() {
		return nil, syscall.ENETUNREACH
	}
	s := &udpSocket{host: h, family: f, local: local, remote: remote, id: h.number(), limit: receiveBuffer}
	s.conn.s, s.cond.L = s, &s.mu
	h.udp[f.place(local)] = s
	return s, nil
}

func (s *udpSocket) wants(from netip.AddrPort) bool { return !s.remote.IsValid() || s.remote == from }

func (s *udpSocket) order() uint64 { return s.id }

func (s *udpSocket) flush(now time.Duration) bool {
	s.mu.Lock()
	out := s.out
	s.out, s.marked = chain{}, false
	s.mu.Unlock()
	for p := out.pop(); p != nil; p = out.pop() {
		s.sent++
		p.flow, p.number = s.id, s.sent
		s.leave(now, p)
	}
	return false
}

// cost is what a datagram takes of the receive buffer. A kernel counts its own memory too: the empty ones
// are many otherwise.
func cost(p *Packet) int { return 128 + len(p.Payload) }

// arrive queues a datagram, or drops it when the buffer is full, as a kernel does. A closed socket does nothing.
func (s *udpSocket) arrive(p *Packet) (woke, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return false, false
	case s.buffered+cost(p) > s.limit:
		p.free()
		return false, true
	}
	s.in.push(p)
	s.buffered += cost(p)
	return s.wake(), true
}

// unreachable keeps an ICMP error for the application, if it is connected to whom it is about.
func (s *udpSocket) unreachable(about netip.AddrPort, err error) (woke bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.remote != about {
		return false // like Linux, an unconnected socket isn't told
	}
	s.err = err
	return s.wake()
}

// wake has a reader or the handler look, and reports whether there is one.
func (s *udpSocket) wake() bool {
	if s.handle == nil {
		s.cond.Signal()
		return s.waiting > 0
	}
	if !s.listed {
		s.listed = true
		s.host.net.handlers.add(s)
	}
	return true
}

// next is what a reader gets now: a datagram or an error, or neither. The lock is held.
func (s *udpSocket) next() (d *Packet, err error) {
	switch {
	case s.closed:
		return nil, net.ErrClosed
	case s.handle == nil && s.read.passed():
		return nil, os.ErrDeadlineExceeded
	case s.err != nil:
		err, s.err = s.err, nil
		return nil, err
	case s.in.first == nil:
		return nil, nil
	}
	d = s.in.pop()
	if s.in.first != nil {
		s.cond.Signal() // one wake-up may stand for several datagrams
	}
	s.buffered -= cost(d)
	return d, nil
}

// readFrom reads a datagram, and tells who sent it and whether the rest of it is lost.
func (s *udpSocket) readFrom(p []byte) (n int, from netip.AddrPort, cut bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.handle != nil && !s.closed {
			return 0, from, false, errHandled
		}
		switch d, err := s.next(); {
		case err != nil:
			return 0, from, false, err
		case d != nil:
			n, from = copy(p, d.Payload), d.Src
			cut = n < len(d.Payload)
			d.free()
			return n, from, cut, nil
		}
		s.waiting++
		s.cond.Wait()
		s.waiting--
	}
}

// sender is the address of who sent a datagram, for a reader who wants one to keep.
func (s *udpSocket) sender(from netip.AddrPort) *net.UDPAddr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.senders.next(from)
}

func (s *udpSocket) writeTo(p []byte, to netip.AddrPort) (int, error) {
	to = s.family.target(to)
	if err := s.family.fits(to.Addr()); err != nil {
		return 0, err // before anybody looks at the socket
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return 0, net.ErrClosed
	case s.write.passed():
		return 0, os.ErrDeadlineExceeded
	}
	if to != s.aim.to {
		if err := s.aimAt(to); err != nil {
			return 0, err
		}
	}
	switch {
	case len(p) > MTU-ipHeader(to.Addr())-udpHeader:
		return 0, syscall.EMSGSIZE // fragments don't exist here
	case s.err != nil:
		err := s.err
		s.err = nil
		return 0, err
	}
	s.out.push(newUDP(s.aim.from, to, p))
	if !s.marked {
		s.marked = true
		s.host.net.mark(s)
	}
	return len(p), nil
}

// aimAt finds whether the socket can send to an address at all, and from where. The lock is held.
func (s *udpSocket) aimAt(to netip.AddrPort) error {
	if err := s.family.check(to.Addr(), syscall.ENETUNREACH); err != nil {
		return err
	}
	if err := s.host.reachable(to.Addr()); err != nil {
		return err
	}
	if to.Port() == 0 {
		return syscall.EINVAL
	}
	from := s.local
	if from.Addr().IsUnspecified() {
		from = netip.AddrPortFrom(s.host.source(to.Addr()), from.Port())
	}
	if from.Addr().Is4() != to.Addr().Is4() {
		return syscall.EAFNOSUPPORT
	}
	s.aim = aim{from, to}
	return nil
}

// close frees the port before anybody hears of it, who may want it.
func (s *udpSocket) close() error {
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	if at := s.family.place(s.local); s.host.udp[at] == s {
		delete(s.host.udp, at)
	}
	s.closed = true
	s.in, s.buffered = chain{}, 0
	s.read.stop()
	s.write.stop()
	s.cond.Broadcast()
	s.wake()
	return nil
}

func (s *udpSocket) setDeadline(d *deadline, at time.Time) error {
	return s.do(func() { d.set(at, &s.cond) })
}

// do changes the socket for the application.
func (s *udpSocket) do(change func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	change()
	return nil
}
