//go:build linux && (amd64 || arm64)

package batch

import (
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// buffer is what each socket asks of the system, per direction. With Linux's default of 208 KiB a burst lost 31 % of
// its packets.
const buffer = 2 << 20

// closed is added to a socket's holds when it is closed.
const closed = 1 << 32

// Socket is a UDP socket of a group.
type Socket struct {
	Owner any

	group  *Group
	fd     int
	number int32
	at     netip.AddrPort
	want   int // datagrams that its next read is likely to find; the reader's

	// holds is how many system calls use the descriptor. It is closed when the last one lets go of it: closed
	// earlier, its number could be another socket's by then.
	holds   atomic.Int64
	closing atomic.Bool
	single  atomic.Bool // the system doesn't take trains from this socket
}

func openSocket(at netip.AddrPort) (_ *Socket, err error) {
	family := unix.AF_INET
	if at.Addr().Is6() && !at.Addr().Is4In6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	// Less is a slower relay, not a broken one; a kernel that is too old for trains sends none.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, buffer)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1)
	if err := unix.Bind(fd, sockaddr(at)); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	local, err := unix.Getsockname(fd)
	if err != nil {
		return nil, os.NewSyscallError("getsockname", err)
	}
	s := &Socket{fd: fd, want: 1}
	switch local := local.(type) {
	case *unix.SockaddrInet4:
		s.at = netip.AddrPortFrom(netip.AddrFrom4(local.Addr), uint16(local.Port))
	case *unix.SockaddrInet6:
		s.at = netip.AddrPortFrom(netip.AddrFrom16(local.Addr), uint16(local.Port))
	default:
		return nil, fmt.Errorf("a local address of the kind %T", local)
	}
	return s, nil
}

func sockaddr(at netip.AddrPort) unix.Sockaddr {
	if at.Addr().Is6() && !at.Addr().Is4In6() {
		return &unix.SockaddrInet6{Addr: at.Addr().As16(), Port: int(at.Port())}
	}
	return &unix.SockaddrInet4{Addr: at.Addr().Unmap().As4(), Port: int(at.Port())}
}

// Addr is where the socket is.
func (s *Socket) Addr() netip.AddrPort { return s.at }

// hold keeps the descriptor open until release. It reports false if the socket is closed.
func (s *Socket) hold() bool {
	if s.holds.Add(1) > closed {
		s.release()
		return false
	}
	return true
}

func (s *Socket) release() {
	if s.holds.Add(-1) == closed && s.holds.CompareAndSwap(closed, 2*closed) {
		unix.Close(s.fd)
	}
}

// Close closes the socket. What it had received is lost.
func (s *Socket) Close() {
	if !s.hold() {
		return
	}
	defer s.release()
	if s.closing.Swap(true) {
		return
	}
	s.holds.Add(closed)
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	s.group.forget(s)
	if !s.group.closed {
		_ = unix.EpollCtl(s.group.inner, unix.EPOLL_CTL_DEL, s.fd, nil)
	}
}
