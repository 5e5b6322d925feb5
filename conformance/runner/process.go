package runner

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/proxyspec/proxyspec/conformance/result"
)

const (
	startLimit = 30 * time.Second       // for a worker to say that it is ready, on a busy machine
	stopLimit  = 2 * time.Second        // for a worker to end by itself once it has nothing to do
	pipeLimit  = 200 * time.Millisecond // for what a dead worker printed to come out of the pipe
)

// process is one worker, as the parent sees it. It is for one goroutine.
type process struct {
	cmd      *exec.Cmd
	requests *os.File
	reports  chan report // closed when the worker has closed its end, as it does at the latest when it dies
	log      tail        // what it printed
}

// newProcess starts a worker whose first case is of this network, and waits until it is ready.
func newProcess(ctx context.Context, program, network string) (*process, error) {
	requestsOut, requests, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer requestsOut.Close()
	reports, reportsIn, err := os.Pipe()
	if err != nil {
		requests.Close()
		return nil, err
	}
	p := &process{cmd: exec.Command(program), requests: requests, reports: make(chan report)}
	p.cmd.Env = append(os.Environ(), workerVariable+"="+cmp.Or(network, Virtual))
	p.cmd.ExtraFiles = []*os.File{requestsFD - 3: requestsOut, reportsFD - 3: reportsIn}
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	p.cmd.WaitDelay = pipeLimit
	// A group of its own: Ctrl-C at the terminal reaches only us, and kill reaches all that the worker started.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = p.cmd.Start()
	reportsIn.Close()
	if err != nil {
		requests.Close()
		reports.Close()
		return nil, fmt.Errorf("start a worker process: %w", err)
	}
	go p.read(reports)

	r, err := p.next(ctx, startLimit)
	if err == nil && r.Fault != "" {
		err = errors.New(r.Fault)
	}
	if err == nil && !r.Ready {
		err = errors.New("it doesn't speak as one; main must call runner.WorkerMain first")
	}
	if err != nil {
		err = fmt.Errorf("start a worker process: %w", p.died(err))
		if printed := p.log.String(); printed != "" {
			err = fmt.Errorf("%w; it printed:\n%s", err, printed)
		}
		return nil, err
	}
	return p, nil
}

// read passes reports on until the worker closes its end or writes what is no report.
func (p *process) read(reports *os.File) {
	defer reports.Close()
	defer close(p.reports)
	decoder := json.NewDecoder(reports)
	for {
		var r report
		if decoder.Decode(&r) != nil {
			return
		}
		p.reports <- r
	}
}

var (
	errEnded = errors.New("it ended")
	errLate  = errors.New("it took too long")
)

// next waits for a report.
func (p *process) next(ctx context.Context, limit time.Duration) (report, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case r, open := <-p.reports:
		if !open {
			return report{}, errEnded
		}
		return r, nil
	case <-timer.C:
		return report{}, errLate
	case <-ctx.Done():
		return report{}, ctx.Err()
	}
}

// run has the worker run a case, and tells heard, unless it is nil, of what comes before the case's result. An error
// means that the worker didn't; it is killed then. The limit is for each answer.
func (p *process) run(ctx context.Context, r request, limit time.Duration, heard func(report) error) (c *result.Case, retired bool, err error) {
	p.log.reset()
	if err := p.send(r, limit); err != nil {
		return nil, true, p.died(err)
	}
	answer, err := p.next(ctx, limit)
	for ; err == nil && answer.Case == nil; answer, err = p.next(ctx, limit) {
		if heard == nil {
			err = errors.New("it answered without a case")
		} else {
			err = heard(answer)
		}
		if err != nil {
			break
		}
	}
	if err != nil {
		return nil, true, p.died(err)
	}
	if answer.Retire != "" {
		p.kill()
	}
	return answer.Case, answer.Retire != "", nil
}

// send asks something of the worker.
func (p *process) send(r request, limit time.Duration) error {
	_ = p.requests.SetWriteDeadline(time.Now().Add(limit))
	if err := json.NewEncoder(p.requests).Encode(r); err != nil {
		return fmt.Errorf("it takes no request: %w", err)
	}
	return nil
}

// stop ends a worker that has nothing to do, and doesn't wait for the system to have taken it apart once it has gone.
func (p *process) stop() {
	p.requests.Close()
	if _, err := p.next(context.Background(), stopLimit); !errors.Is(err, errEnded) {
		_ = p.kill()
		return
	}
	p.signal()
	go p.cmd.Wait()
}

// signal kills the worker and all that it started. The worker isn't waited for yet, so its number, and the group's,
// can't be another's.
func (p *process) signal() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }

// kill ends the worker and all that it started, and waits for it.
func (p *process) kill() error {
	p.requests.Close()
	p.signal()
	for range p.reports {
	}
	return p.cmd.Wait()
}

// died kills the worker and says how it ended, if that is why.
func (p *process) died(why error) error {
	if ended := p.kill(); errors.Is(why, errEnded) && ended != nil {
		return fmt.Errorf("%w: %w", why, ended)
	}
	return why
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
	cut  bool
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if over := len(t.text) - longestDump; over > 0 {
		t.text, t.cut = append(t.text[:0], t.text[over:]...), true
	}
	return len(b), nil
}

func (t *tail) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text, t.cut = nil, false
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimSpace(strings.ToValidUTF8(string(t.text), "?"))
	if t.cut {
		text = "[...] " + text
	}
	return text
}
