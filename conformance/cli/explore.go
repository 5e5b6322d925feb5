package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/explore"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
)

// expedition is what the user asks of explore.
type expedition struct {
	sdk    string
	runs   int
	time   time.Duration // real time; 0: without end
	seed   uint64
	jobs   int
	quiet  bool
	format string
}

// explored is what came of it.
type explored struct {
	SDK    string        `json:"sdk"`
	Seed   uint64        `json:"seed"`
	Worlds int           `json:"worlds"` // that were run
	Steps  int           `json:"steps"`  // in them
	Time   time.Duration `json:"timeNs"`
	Broken *brokenRule   `json:"broken,omitempty"`
}

// brokenRule is the first world that broke a rule, and what is left of it.
type brokenRule struct {
	World  int      `json:"world"`
	Rule   string   `json:"rule"`
	Why    string   `json:"why"`
	Steps  []string `json:"steps"`
	File   string   `json:"file"`
	Replay string   `json:"replay"`
}

func (e *explored) text() string {
	if b := e.Broken; b != nil {
		return fmt.Sprintf("world %d of seed %d: %s\n%s\nreplay: %s\n", b.World, e.Seed, b.Why, explore.World{Steps: b.Steps}.Text(), b.Replay)
	}
	return fmt.Sprintf("%s, %s, seed %d: every rule was kept\n", plural(e.Worlds, "world"), plural(e.Steps, "step"), e.Seed)
}

func (c *command) exploreCommand() *cobra.Command {
	var x expedition
	cmd := &cobra.Command{
		Use:   "explore",
		Short: "Look for broken rules in random worlds",
		Long: `Explore draws random worlds: offices, calls of an SDK's methods in any order, and what goes wrong meanwhile. It runs
each in virtual time against the rules that hold in any world. The first that breaks one is shrunk to the steps that it
takes, and written into this folder as a feature file, which "proxyspec run" replays. It ends after so many worlds, or
with --time when that has passed.

Exit codes: 0 every rule was kept; 1 one was broken; 2 usage; 3 a fault of the harness; 6 the file couldn't be written;
130 interrupted.`,
		Example: `  proxyspec explore --runs 1000 --seed 7
  proxyspec explore --time 1h --format json
  proxyspec explore --sdk mutant:direct-messages`,
		Args: noArguments,
	}
	f := cmd.Flags()
	cmd.RunE = func(*cobra.Command, []string) error {
		if x.time > 0 && !f.Changed("runs") {
			x.runs = mostWorlds
		}
		return c.explore(x)
	}
	f.SortFlags = false
	f.StringVar(&x.sdk, "sdk", c.suite.SDKs[0].Name, "the SDK to test: reference, or mutant:NAME")
	f.IntVar(&x.runs, "runs", 100, "how many worlds")
	f.DurationVar(&x.time, "time", 0, "how long to go on, such as 10m (default: until all worlds were run)")
	f.Uint64Var(&x.seed, "seed", 1, "what chance depends on; the same seed gives the same worlds")
	jobsFlag(f, &x.jobs, "worlds")
	f.BoolVarP(&x.quiet, "quiet", "q", false, "no progress, only what was found")
	formatFlag(cmd, &x.format, "text", "json")
	return cmd
}

const (
	mostWorlds = 10_000_000
	// A batch ends before the first of its worlds that broke a rule is told: at first there are few in one.
	leastBatch, mostBatch = 20, 1000
)

func (c *command) explore(x expedition) error {
	switch {
	case strings.HasPrefix(x.sdk, ExecPrefix) || strings.HasPrefix(x.sdk, BrowserPrefix):
		return usage(fmt.Errorf("--sdk %s: random worlds are in virtual time, and a program or a browser is not; name reference or mutant:NAME", x.sdk))
	case x.runs < 1 || x.runs > mostWorlds:
		return usage(fmt.Errorf("--runs must be from 1 to %d, not %d", mostWorlds, x.runs))
	case x.time < 0:
		return usage(fmt.Errorf("--time must be more than nothing, not %v", x.time))
	}
	if _, err := c.sdk(x.sdk); err != nil {
		return usage(err)
	}
	interrupted, stop := untilInterrupted()
	defer stop()
	ctx := interrupted
	if x.time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, x.time)
		defer cancel()
	}
	began := time.Now()
	e := &explored{SDK: x.sdk, Seed: x.seed}
	broken, number, err := c.search(ctx, x, e)
	switch {
	case err != nil:
		return &exit{code: result.ExitFault, err: err}
	case broken == nil && interrupted.Err() != nil:
		return &exit{code: result.ExitInterrupted, err: fmt.Errorf("interrupted after %s; every rule was kept until then", plural(e.Worlds, "world"))}
	case broken == nil && e.Worlds == 0:
		return usage(fmt.Errorf("--time %v was over before a world was: nothing was looked at", x.time))
	case broken == nil:
		e.Time = time.Since(began)
		return c.show(x.format, e, e.text())
	}
	fault := broken.Outcome != result.Fail
	e.Broken, err = x.shrink(interrupted, broken, number)
	e.Time = time.Since(began)
	if err != nil {
		return err
	}
	if err := c.show(x.format, e, e.text()); err != nil {
		return err
	}
	if fault {
		return &exit{code: result.ExitFault}
	}
	return &exit{code: result.ExitFailed}
}

// search runs worlds until one breaks a rule, all were run, or ctx ends. It counts them.
func (c *command) search(ctx context.Context, x expedition, e *explored) (broken *result.Case, number int, err error) {
	ended := func(*result.Case) {}
	if x.time == 0 {
		// Worlds have no cost that was measured: each counts as the average case does.
		shown := newProgress(c.stderr, x.quiet, "exploring with "+x.sdk, make([]string, x.runs), x.seed)
		defer shown.over()
		ended = func(r *result.Case) { shown.current = r.ID; shown.ended(r) }
	}
	for first := 0; first < x.runs && ctx.Err() == nil; {
		batch := min(max(first, leastBatch), mostBatch, x.runs-first)
		worlds := make([]explore.World, batch)
		for i := range worlds {
			worlds[i] = explore.New(x.seed, uint64(first+i))
		}
		results, err := x.run(ctx, worlds, ended)
		if err != nil {
			return nil, 0, err
		}
		for i, r := range results {
			if r == nil || r.Outcome == result.NotRun {
				continue
			}
			e.Worlds++
			e.Steps += len(r.Steps)
			if r.Outcome != result.Pass {
				return r, first + i, nil
			}
		}
		first += batch
	}
	return nil, 0, nil
}

// run runs worlds; what had no time to run is nil.
func (x expedition) run(ctx context.Context, worlds []explore.World, ended func(*result.Case)) ([]*result.Case, error) {
	tasks := make([]runner.Task, len(worlds))
	for i, w := range worlds {
		tasks[i] = runner.Task{Case: w.Case(), SDK: x.sdk}
	}
	results := make([]*result.Case, len(worlds))
	err := runner.Each(ctx, runner.Config{Seed: x.seed, SDK: x.sdk, Jobs: x.jobs}, tasks, func(i int, r *result.Case) {
		results[i] = r
		ended(r)
	})
	return results, err
}

// shrink makes a world in which a rule was broken small, and writes it down.
func (x expedition) shrink(ctx context.Context, r *result.Case, number int) (*brokenRule, error) {
	rule, outcome := ruleOf(r), r.Outcome
	var fault error
	small := explore.New(x.seed, uint64(number)).Shrink(func(w explore.World) bool {
		if ctx.Err() != nil || fault != nil {
			return false
		}
		results, err := x.run(ctx, []explore.World{w}, func(*result.Case) {})
		fault = errors.Join(fault, err)
		if err != nil || results[0] == nil || results[0].Outcome != outcome || ruleOf(results[0]) != rule {
			return false
		}
		r = results[0]
		return true
	})
	if fault != nil {
		return nil, &exit{code: result.ExitFault, err: fault}
	}
	again := fmt.Sprintf("proxyspec run %s --seed %d --sdk %s", small.File(), x.seed, x.sdk)
	text := small.Text(fmt.Sprintf("%s, in world %d of seed %d.", rule, number, x.seed), again)
	if err := os.WriteFile(small.File(), []byte(text), 0o644); err != nil {
		return nil, &exit{code: result.ExitReport, err: err}
	}
	why := rule
	if r.Failure != nil {
		why = r.Failure.Error()
	}
	return &brokenRule{World: number, Rule: rule, Why: why, Steps: small.Steps, File: small.File(), Replay: again}, nil
}

// ruleOf is the first words of a failure: the requirement, and what was wrong.
func ruleOf(r *result.Case) string {
	if r.Failure == nil {
		return string(r.Outcome)
	}
	rule, _, _ := strings.Cut(r.Failure.Message, "\n")
	return rule
}
