package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/conformance/limits"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/selection"
)

// Config says what to run, and how.
type Config struct {
	Cases []selection.Case
	Seed  uint64 // of the run
	SDK   string // as the user named it: "reference", "mutant:direct-media"

	// Place says where a case runs. Default: all on the virtual network.
	Place func(selection.Case) Place
	// Limits are what the SDK is given, and LimitsFile where they are from. Default: the catalogue's.
	Limits     limits.Limits
	LimitsFile string

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

func (cfg Config) withDefaults() Config {
	if cfg.Jobs <= 0 {
		cfg.Jobs = runtime.GOMAXPROCS(0)
	}
	if cfg.Watchdog == 0 {
		cfg.Watchdog = time.Minute
	}
	if cfg.CaseLimit == 0 {
		cfg.CaseLimit = 5 * time.Minute
	}
	return cfg
}

// task is a case, and where it runs.
func (cfg Config) task(c selection.Case) Task {
	t := Task{Case: c, SDK: cfg.SDK}
	if cfg.Place != nil {
		t.Place = cfg.Place(c)
	}
	return t
}

// job is a task as a worker is given it.
func (cfg Config) job(t Task) Job {
	return Job{Case: t.Case, Seed: CaseSeed(cfg.Seed, t.Case.ID), SDK: t.SDK, Network: t.Network, Open: t.Open, Limits: cfg.Limits, Out: cfg.Out, Replay: cfg.replay(t)}
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
	run := &result.Run{
		Schema: result.Schema, Seed: cfg.Seed, Limits: cfg.Limits.Changed(), Started: time.Now(),
		SDK:   result.SDK{Selected: cfg.SDK, Network: "virtual"},
		Cases: make([]result.Case, len(cfg.Cases)),
	}
	tasks := make([]Task, len(cfg.Cases))
	for i, c := range cfg.Cases {
		tasks[i] = cfg.task(c)
		run.Cases[i] = *cfg.notRun(tasks[i], "the run ended before this case began")
	}
	finished := 0
	err := Each(ctx, cfg, tasks, func(i int, c *result.Case) {
		if c.Outcome != result.NotRun || tasks[i].NotRun != "" {
			finished++
			if cfg.Ended != nil {
				cfg.Ended(c)
			}
		}
		run.Cases[i] = *c
	})
	run.Wall = time.Since(run.Started)
	for _, c := range run.Cases {
		run.Virtual += c.Virtual
	}
	run.Interrupted = ctx.Err() != nil && finished < len(tasks)
	return run, err
}

// Unfinished is what a run has of its cases before the first has ended: that none was run to its end.
func Unfinished(cfg Config) []result.Case {
	cases := make([]result.Case, len(cfg.Cases))
	for i, c := range cfg.Cases {
		cases[i] = *cfg.notRun(cfg.task(c), "the run ended before this case did")
	}
	return cases
}

// notRun is the result of a task that wasn't run, or not to its end: because of its place, or else because of why.
func (cfg Config) notRun(t Task, why string) *result.Case {
	c := newResult(t.Case, CaseSeed(cfg.Seed, t.Case.ID))
	c.Failure = &result.Failure{Message: cmp.Or(t.NotRun, why), Replay: cfg.replay(t)}
	return c
}

// replay is the command that runs a task again.
func (cfg Config) replay(t Task) string {
	command := fmt.Sprintf("proxyspec run %s --seed %d --sdk %s", quote(fmt.Sprintf("%s:%d", t.Case.Path, t.Case.Line)), cfg.Seed, quote(t.SDK))
	if t.Network == Kernel {
		command += " --net " + Kernel
	}
	if cfg.LimitsFile != "" {
		command += " --limits " + quote(cfg.LimitsFile)
	}
	return command
}

var plain = regexp.MustCompile(`^[\pL\pN_./:@%+=,-]+$`)

// quote makes an argument safe to paste into a shell.
func quote(arg string) string {
	if plain.MatchString(arg) {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
