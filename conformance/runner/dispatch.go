package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

// Task is a case and the SDK that it tests.
type Task struct {
	Case selection.Case
	SDK  string
	// Open is what the office's firewall lets through besides, before all that the case tells it.
	Open []firewall.Rule
	Place
}

// Place is where a case runs.
type Place struct {
	Network string // Virtual or Kernel; default: Virtual
	NotRun  string // if it isn't run at all: why
}

// Each runs tasks as Run runs cases, for whoever tests several SDKs at once. ended is told of each task that began,
// by its place in tasks, one at a time; one that was cut short is NotRun. Config.Cases, SDK and Ended mean nothing
// to it.
func Each(ctx context.Context, cfg Config, tasks []Task, ended func(i int, c *result.Case)) error {
	if len(tasks) == 0 {
		return errors.New("runner: there is no case to run")
	}
	if os.Getenv(workerVariable) != "" {
		return errors.New("runner: this process was started as a worker; main must call runner.WorkerMain first")
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("runner: find the program to start workers with: %w", err)
	}
	d := &dispatch{cfg: cfg.withDefaults(), program: program, tasks: tasks, ended: ended}
	return d.all(ctx)
}

// dispatch hands out tasks.
type dispatch struct {
	cfg     Config
	program string
	tasks   []Task

	mu    sync.Mutex
	next  int // index of the next task
	ended func(int, *result.Case)
}

// all runs every task, Jobs at a time. The first worker that can't be had ends it.
func (d *dispatch) all(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	jobs := min(d.cfg.Jobs, len(d.tasks))
	failed := make(chan error, jobs)
	var workers sync.WaitGroup
	for range jobs {
		workers.Go(func() {
			if err := d.work(ctx); err != nil {
				failed <- err
				cancel()
			}
		})
	}
	workers.Wait()
	close(failed)
	return <-failed
}

// work keeps one worker process busy, and replaces it when it must be. It fails if it can't have one.
func (d *dispatch) work(ctx context.Context) error {
	var worker *process
	var network string // that worker is for
	defer func() {
		if worker != nil {
			worker.stop()
		}
	}()
	for {
		i, any := d.take(ctx)
		if !any {
			return nil
		}
		if to := d.tasks[i].Network; to != network {
			if worker != nil && to == Kernel { // see calmMonitor
				worker.stop()
				worker = nil
			}
			network = to
		}
		if worker == nil {
			var err error
			if worker, err = newProcess(ctx, d.program, network); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
		}
		if d.one(ctx, worker, i) {
			worker = nil
		}
	}
}

// take is the next task, if there is one and the run goes on.
func (d *dispatch) take(ctx context.Context) (i int, any bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.next == len(d.tasks) || ctx.Err() != nil {
		return 0, false
	}
	i = d.next
	d.next++
	if d.cfg.Began != nil {
		d.cfg.Began(d.tasks[i].Case)
	}
	return i, true
}

// one has a worker run one task, and tells whether the worker is gone.
func (d *dispatch) one(ctx context.Context, worker *process, i int) (gone bool) {
	t := d.tasks[i]
	if t.NotRun != "" {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.ended(i, d.cfg.notRun(t, ""))
		return false
	}
	began := time.Now()
	ended, gone, err := worker.run(ctx, request{Job: d.cfg.job(t), Watchdog: d.cfg.Watchdog}, d.cfg.CaseLimit, nil)
	if err != nil {
		ended = lost(d.cfg, t, worker, err, ctx.Err() != nil)
		ended.Wall = time.Since(began)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended(i, ended)
	return gone
}

// lost is the result of a case whose worker gave none, because of err.
func lost(cfg Config, t Task, worker *process, err error, interrupted bool) *result.Case {
	c := cfg.notRun(t, "the run ended while this case was running")
	switch {
	case interrupted:
		return c
	case errors.Is(err, errLate):
		c.Failure.Message = fmt.Sprintf("the case wasn't done after %v of real time", cfg.CaseLimit)
	default:
		c.Failure.Message = fmt.Sprintf("the worker process was lost: %v", err)
	}
	c.Outcome = result.HarnessFault
	c.Failure.Actual = worker.log.String()
	c.Evidence = left(cfg.Out, c.ID)
	return c
}

// left is the evidence that a case left which didn't come to its end.
func left(out, id string) result.Evidence {
	if out == "" {
		return result.Evidence{}
	}
	e := result.EvidenceOf(id)
	for _, name := range []*string{&e.Capture, &e.Timeline, &e.Script} {
		if _, err := os.Stat(filepath.Join(out, filepath.FromSlash(*name))); err != nil {
			*name = ""
		}
	}
	if e.Timeline != "" {
		e.Cut = "the evidence ends where the last step began"
	}
	return e
}
