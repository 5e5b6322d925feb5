package keeper

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proxyspec/proxyspec/sim/kernel/link"
)

// reachLimit is how long what must be reachable may take to answer on a busy machine.
const reachLimit = 5 * time.Second

// look tries from within a cell, with the rights of the calling thread, what the program must and must not be able
// to do.
func look(a Looking, sockets []string, dns Addr, hostNamespace int) Proof {
	p := Proof{Sockets: len(sockets)}
	var err error
	if p.Capabilities, p.NoNewPrivs, err = capabilities(); err != nil || p.Capabilities != 0 || !p.NoNewPrivs {
		p.breach("it would keep capabilities (%#x), no new privileges: %v, error: %v", p.Capabilities, p.NoNewPrivs, err)
	}
	p.devices()
	p.process()
	if err := unix.Setns(hostNamespace, unix.CLONE_NEWNET); err == nil {
		p.breach("it could go back into the host's network namespace")
	}
	for _, path := range sockets {
		if err := connectUnix(path); reached(err) {
			p.breach("it could reach the host's Unix socket %s (%v)", path, err)
		}
	}
	if fd, err := dial(a.Bait); fd >= 0 {
		if err == nil || errors.Is(err, unix.EINPROGRESS) && finished(fd, time.Second) {
			p.breach("it could connect to %v on the host", a.Bait)
		}
		abort(fd)
	}
	p.reach(a)
	// Last: its answer shows that what went before has passed whatever lies before the name server.
	if err := resolve(dns, a.Name); err != nil {
		p.breach("the name service doesn't answer: %v", err)
	} else {
		p.Name = a.Name
	}
	return p
}

func (p *Proof) breach(format string, args ...any) {
	p.Breaches = append(p.Breaches, fmt.Sprintf(format, args...))
}

// process sees that this process is no way out: a program of the same user may not trace it, gets none of its descriptors, and
// can make no sockets of other families. The machine's settings are not the program's to change.
func (p *Proof) process() {
	if dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); dumpable != 0 || err != nil {
		p.breach("it could trace the process that keeps it (%v)", err)
	}
	for fd := unix.Stderr + 1; fd < descriptors; fd++ {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			p.breach("it would get descriptor %d", fd)
		}
	}
	for name, family := range map[string]int{"AF_VSOCK": unix.AF_VSOCK, "AF_PACKET": unix.AF_PACKET} {
		if fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err == nil {
			p.breach("it could make a socket of %s", name)
			abort(fd)
		}
	}
	const setting = "/proc/sys/kernel/core_pattern" // names a program that the kernel would start on the host
	if fd, err := unix.Open(setting, unix.O_WRONLY|unix.O_CLOEXEC, 0); err == nil {
		p.breach("it could change %s", setting)
		abort(fd)
	}
}

// devices sees that there is one way out.
func (p *Proof) devices() {
	all, err := link.Interfaces()
	if err != nil {
		p.breach("list the network devices: %v", err)
	}
	for _, d := range all {
		p.Devices = append(p.Devices, d.Name)
		if d.Name != Device && !d.Loopback && d.Up {
			p.breach("it would have the network device %s", d.Name)
		}
	}
}

// reach connects to all at once, first to what must be out of reach: once what came later has answered, what was
// asked first would have, too. Only what must be reached is therefore waited for.
func (p *Proof) reach(l Looking) {
	type attempt struct {
		to  AddrPort
		fd  int
		err error
	}
	var closed, open []attempt
	for _, to := range l.Closed {
		fd, err := dial(to)
		closed = append(closed, attempt{to, fd, err})
	}
	for _, to := range l.Open {
		fd, err := dial(to)
		open = append(open, attempt{to, fd, err})
	}
	for _, a := range open {
		if a.fd < 0 || a.err != nil && !errors.Is(a.err, unix.EINPROGRESS) || a.err != nil && !finished(a.fd, reachLimit) {
			p.breach("it couldn't connect to %v, which the policy lets through", a.to)
		}
		abort(a.fd)
	}
	for _, a := range closed {
		if a.fd >= 0 && (a.err == nil || errors.Is(a.err, unix.EINPROGRESS) && finished(a.fd, 0)) {
			p.breach("it could connect to %v", a.to)
		}
		abort(a.fd)
	}
}

// dial begins to connect. The descriptor is -1 if there is none.
func dial(to AddrPort) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	// Closing it sends a reset: nothing of it must come when others are looking.
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	return fd, unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr, Port: int(to.Port)})
}

// finished waits for a connection, and tells whether there is one.
func finished(fd int, limit time.Duration) bool {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	until := time.Now().Add(limit)
	for {
		n, err := unix.Poll(poll, int(max(0, time.Until(until).Milliseconds())))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return false
		}
		code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		return err == nil && code == 0
	}
}

func abort(fd int) {
	if fd >= 0 {
		_ = unix.Close(fd)
	}
}

// connectUnix connects to a Unix socket; an @ in front means an abstract one.
func connectUnix(path string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil // that would be strange enough
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &unix.SockaddrUnix{Name: path})
}

// reached tells from the error of connecting whether there was somebody at the other end, be it one of another kind.
func reached(err error) bool {
	for _, nobody := range []error{
		unix.ENOENT, unix.ECONNREFUSED, unix.EACCES, unix.EPERM, unix.ENOTDIR, unix.EINVAL, unix.ENAMETOOLONG, unix.ELOOP,
	} {
		if errors.Is(err, nobody) {
			return false
		}
	}
	return true
}
