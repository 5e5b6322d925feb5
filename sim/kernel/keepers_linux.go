package kernel

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proxyspec/proxyspec/sim/kernel/keeper"
)

// askLimit is how long a keeper may take for anything on a busy machine; it takes a few milliseconds, but for a look that
// goes wrong.
const askLimit = 20 * time.Second

// maker is this side of a keeper: a process that keeps one cell after another.
type maker struct {
	cmd  *exec.Cmd
	mu   sync.Mutex // one request at a time
	line *net.UnixConn
}

// idle is the keepers that have no cell. Starting a process is most of what a cell costs, and in one that is here again
// nobody is left of the cell before.
var idle struct {
	sync.Mutex
	keepers []*maker
}

// takeKeeper is a keeper without a cell.
func takeKeeper() (*maker, error) {
	idle.Lock()
	defer idle.Unlock()
	for len(idle.keepers) > 0 {
		k := idle.keepers[len(idle.keepers)-1]
		idle.keepers = idle.keepers[:len(idle.keepers)-1]
		if k.alive() {
			return k, nil
		}
		k.end()
	}
	return startKeeper()
}

// Ahead starts a process for the first cell, if there is none yet: for who will want a cell and has other things to do until
// then. Without it NewCell does. It should come early: the larger a process is, the longer it takes to make another of it.
func Ahead() {
	idle.Lock()
	defer idle.Unlock()
	if len(idle.keepers) > 0 {
		return
	}
	if k, err := startKeeper(); err == nil { // otherwise NewCell meets the error, too, and tells of it
		idle.keepers = append(idle.keepers, k)
	}
}

func leaveKeeper(k *maker) {
	idle.Lock()
	defer idle.Unlock()
	idle.keepers = append(idle.keepers, k)
}

// startKeeper starts this program once more.
func startKeeper() (*maker, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	ours, theirs := os.NewFile(uintptr(ends[0]), "cell"), os.NewFile(uintptr(ends[1]), "cell")
	defer ours.Close()
	defer theirs.Close()
	line, err := net.FileConn(ours)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = []string{keeper.Variable + "=1"} // and nothing of ours
	cmd.Stderr = os.Stderr                     // a crash
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = attributes()
	cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWPID | unix.CLONE_NEWIPC
	cmd.SysProcAttr.Pdeathsig = 0 // it would come when a thread of ours ends; the keeper hears of our end on its line
	cmd.SysProcAttr.Setsid = true // no terminal, and nothing that is typed there
	if err := cmd.Start(); err != nil {
		_ = line.Close()
		return nil, fmt.Errorf("make namespaces for a cell: %w", err)
	}
	return &maker{cmd: cmd, line: line.(*net.UnixConn)}, nil
}

// ask makes a request of the keeper and waits for the reply.
func (k *maker) ask(r keeper.Request, files ...*os.File) (reply keeper.Reply, came []int, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	fds := make([]int, len(files))
	for i, f := range files {
		fds[i] = int(f.Fd())
	}
	if err := k.line.SetDeadline(time.Now().Add(askLimit)); err != nil {
		return reply, nil, err
	}
	line, err := k.line.SyscallConn()
	if err != nil {
		return reply, nil, err
	}
	// Each tries until the line is ready, or the deadline has come.
	var tried error
	if err := line.Write(func(fd uintptr) bool {
		tried = keeper.Send(int(fd), r, fds...)
		return !errors.Is(tried, unix.EAGAIN)
	}); err != nil || tried != nil {
		return reply, nil, errors.Join(err, tried)
	}
	if err := line.Read(func(fd uintptr) bool {
		came, tried = keeper.Receive(int(fd), &reply)
		return !errors.Is(tried, unix.EAGAIN)
	}); err != nil || tried != nil {
		return reply, nil, errors.Join(err, tried)
	}
	if reply.Fault != "" {
		return reply, nil, errors.New(reply.Fault)
	}
	return reply, came, nil
}

func (k *maker) alive() bool {
	var status unix.WaitStatus
	pid, err := unix.Wait4(k.cmd.Process.Pid, &status, unix.WNOHANG, nil)
	return pid == 0 && err == nil
}

// end ends the keeper and with it all that runs in its namespace.
func (k *maker) end() {
	_ = k.line.Close()
	_ = k.cmd.Process.Kill()
	_ = k.cmd.Wait()
}
