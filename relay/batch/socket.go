//go:build linux && (amd64 || arm64)

package batch

import (
	"errors"
	"fmt"
	"net"
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

// Socket is a UDP socket of a group, or a TCP connection.
type Socket struct {
	Owner any // the caller's

	group  *Group
	fd     int
	number int32
	stream bool
	at     netip.AddrPort // of a connection, the other end
	want   int            // datagrams that its next read is likely to find; the reader's

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
	s := &Socket{fd: fd, want: 2}
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

// adoptSocket makes a descriptor of its own for a connection, which the runtime's poller doesn't know.
func adoptSocket(conn *net.TCPConn) (*Socket, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &Socket{stream: true, want: 1, at: conn.RemoteAddr().(*net.TCPAddr).AddrPort()}
	var dupErr error
	err = raw.Control(func(fd uintptr) { s.fd, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	return s, errors.Join(err, os.NewSyscallError("fcntl", dupErr))
}

func sockaddr(at netip.AddrPort) unix.Sockaddr {
	if at.Addr().Is6() && !at.Addr().Is4In6() {
		return &unix.SockaddrInet6{Addr: at.Addr().As16(), Port: int(at.Port())}
	}
	return &unix.SockaddrInet4{Addr: at.Addr().Unmap().As4(), Port: int(at.Port())}
}

// Addr is where the socket is, or who is at the other end of a connection.
func (s *Socket) Addr() netip.AddrPort { return s.at }

// Send writes to a connection what the system has room for now, and says how much that was. An error is that of a
// connection that is of no use any more.
func (s *Socket) Send(p []byte) (n int, err error) {
	if !s.hold() {
		return 0, net.ErrClosed
	}
	defer s.release()
	for n < len(p) {
		m, errno := sendStream(s.fd, p[n:])
		switch errno {
		case 0:
			n += m
		case unix.EINTR:
		case unix.EAGAIN:
			return n, nil
		default:
			return n, os.NewSyscallError("sendto", errno)
		}
	}
	return n, nil
}

// AwaitRoom has Read say, once, that there is room in a connection.
func (s *Socket) AwaitRoom() {
	if !s.hold() {
		return
	}
	defer s.release()
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	if !s.group.closed { // else its descriptor may be another's
		s.group.watch(s, unix.EPOLLOUT|unix.EPOLLIN)
	}
}

// Shutdown ends a connection, both ways. Read says so, and Close must follow.
func (s *Socket) Shutdown() {
	if s.hold() {
		_ = unix.Shutdown(s.fd, unix.SHUT_RDWR)
		s.release()
	}
}

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
		s.group.ignore(s)
	}
}
