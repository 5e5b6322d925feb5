//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// What is measured has a processor of its own, if there are two: beside the load it would depend on the scheduler how
// many packets have come by the time that a server is let in, and the one that is let in later looks cheaper.
//
// Apart, whoever writes to the other side wakes its processor. On a virtual machine that takes the writer 25 us, a fifth
// of all that is measured, and no network card has it done.
const loadProcessor = 1

var measuredProcessor = 0

// pinSelf has this program begin again on the processor of the load: only a thread can be pinned, and by now there
// are several.
func pinSelf(beside bool) error {
	const mark = "BENCH_PINNED"
	pinned := os.Getenv(mark) != ""
	if beside || !pinned && runtime.NumCPU() < 2 {
		measuredProcessor = loadProcessor
	}
	if pinned || runtime.NumCPU() < 2 {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := pinThread(loadProcessor); err != nil {
		return err
	}
	return os.NewSyscallError("execve", syscall.Exec(self, os.Args, append(os.Environ(), mark+"=1")))
}

func pinThread(processor int) error {
	var one unix.CPUSet
	one.Set(processor)
	return os.NewSyscallError("sched_setaffinity", unix.SchedSetaffinity(0, &one))
}

// startChild starts a program on the processor of what is measured. The program dies with this one.
func startChild(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if measuredProcessor != loadProcessor {
		if err := pinThread(measuredProcessor); err != nil { // which a child inherits
			return err
		}
		defer func() { _ = pinThread(loadProcessor) }()
	}
	return cmd.Start()
}

// raiseFiles lets this program and its children open as many files as the system grants, and says how many.
func raiseFiles() (int, error) {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return 0, os.NewSyscallError("getrlimit", err)
	}
	files.Cur = files.Max
	// Through package syscall: else children would get back the limit that this program was started with.
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, (*syscall.Rlimit)(&files)); err != nil {
		return 0, os.NewSyscallError("setrlimit", err)
	}
	return int(min(files.Cur, 1<<30)), nil
}

// complaints passes on the first lines of what a child says, each with its name. A server that fails in a loop would
// fill a disk.
type complaints struct {
	to   io.Writer
	name string

	mu    sync.Mutex
	lines int
	held  []byte
}

const mostComplaints = 20

func (c *complaints) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for rest := p; len(rest) > 0 && c.lines < mostComplaints; {
		line, more, whole := bytes.Cut(rest, []byte("\n"))
		c.held = append(c.held, line[:min(len(line), 500-min(len(c.held), 500))]...)
		if !whole {
			break
		}
		rest = more
		fmt.Fprintf(c.to, "%s: %s\n", c.name, c.held)
		c.held = c.held[:0]
		if c.lines++; c.lines == mostComplaints {
			fmt.Fprintf(c.to, "%s: and so on: nothing more of this is shown\n", c.name)
		}
	}
	return len(p), nil
}
