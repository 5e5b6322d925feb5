//go:build linux && (amd64 || arm64)

package batch

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// message is the kernel's struct mmsghdr, which golang.org/x/sys lacks.
type message struct {
	header unix.Msghdr
	n      uint32
	_      [4]byte
}

// count is what a system call returns that counts: of one that failed, nothing.
func count(n uintptr, errno syscall.Errno) (int, syscall.Errno) {
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// None of these calls waits, so the scheduler needn't know of them: telling it costs as much as some of them do.

func receive(fd int, messages []message) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&messages[0])), uintptr(len(messages)),
		unix.MSG_DONTWAIT, 0, 0)
	return count(n, errno)
}

func sendStream(fd int, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	return count(n, errno)
}

func send(fd int, messages []message) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&messages[0])), uintptr(len(messages)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	return count(n, errno)
}

// sendOne is sendmsg: a little cheaper than sendmmsg of one.
func sendOne(fd int, m *message) syscall.Errno {
	_, _, errno := syscall.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.header)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	return errno
}

func epollWait(fd int, events []unix.EpollEvent) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(fd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	return count(n, errno)
}

// address is room for a socket address as the kernel has it, of either family.
type address [unix.SizeofSockaddrInet6]byte

// read is the transport address that the kernel wrote.
func (a *address) read() (at netip.AddrPort) {
	port := binary.BigEndian.Uint16(a[2:])
	if binary.NativeEndian.Uint16(a[:]) == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(a[4:8])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(a[8:24])).Unmap(), port)
}

// write puts a transport address there and returns its length.
func (a *address) write(at netip.AddrPort) uint32 {
	binary.BigEndian.PutUint16(a[2:], at.Port())
	if ip := at.Addr(); ip.Is4() {
		binary.NativeEndian.PutUint16(a[:], unix.AF_INET)
		b := ip.As4()
		copy(a[4:], b[:])
		return unix.SizeofSockaddrInet4
	}
	*a = address{2: a[2], 3: a[3]} // no flow, no scope
	binary.NativeEndian.PutUint16(a[:], unix.AF_INET6)
	b := at.Addr().As16()
	copy(a[8:], b[:])
	return unix.SizeofSockaddrInet6
}
