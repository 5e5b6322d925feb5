package kernel_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/proxyspec/proxyspec/sim/kernel"
)

// inherited is a descriptor that this process has from whoever started it, without knowing: it isn't closed on exec.
const inherited = 100

// inherit makes it, before there is a keeper.
func inherit() error { return unix.Dup3(int(os.Stdin.Fd()), inherited, 0) }

// escape is a program that tries what lies near to get out of its cell; what it can do is an error.
func escape() error {
	runtime.LockOSThread() // for ptrace
	var can []error
	could := func(err error, format string, args ...any) {
		if err == nil {
			can = append(can, fmt.Errorf("it could "+format, args...))
		}
	}
	threads, err := filepath.Glob("/proc/1/task/*")
	if err != nil || len(threads) < 2 {
		return fmt.Errorf("the keeper has the threads %v, %w", threads, err)
	}
	for _, t := range threads {
		tid, err := strconv.Atoi(filepath.Base(t))
		if err != nil {
			return err
		}
		could(unix.PtraceSeize(tid), "trace the keeper's thread %d", tid)
		memory, err := os.OpenFile(t+"/mem", os.O_RDWR, 0)
		could(err, "write to the keeper's memory by way of thread %d", tid)
		_ = memory.Close()
		_, err = os.Readlink(t + "/fd/3")
		could(err, "see where the keeper's descriptors lead by way of thread %d", tid)
		const pidfdThread = unix.O_EXCL
		if pid, err := unix.PidfdOpen(tid, pidfdThread); err == nil {
			_, err = unix.PidfdGetfd(pid, 3, 0)
			could(err, "have the keeper's line to its maker by way of thread %d", tid)
		}
	}
	_, err = unix.FcntlInt(inherited, unix.F_GETFD, 0)
	could(err, "use a descriptor that somebody had left to the harness")
	for _, family := range []int{unix.AF_VSOCK, unix.AF_PACKET, unix.AF_ALG} {
		for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM, unix.SOCK_RAW, unix.SOCK_SEQPACKET} {
			_, err := unix.Socket(family, kind, 0)
			could(err, "make a socket of family %d and kind %d", family, kind)
		}
	}
	_, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
	could(err, "make a raw socket")
	_, _, code := unix.Syscall(unix.SYS_IO_URING_SETUP, 0, 0, 0)
	if code != unix.ENOSYS {
		could(nil, "ask for io_uring: %v", code)
	}
	for _, path := range []string{"/proc/sys/kernel/core_pattern", "/proc/sys/net/ipv6/conf/all/disable_ipv6", "/sys/kernel/uevent_helper"} {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		could(err, "write to %s", path)
		_ = f.Close()
	}
	could(unix.Unmount("/run", unix.MNT_DETACH), "see the host's /run again")
	if err := unix.Unshare(unix.CLONE_NEWUSER); err == nil { // not from a program of several threads
		could(nil, "have new rights")
	}
	return errors.Join(can...)
}

// TestNoWayOut lets a program in that tries to get out.
func TestNoWayOut(t *testing.T) {
	cell := newCell(t)
	_, err := cell.Look(kernel.Expect{})
	require.NoError(t, err)
	require.NoError(t, cell.Start(conducted(t, "escape")))
	status, err := cell.Wait()
	require.NoError(t, err)
	require.Zero(t, status, "see above for what it could do")
}
