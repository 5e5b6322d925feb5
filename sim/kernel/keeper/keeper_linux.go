package keeper

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

func init() {
	if os.Getenv(Variable) == "" {
		return
	}
	// A cell's namespaces belong to a thread. Not to this one, which /proc/self speaks of.
	runtime.LockOSThread()
	_ = os.Unsetenv(Variable)
	if !alone() {
		fmt.Fprintln(os.Stderr, Variable+" is set by the program itself, for a process in namespaces of its own; take it out of the environment")
		os.Exit(1)
	}
	syscall.CloseOnExec(ControlFD)
	k := &keeper{former: -1}
	k.gone.L = &k.mu
	go k.reap()
	k.serve()
	os.Exit(1) // whoever asked is gone: all that runs here goes too
}

// alone tells whether this process was made to be a keeper: the first of a process namespace, with a line to its maker. What
// a keeper does would change the mounts of any other.
func alone() bool {
	kind, err := unix.GetsockoptInt(ControlFD, unix.SOL_SOCKET, unix.SO_TYPE)
	return os.Getpid() == 1 && err == nil && kind == unix.SOCK_SEQPACKET
}

// keeper is this process.
type keeper struct {
	cell   *cell // the one that is open; this and former are the goroutine's that handles requests
	former int   // the device of the cell before

	mu      sync.Mutex
	gone    sync.Cond // no process is left
	living  bool      // there may be processes besides this
	program int       // the process that was let in; 0: none, or it has ended
	ending  int       // where its end is told
}

// serve answers requests until nobody is there to ask. That is seen at once, whatever is being done.
func (k *keeper) serve() {
	unfit := settle()
	type asked struct {
		Request
		files []int
	}
	requests := make(chan asked)
	go func() {
		for r := range requests {
			reply, files, err := k.handle(r.Request, r.files, unfit)
			if err != nil {
				reply.Fault = err.Error()
			}
			_ = Send(ControlFD, reply, files...)
			for _, fd := range r.files {
				_ = unix.Close(fd)
			}
		}
	}()
	for {
		var r asked
		var err error
		if r.files, err = Receive(ControlFD, &r.Request); err != nil {
			return
		}
		requests <- r
	}
}

// settle makes the mounts and processes that are seen here the namespace's own, and this process nobody else's.
func settle() error {
	// The thread of a cell has no more rights than the program that it starts, which could therefore trace it, and by it
	// this process with all its rights and descriptors.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("keep others from tracing this process: %w", err)
	}
	// What the maker had from others, and didn't know of: it may lead anywhere.
	for fd := range descriptors {
		if fd > unix.Stderr {
			_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC)
		}
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("take the mounts for our own: %w", err)
	}
	// Some containers hide parts of it, and then the kernel gives no fresh one. The old one tells of the host's
	// processes, and lets nobody in: the namespace of users sees to that.
	_ = unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	return nil
}

// descriptors is how many are looked at of those that a process may have from others; they come from the lowest number on.
const descriptors = 1024

// handle does what is asked for. The descriptors that came are closed afterwards.
func (k *keeper) handle(r Request, came []int, unfit error) (reply Reply, files []int, err error) {
	switch {
	case unfit != nil:
		return reply, nil, unfit
	case r.Open != nil:
		if err := k.close(); err != nil {
			return reply, nil, err
		}
		k.cell = newCell()
		if err := k.cell.do(func() error { return k.cell.open(*r.Open) }); err != nil {
			return reply, nil, err
		}
		return reply, []int{k.cell.tun}, nil
	case r.Close:
		return reply, nil, k.close()
	case k.cell == nil:
		return reply, nil, errors.New("no cell is open")
	case r.Look != nil && len(came) == 1:
		err = k.cell.do(func() (err error) {
			reply.Proof, err = k.cell.look(*r.Look, came[0])
			return err
		})
		return reply, nil, err
	case r.Start != nil && len(came) > 0:
		return reply, nil, k.cell.do(func() error { return k.start(*r.Start, came[0], came[1:]) })
	case r.Kill:
		return reply, nil, kill()
	}
	return reply, nil, errors.New("a request that isn't known")
}

// start starts the program on the thread of its cell, which has no rights any more.
func (k *keeper) start(p Program, ending int, files []int) error {
	if !k.cell.sound {
		return errors.New("nobody has looked around, or what was found isn't well")
	}
	ending, err := unix.FcntlInt(uintptr(ending), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	std := make([]uintptr, len(files))
	for i, fd := range files {
		std[i] = uintptr(fd)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	// A group of its own: what it sends to its group doesn't come here.
	pid, err := syscall.ForkExec(p.Args[0], p.Args, &syscall.ProcAttr{
		Dir: p.Dir, Env: p.Env, Files: std, Sys: &syscall.SysProcAttr{Setpgid: true}})
	if err != nil {
		_ = unix.Close(ending)
		return fmt.Errorf("start %s: %w", p.Args[0], err)
	}
	k.program, k.ending, k.living = pid, ending, true
	k.gone.Broadcast()
	return nil
}

// kill ends every other process of the namespace. Signals to all at once leave no time for one more child.
func kill() error {
	if err := unix.Kill(-1, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("end what runs in the cell: %w", err)
	}
	return nil
}

// close ends the cell, if one is open, and waits until no process of it is left.
func (k *keeper) close() error {
	if k.cell == nil {
		return nil
	}
	if err := kill(); err != nil {
		return err
	}
	k.mu.Lock()
	for k.living {
		k.gone.Wait()
	}
	k.mu.Unlock()
	k.cell.close()
	// The kernel takes 15 ms for a device that goes, of whoever has the last descriptor of it. That shall not be the maker.
	go func(fd int) { _ = unix.Close(fd) }(k.former)
	k.former, k.cell = k.cell.tun, nil
	return nil
}

// reap waits for every process that ends: children that lost their parents are ours, too. It goes on for ever.
func (k *keeper) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		k.mu.Lock()
		switch {
		case err == nil && pid == k.program:
			_, _ = unix.Write(k.ending, binary.NativeEndian.AppendUint32(nil, uint32(status)))
			_ = unix.Close(k.ending)
			k.program, k.ending = 0, -1
		case errors.Is(err, syscall.ECHILD):
			k.living = k.living && k.any()
			for k.gone.Broadcast(); !k.living; {
				k.gone.Wait()
			}
		}
		k.mu.Unlock()
	}
}

// any tells whether there is a child after all. k.mu is held: no other can come.
func (k *keeper) any() bool {
	return unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) == nil
}
