package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/explore"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
)

// expedition is what the user asks of explore.
type expedition struct {
	sdk   string
	runs  int
	seed  uint64
	jobs  int
	quiet bool
}

func (c *command) exploreCommand() *cobra.Command {
	var x expedition
	cmd := &cobra.Command{
		Use:   "explore",
		Short: "Look for broken rules in random worlds",
		Long: `Explore draws random worlds: offices, calls of an SDK's methods in any order, and what goes wrong meanwhile. It runs
each in virtual time against the rules that hold in any world. The first that breaks one is shrunk to the steps that it
takes, and written into this folder as a feature file, which "proxyspec run" replays.

Exit codes: 0 every rule was kept; 1 one was broken; 2 usage; 3 a fault of the harness; 6 the file couldn't be written;
130 interrupted.`,
		Example: `  proxyspec explore --runs 1000 --seed 7
  proxyspec explore --sdk mutant:direct-messages`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return c.explore(x) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&x.sdk, "sdk", c.suite.SDKs[0].Name, "the SDK to test: reference, or mutant:NAME")
	f.IntVar(&x.runs, "runs", 100, "how many worlds")
	f.Uint64Var(&x.seed, "seed", 1, "what chance depends on; the same seed gives the same worlds")
	f.IntVar(&x.jobs, "jobs", 0, "how many worlds run at once (default: one for each processor)")
	f.BoolVarP(&x.quiet, "quiet", "q", false, "no progress, only what was found")
	return cmd
}

func (c *command) explore(x expedition) error {
	switch {
	case strings.HasPrefix(x.sdk, ExecPrefix) || strings.HasPrefix(x.sdk, BrowserPrefix):
		return usage(fmt.Errorf("--sdk %s: random worlds are in virtual time, and a program or a browser is not; name reference or mutant:NAME", x.sdk))
	case x.runs < 1 || x.runs > 10_000_000:
		return usage(fmt.Errorf("--runs must be from 1 to 10000000, not %d", x.runs))
	case x.jobs < 0:
		return usage(fmt.Errorf("--jobs must be at least 1, not %d", x.jobs))
	}
	if _, err := c.sdk(x.sdk); err != nil {
		return usage(err)
	}
	ctx, stop := untilInterrupted()
	defer stop()
	const batch = 1000
	steps, done := 0, 0
	// Worlds have no cost that was measured: each counts as the average case does.
	shown := newProgress(c.stderr, x.quiet, "exploring with "+x.sdk, make([]string, x.runs), x.seed)
	for first := 0; first < x.runs; first += batch {
		var worlds []explore.World
		for n := first; n < min(first+batch, x.runs); n++ {
			worlds = append(worlds, explore.New(x.seed, uint64(n)))
		}
		results, err := x.run(ctx, worlds, func(r *result.Case) { done++; shown.current = r.ID; shown.ended(r) })
		if err != nil {
			shown.over()
			return &exit{code: result.ExitFault, err: err}
		}
		for i, r := range results {
			if r != nil {
				steps += len(r.Steps)
			}
			if r != nil && r.Outcome != result.Pass && r.Outcome != result.NotRun {
				shown.over()
				return c.found(ctx, x, worlds[i], r, first+i)
			}
		}
		if ctx.Err() != nil {
			shown.over()
			return &exit{code: result.ExitInterrupted, err: fmt.Errorf("interrupted after %s; every rule was kept until then", plural(done, "world"))}
		}
	}
	shown.over()
	fmt.Fprintf(c.stdout, "%s, %s, seed %d: every rule was kept\n", plural(x.runs, "world"), plural(steps, "step"), x.seed)
	return nil
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

// found shrinks a world in which a rule was broken, and writes it down.
func (c *command) found(ctx context.Context, x expedition, w explore.World, r *result.Case, number int) error {
	kind := ruleOf(r)
	var fault error
	small := w.Shrink(func(w explore.World) bool {
		if ctx.Err() != nil || fault != nil {
			return false
		}
		results, err := x.run(ctx, []explore.World{w}, func(*result.Case) {})
		fault = errors.Join(fault, err)
		if err != nil || results[0] == nil || results[0].Outcome != r.Outcome || ruleOf(results[0]) != kind {
			return false
		}
		r = results[0]
		return true
	})
	if fault != nil {
		return &exit{code: result.ExitFault, err: fault}
	}
	again := fmt.Sprintf("proxyspec run %s --seed %d --sdk %s", small.File(), x.seed, x.sdk)
	if err := os.WriteFile(small.File(), []byte(small.Text(fmt.Sprintf("%s, in world %d of seed %d.", kind, number, x.seed), again)), 0o644); err != nil {
		return &exit{code: result.ExitReport, err: err}
	}
	fmt.Fprintf(c.stdout, "world %d of seed %d: %s\n%s\nreplay: %s\n", number, x.seed, r.Failure.Error(), small.Text(), again)
	code := result.ExitFailed
	if r.Outcome != result.Fail {
		code = result.ExitFault
	}
	return &exit{code: code}
}

// ruleOf is the first words of a failure: the requirement, and what was wrong.
func ruleOf(r *result.Case) string {
	if r.Failure == nil {
		return string(r.Outcome)
	}
	rule, _, _ := strings.Cut(r.Failure.Message, "\n")
	return rule
}
