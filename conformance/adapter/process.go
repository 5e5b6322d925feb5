package adapter

import (
	"errors"
	"fmt"
	"io"
	"os"
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

// Program is a program that has not been started, wherever it is to run.
type Program interface {
	// Start starts it with these standard streams, which are the caller's to close.
	Start(stdin, stdout, stderr *os.File) error
	// Wait waits until it has ended and says how.
	Wait() (syscall.WaitStatus, error)
	// Kill ends it and what it has started. It may have ended already.
	Kill() error
}

// Process is a program under way. It is the stream of a contract.Client.
type Process struct {
	program Program
	stdin   *os.File
	stdout  *os.File
	log     *journal

	exited chan struct{} // closed once the program has ended, and status and lost are set
	status syscall.WaitStatus
	lost   error // why status isn't known
	once   sync.Once

	mu   sync.Mutex
	held bool // standard output was open when the program had ended
	late bool // Close didn't see the program end by itself
}

// Start starts a program that speaks the contract. log takes the lines of its standard error, from a goroutine of the
// process; nil discards them.
func Start(program Program, log func(contract.Log)) (*Process, error) {
	var pipes []*os.File
	for range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(pipes)
			return nil, fmt.Errorf("start the adapter: %w", err)
		}
		pipes = append(pipes, r, w)
	}
	stdin, stdout, stderr := pipes[0], pipes[3], pipes[5] // the program's
	p := &Process{program: program, stdin: pipes[1], stdout: pipes[2], exited: make(chan struct{})}
	p.log = newJournal(log, p.kill)
	if err := program.Start(stdin, stdout, stderr); err != nil {
		closeAll(pipes)
		return nil, fmt.Errorf("start the adapter: %w", err)
	}
	closeAll([]*os.File{stdin, stdout, stderr})
	go p.wait(pipes[4])
	return p, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// wait sees the program end, and then the streams.
func (p *Process) wait(stderr *os.File) {
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(p.log, stderr)
	}()
	p.status, p.lost = p.program.Wait()
	p.kill() // what it left behind
	_ = stderr.SetReadDeadline(time.Now().Add(heldLimit))
	<-copied
	_ = stderr.Close()
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
		return fmt.Sprintf("it wrote more than %d MiB to standard error", floodLimit>>20) + p.words()
	}
	select {
	case <-p.exited:
	default:
		return "it closed its standard output and went on running" + p.words()
	}
	if p.late {
		return fmt.Sprintf("it went on running for %v and was killed", Grace) + p.words()
	}
	text := "it ended: " + p.ending()
	if p.held {
		text += ", while a child of it held its standard output open"
	}
	return text + p.words()
}

// words is the program's own about what was the matter, perhaps, as the end of a sentence.
func (p *Process) words() string {
	if last := p.log.last(); last != "" {
		return fmt.Sprintf("; the last that it wrote to standard error: %.300s", last)
	}
	return ""
}

// ending is how the program ended, in words.
func (p *Process) ending() string {
	switch {
	case p.lost != nil:
		return p.lost.Error()
	case p.status.Signaled():
		return "killed by signal " + strings.ToLower(p.status.Signal().String())
	}
	status := p.status.ExitStatus()
	if s := status - 128; s > 0 && s <= int(syscall.SIGSYS) { // as a shell has it of a program of its own
		return fmt.Sprintf("exit status %d, which is how a shell says: killed by signal %s", status, strings.ToLower(syscall.Signal(s).String()))
	}
	return fmt.Sprintf("exit status %d", status)
}

func (p *Process) kill() { _ = p.program.Kill() }

// Close ends the program: it closes its standard input, gives it Grace to end, and kills what is left of
// it.
func (p *Process) Close() error {
	p.once.Do(func() {
		_ = p.stdin.Close()
		timer := time.NewTimer(Grace)
		defer timer.Stop()
		select {
		case <-p.exited:
		case <-timer.C:
			p.mu.Lock()
			p.late = true
			p.mu.Unlock()
		}
		p.kill()
		<-p.exited
		_ = p.stdout.Close()
	})
	return nil
}

// Success tells whether the program ended by itself with status 0; only once Close has returned.
func (p *Process) Success() bool {
	return p.lost == nil && p.status.Exited() && p.status.ExitStatus() == 0
}
