//go:build linux && (amd64 || arm64)

package batch

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// slots is how many messages a Read takes at most, and how many of a Writer's go at once.
	slots = 64
	// perSocket is how many of them one socket gets before the next one has its turn.
	perSocket = 16
)

// Group is UDP sockets and TCP connections that one goroutine reads.
type Group struct {
	inner int      // the epoll of the sockets
	outer *os.File // an epoll with the inner one in it, and itself in the runtime's poller
	raw   syscall.RawConn

	reading sync.Mutex // held by Read
	in      inbox
	events  [slots]unix.EpollEvent
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
	outer, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err == nil {
		// One wake-up, until Read asks for another: see doze.
		err = unix.EpollCtl(outer, unix.EPOLL_CTL_ADD, inner, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT})
	}
	if err == nil {
		err = unix.SetNonblock(outer, true)
	}
	if err != nil {
		unix.Close(inner)
		return nil, fmt.Errorf("make an epoll: %w", err)
	}
	g := &Group{inner: inner, outer: os.NewFile(uintptr(outer), "epoll")}
	if g.raw, err = g.outer.SyscallConn(); err != nil {
		return nil, fmt.Errorf("poll an epoll: %w", err)
	}
	g.in.init()
	g.take = g.fill
	return g, nil
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

// watch says what of a socket Read looks for.
func (g *Group) watch(s *Socket, events uint32) {
	_ = unix.EpollCtl(g.inner, unix.EPOLL_CTL_MOD, s.fd, &unix.EpollEvent{Events: events, Fd: s.number})
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

// fill takes what has arrived, and reports false if that is nothing, after arming the wake-up.
func (g *Group) fill(outer uintptr) bool {
	g.in.reset()
	n, err := epollWait(g.inner, g.events[:])
	if err != nil {
		return false // EINTR, or closed: the runtime knows
	}
	if g.takeFrom(g.events[:n]); len(g.in.arrivals) > 0 {
		return true
	}
	g.doze(int(outer))
	return false
}

// doze has the next arrival wake the runtime's poller, once: while the reader is busy, a packet wakes nobody. What has
// come meanwhile does so at once.
//
// To wait in epoll_pwait itself took fewer system calls and 1.4 times the CPU: whoever wakes that quickly finds two
// packets, where this finds ten.
func (g *Group) doze(outer int) {
	var old [1]unix.EpollEvent
	_, _ = epollWait(outer, old[:]) // an event that wasn't taken would hide the next
	_ = unix.EpollCtl(outer, unix.EPOLL_CTL_MOD, g.inner, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT})
}

// takeFrom reads the sockets that have something until there is no room for more. Whoever is left out is named again.
func (g *Group) takeFrom(events []unix.EpollEvent) {
	var ready [slots]*Socket
	g.mu.Lock()
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
		room := true
		switch e := events[i].Events; {
		case !s.stream:
			room = g.in.take(s)
		case e&unix.EPOLLOUT != 0:
			g.watch(s, unix.EPOLLIN)
			g.in.arrivals = append(g.in.arrivals, Arrival{Socket: s, Room: true})
		default:
			room = g.in.takeStream(s)
		}
		s.release()
		if !room {
			return
		}
	}
}

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
}
