package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/selection"
)

// Config says what to run, and how.
type Config struct {
	Cases []selection.Case
	Seed  uint64 // of the run
	SDK   string // as the user named it: "reference", "mutant:direct-media"

	// Jobs is how many cases run at once. Default: as many as there are processors.
	Jobs int
	// Out is the report folder for the evidence of cases; it must exist. Default: no evidence.
	Out string
	// Watchdog is how much real time a step may take, or the making or closing of a world. Default: 1 min; 30 s
	// of two-way media take 1 s, but more than 10 s with the race detector on a busy machine.
	Watchdog time.Duration
	// CaseLimit is how much real time a case may take: a 24-hour call takes one minute. Default: 5 min.
	CaseLimit time.Duration

	// Began and Ended are told of every case, one at a time, as they happen. Default: nobody is.
	Began func(selection.Case)
	Ended func(*result.Case)
}

// Run runs the cases in worker processes and returns what they found, in the order of Config.Cases. When
// ctx ends, the workers are killed at once; the run is then interrupted, and what wasn't finished says that it
// wasn't run. An error means that no worker could be had; the run is returned with it.
//
// The caller fills in Tool, SDK's name and version, and the requirements.
func Run(ctx context.Context, cfg Config) (*result.Run, error) {
	if len(cfg.Cases) == 0 {
		return nil, errors.New("runner: there is no case to run")
	}
	if os.Getenv(workerVariable) != "" {
		return nil, errors.New("runner: this process was started as a worker; main must call runner.WorkerMain first")
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("runner: find the program to start workers with: %w", err)
	}
	if cfg.Jobs <= 0 {
		cfg.Jobs = runtime.GOMAXPROCS(0)
	}
	if cfg.Watchdog == 0 {
		cfg.Watchdog = time.Minute
	}
	if cfg.CaseLimit == 0 {
		cfg.CaseLimit = 5 * time.Minute
	}

	run := &result.Run{
		Schema: result.Schema, Seed: cfg.Seed, Started: time.Now(),
		SDK:   result.SDK{Selected: cfg.SDK, Network: "virtual"},
		Cases: make([]result.Case, len(cfg.Cases)),
	}
	for i, c := range cfg.Cases {
		run.Cases[i] = *newResult(c, CaseSeed(cfg.Seed, c.ID))
		run.Cases[i].Failure = &result.Failure{Message: "the run ended before this case began", Replay: replay(c, cfg)}
	}
	d := &dispatch{cfg: cfg, program: program, run: run, unfinished: len(cfg.Cases)}
	err = d.all(ctx)
	run.Wall = time.Since(run.Started)
	for _, c := range run.Cases {
		run.Virtual += c.Virtual
	}
	run.Interrupted = ctx.Err() != nil && d.unfinished > 0
	return run, err
}

// dispatch hands out the cases of one run.
type dispatch struct {
	cfg     Config
	program string

	mu         sync.Mutex
	run        *result.Run
	next       int // index of the next case
	unfinished int // cases without a result
}

// all runs every case, Jobs at a time. The first worker that can't be had ends the run.
func (d *dispatch) all(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	jobs := min(d.cfg.Jobs, len(d.cfg.Cases))
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
		if worker == nil {
			var err error
			if worker, err = newProcess(ctx, d.program); err != nil {
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

// take is the next case, if there is one and the run goes on.
func (d *dispatch) take(ctx context.Context) (i int, any bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.next == len(d.cfg.Cases) || ctx.Err() != nil {
		return 0, false
	}
	i = d.next
	d.next++
	if d.cfg.Began != nil {
		d.cfg.Began(d.cfg.Cases[i])
	}
	return i, true
}

// one has a worker run one case, and tells whether the worker is gone.
func (d *dispatch) one(ctx context.Context, worker *process, i int) (gone bool) {
	c := d.cfg.Cases[i]
	began := time.Now()
	ended, gone, err := worker.run(ctx, request{
		Job:      Job{Case: c, Seed: CaseSeed(d.cfg.Seed, c.ID), SDK: d.cfg.SDK, Out: d.cfg.Out, Replay: replay(c, d.cfg)},
		Watchdog: d.cfg.Watchdog,
	}, d.cfg.CaseLimit)

	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		ended = &d.run.Cases[i]
		ended.Wall = time.Since(began)
		if ctx.Err() != nil {
			ended.Failure.Message = "the run ended while this case was running"
			return true
		}
		ended.Outcome = result.HarnessFault
		ended.Failure.Message = fmt.Sprintf("the worker process was lost: %v", err)
		if errors.Is(err, errLate) {
			ended.Failure.Message = fmt.Sprintf("the case wasn't done after %v of real time", d.cfg.CaseLimit)
		}
		ended.Failure.Actual = worker.log.String()
	}
	d.run.Cases[i] = *ended
	d.unfinished--
	if d.cfg.Ended != nil {
		d.cfg.Ended(ended)
	}
	return gone
}

// replay is the command that runs a case again.
func replay(c selection.Case, cfg Config) string {
	return fmt.Sprintf("proxyspec run %s --seed %d --sdk %s", quote(fmt.Sprintf("%s:%d", c.Path, c.Line)), cfg.Seed, quote(cfg.SDK))
}

var plain = regexp.MustCompile(`^[\pL\pN_./:@%+=,-]+$`)

// quote makes an argument safe to paste into a shell.
func quote(arg string) string {
	if plain.MatchString(arg) {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
