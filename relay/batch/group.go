//go:build linux && (amd64 || arm64)

package batch

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// slots is how many messages a Read takes at most, and how many of a Writer's go at once.
	slots = 64
	// perSocket is how many of them one socket gets before the next one has its turn.
	perSocket = 16
	// few is how many sockets are served before another one is likely to have something.
	few = 4
)

// Group is UDP sockets and TCP connections that one goroutine reads.
type Group struct {
	inner int      // the epoll of the sockets
	ring  *ring    // nil: the system has none
	outer *os.File // what the runtime's poller watches: the inner one, or an epoll with it in it
	raw   syscall.RawConn
	alone bool // it is the inner one

	reading sync.Mutex // held by Read and Serve
	in      inbox
	events  [slots]unix.EpollEvent
	more    bool                  // there is more, or probably
	armed   bool                  // see arm
	take    func(fd uintptr) bool // fill as a value, which costs memory to make

	mu      sync.Mutex
	closed  bool
	sockets []*Socket // by their number in events; nil: free
	free    []int32
}

// NewGroup is a group without sockets.
func (Net) NewGroup() (*Group, error) {
	inner, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make an epoll: %w", err)
	}
	g := &Group{inner: inner, alone: runtime.GOMAXPROCS(0) == 1}
	outer, err := g.openOuter()
	if err != nil {
		unix.Close(inner)
		return nil, fmt.Errorf("make an epoll: %w", err)
	}
	g.outer = os.NewFile(uintptr(outer), "epoll")
	if g.raw, err = g.outer.SyscallConn(); err != nil {
		return nil, fmt.Errorf("poll an epoll: %w", err)
	}
	g.ring, _ = openRing() // less is a slower relay, not a broken one
	g.in.init()
	g.take = g.fill
	return g, nil
}

// openOuter opens what the runtime's poller can watch.
//
// With one processor nobody waits in that poller while the reader is at work, and it may watch the inner epoll. With
// several it watches another one, which wakes it only when it is armed: else each packet would wake a thread for
// nothing.
func (g *Group) openOuter() (outer int, err error) {
	if g.alone {
		outer, err = unix.FcntlInt(uintptr(g.inner), unix.F_DUPFD_CLOEXEC, 0)
	} else if outer, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err == nil {
		err = unix.EpollCtl(outer, unix.EPOLL_CTL_ADD, g.inner, &unix.EpollEvent{Events: unix.EPOLLONESHOT})
	}
	if err == nil {
		err = unix.SetNonblock(outer, true)
	}
	if err != nil && outer >= 0 {
		unix.Close(outer)
	}
	return outer, err
}

// Listen opens a socket at an address. Port 0 takes a free one. The owner is the caller's: Read's datagrams lead to it.
func (g *Group) Listen(at netip.AddrPort, owner any) (*Socket, error) {
	s, err := openSocket(at)
	if err != nil {
		return nil, fmt.Errorf("listen on UDP %v: %w", at, err)
	}
	s.Owner, s.group = owner, g
	if err := g.add(s); err != nil {
		return nil, fmt.Errorf("listen on UDP %v: %w", at, err)
	}
	return s, nil
}

// Adopt takes a TCP connection over: the group reads it from now on, and conn is closed. After an error it is as it was.
func (g *Group) Adopt(conn *net.TCPConn, owner any) (*Socket, error) {
	s, err := adoptSocket(conn)
	if err != nil {
		return nil, fmt.Errorf("take over a connection of %v: %w", conn.RemoteAddr(), err)
	}
	s.Owner, s.group = owner, g
	if err := g.add(s); err != nil {
		return nil, fmt.Errorf("take over a connection of %v: %w", s.at, err)
	}
	conn.Close()
	return s, nil
}

// add has the group read a socket, or closes it.
func (g *Group) add(s *Socket) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		unix.Close(s.fd)
		return net.ErrClosed
	}
	if n := len(g.free); n > 0 {
		s.number, g.free = g.free[n-1], g.free[:n-1]
		g.sockets[s.number] = s
	} else {
		s.number = int32(len(g.sockets))
		g.sockets = append(g.sockets, s)
	}
	if err := unix.EpollCtl(g.inner, unix.EPOLL_CTL_ADD, s.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: s.number}); err != nil {
		g.forget(s)
		unix.Close(s.fd)
		return os.NewSyscallError("epoll_ctl", err)
	}
	return nil
}

// watch says what of a socket Read looks for. It is added anew, which wakes a reader for what there is: of a socket
// that the epoll has named and not looked at since, it would not.
func (g *Group) watch(s *Socket, events uint32) {
	g.ignore(s)
	_ = unix.EpollCtl(g.inner, unix.EPOLL_CTL_ADD, s.fd, &unix.EpollEvent{Events: events, Fd: s.number})
}

// ignore has Read look for nothing of a socket.
func (g *Group) ignore(s *Socket) { _ = unix.EpollCtl(g.inner, unix.EPOLL_CTL_DEL, s.fd, nil) }

// forget takes a socket out of the group. g.mu is held.
func (g *Group) forget(s *Socket) {
	g.sockets[s.number] = nil
	g.free = append(g.free, s.number)
}

// Read waits until something arrives, and returns what it is. It fails when the group is closed.
func (g *Group) Read() ([]Arrival, error) {
	g.reading.Lock()
	defer g.reading.Unlock()
	if err := g.raw.Read(g.take); err != nil {
		return nil, net.ErrClosed
	}
	return g.in.arrivals, nil
}

// Serve hands over what arrives, again and again, until the group is closed. What it hands over is good until handle
// returns. It takes fewer system calls than Read, since it stays where the runtime forgets no wake-up: it can go to
// sleep without looking whether there is something.
func (g *Group) Serve(handle func([]Arrival)) error {
	g.reading.Lock()
	defer g.reading.Unlock()
	_ = g.raw.Read(func(outer uintptr) bool {
		for g.more = true; g.more; {
			if g.poll(int(outer)); len(g.in.arrivals) > 0 {
				handle(g.in.arrivals)
			}
		}
		g.arm(int(outer))
		return false
	})
	return net.ErrClosed
}

// fill takes what has arrived, and reports false if that is nothing, after arming the wake-up.
func (g *Group) fill(outer uintptr) bool {
	for g.more = true; g.more; {
		if g.poll(int(outer)); len(g.in.arrivals) > 0 {
			return true
		}
	}
	g.arm(int(outer))
	return false
}

// arm has the next arrival wake the runtime's poller, once. What has come meanwhile does so at once.
//
// To wait in epoll_pwait, or for a timer so that more comes together, took fewer system calls and 1.3 times the CPU or
// more: a timer is dear on a virtual machine, and whoever waits in a system call loses its processor to the runtime's
// monitor, and wakes it. Where the runtime has a processor to spare the monitor lets it be. Then it calls epoll half as
// often and all else a fifth more often, since it is back before a burst is over: it took no less CPU.
func (g *Group) arm(outer int) {
	if g.alone {
		return
	}
	g.armed = true
	_ = unix.EpollCtl(outer, unix.EPOLL_CTL_MOD, g.inner, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT})
}

// poll takes what has arrived.
func (g *Group) poll(outer int) {
	g.in.reset()
	if g.armed {
		var woken [1]unix.EpollEvent
		_, _ = epollWait(outer, woken[:]) // which disarms: while the reader is busy, a packet wakes nobody
		g.armed = false
	}
	n, _ := epollWait(g.inner, g.events[:])
	g.takeFrom(g.events[:n])
}

// takeFrom reads the sockets that have something until there is no room for more. Whoever is left out is named again.
func (g *Group) takeFrom(events []unix.EpollEvent) {
	var ready [slots]*Socket
	g.mu.Lock()
	if g.closed { // which a busy reader wouldn't learn elsewhere
		events = nil
	}
	g.more = len(events) > few
	for i, e := range events {
		if int(e.Fd) < len(g.sockets) {
			ready[i] = g.sockets[e.Fd]
		}
	}
	g.mu.Unlock()
	for i, s := range ready[:len(events)] {
		if s == nil || !s.hold() {
			continue
		}
		if s.stream && events[i].Events&unix.EPOLLOUT != 0 {
			g.watch(s, unix.EPOLLIN)
			g.in.arrivals = append(g.in.arrivals, Arrival{Socket: s, Room: true})
			s.release()
			continue
		}
		if g.in.ask(s); g.in.used == slots {
			g.more = true
			break
		}
	}
	g.in.read(g.ring)
	for _, q := range g.in.questions {
		if !g.in.accept(q) {
			g.more = true
		}
		q.socket.release()
	}
}

// Writer writes through the group's sockets what comes of an arrival. It is for what Serve calls, and nobody else.
func (g *Group) Writer() Writer { return Writer{ring: g.ring} }

// Close ends Read. Sockets are their owners' to close.
func (g *Group) Close() {
	g.mu.Lock()
	closed := g.closed
	g.closed = true
	g.mu.Unlock()
	if closed {
		return
	}
	g.outer.Close()
	g.reading.Lock() // until Read has let go of the inner one
	defer g.reading.Unlock()
	unix.Close(g.inner)
	if g.ring != nil {
		g.ring.close()
	}
}
