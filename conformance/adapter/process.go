package adapter

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
)

const (
	// Grace is how long a program has to end by itself once its standard input is closed. An interpreter on a busy machine
	// takes a second or two.
	Grace = 5 * time.Second

	// heldLimit is how long the stream stays open after the program has ended: what it wrote is still in the pipe,
	// and a child of it that holds the other end would keep it open for ever.
	heldLimit = 200 * time.Millisecond
)

// Process is a program under way. It is the stream of a contract.Client.
type Process struct {
	cmd    *exec.Cmd
	stdin  *os.File
	stdout *os.File
	log    *journal

	exited chan struct{} // closed once the program has ended
	once   sync.Once

	mu   sync.Mutex
	held bool // standard output was open when the program had ended
}

// Start starts a command that speaks the contract. Its standard streams are ours to set. log takes the lines of its
// standard error, from a goroutine of the process; nil discards them.
func Start(cmd *exec.Cmd, log func(contract.Log)) (*Process, error) {
	stdinOurs, stdin, err := pipe()
	if err != nil {
		return nil, err
	}
	stdout, stdoutTheirs, err := pipe()
	if err != nil {
		return nil, errors.Join(err, stdinOurs.Close(), stdin.Close())
	}
	p := &Process{cmd: cmd, stdin: stdin, stdout: stdout, exited: make(chan struct{})}
	p.log = newJournal(log, p.kill)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdinOurs, stdoutTheirs, p.log
	cmd.WaitDelay = heldLimit // for a child that holds standard error
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	// A group of its own: Ctrl-C at the terminal reaches only us, and kill reaches all that the program started.
	cmd.SysProcAttr.Setpgid = true
	err = cmd.Start()
	_, _ = stdinOurs.Close(), stdoutTheirs.Close()
	if err != nil {
		_, _ = stdin.Close(), stdout.Close()
		return nil, fmt.Errorf("start the adapter: %w", err)
	}
	go p.wait()
	return p, nil
}

func pipe() (r, w *os.File, err error) {
	r, w, err = os.Pipe()
	if err != nil {
		err = fmt.Errorf("start the adapter: %w", err)
	}
	return r, w, err
}

// wait sees the program end, and then the stream.
func (p *Process) wait() {
	_ = p.cmd.Wait() // how it ended is in ProcessState
	p.kill()         // what it left behind
	p.log.end()
	close(p.exited)
	_ = p.stdout.SetReadDeadline(time.Now().Add(heldLimit))
}

// Read reads what the program writes to standard output. Once that is over, or the program has ended, the error
// says how; it is io.EOF for errors.Is.
func (p *Process) Read(b []byte) (int, error) {
	n, err := p.stdout.Read(b)
	if n > 0 || err == nil {
		return n, err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.mu.Lock()
		p.held = true
		p.mu.Unlock()
	}
	return 0, p.over()
}

// Write writes to the program's standard input.
func (p *Process) Write(b []byte) (int, error) { return p.stdin.Write(b) }

// over waits until the program has ended, or at most a moment, and says how it did.
func (p *Process) over() error {
	select {
	case <-p.exited:
	case <-time.After(Grace):
	}
	return ended{p.how()}
}

// ended is the end of a stream with the reason.
type ended struct{ how string }

func (e ended) Error() string        { return e.how }
func (e ended) Is(target error) bool { return target == io.EOF }

// how is in words what has become of the program.
func (p *Process) how() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.log.over() {
		return fmt.Sprintf("it wrote more than %d MiB to standard error", floodLimit>>20)
	}
	select {
	case <-p.exited:
	default:
		return "it closed its standard output and went on running"
	}
	text := "it ended: " + ending(p.cmd.ProcessState)
	if p.held {
		text += ", while a child of it held its standard output open"
	}
	if last := p.log.last(); last != "" {
		text += "; the last that it wrote to standard error: " + last
	}
	return text
}

// ending is how a process ended, in words.
func ending(s *os.ProcessState) string {
	if s == nil {
		return "it could not be waited for"
	}
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return "killed by signal " + strings.ToLower(status.Signal().String())
	}
	return s.String()
}

// kill ends the program and all that is in its group.
func (p *Process) kill() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }

// Close ends the program: it closes its standard input, gives it Grace to end, and kills what is left of its
// process group.
func (p *Process) Close() error {
	p.once.Do(func() {
		_ = p.stdin.Close()
		timer := time.NewTimer(Grace)
		defer timer.Stop()
		select {
		case <-p.exited:
		case <-timer.C:
		}
		p.kill()
		<-p.exited
		_ = p.stdout.Close()
	})
	return nil
}

// Exit is how the program ended; only once Close has returned.
func (p *Process) Exit() *os.ProcessState { return p.cmd.ProcessState }
