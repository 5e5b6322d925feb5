package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/expectation"
	"github.com/proxyspec/proxyspec/conformance/limits"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/shard"
	"github.com/proxyspec/proxyspec/conformance/variant"
	"github.com/proxyspec/proxyspec/reports"
)

// order is what the user asks of a run.
type order struct {
	paths []string
	sdks  []string
	net   string
	tags  string
	seed  uint64
	jobs  int
	shard string
	// expect is the file of what is known to fail.
	expect string
	limits string // a file; empty: the defaults
	out    string
	quiet  bool
	// annotate has failures shown at their lines by GitHub Actions.
	annotate bool
}

func (c *command) runCommand() *cobra.Command {
	var o order
	cmd := &cobra.Command{
		Use:   "run [PATH...]",
		Short: "Test an SDK and write a report",
		Long: `Run tests an SDK on the virtual network and writes a report.

A PATH is a feature file, a folder of them, or FILE:LINE for the scenario, or the row of its examples, on
that line. Without one the whole suite runs. Paths that begin with "features/" and aren't on disk mean
the suite inside this program.

With --sdk more than once, SDKs, or versions of one from the oldest on, are tested one after another. Each has a report in
a folder of its own below --out, and comparison.html there shows them side by side: requirement by requirement, with the
first in which it changed. The exit code is the worst: the first that fits of 130, 6, 2, 3, 1, 4, 5.

An SDK that takes longer than the requirements allow, within limits of its own, is given them in a file. Every line
is optional; these are the defaults:

` + indented(limits.Example()) + `
Exit codes: 0 every selected MUST passed, and nothing else failed; 1 a requirement, or a scenario of your own, failed;
2 usage or selection, such as an unknown name, a broken feature file or a step that is undefined or makes no sense; 3 a
fault of the harness, or unsound ground; 4 an expectation that is no longer true; 5 a MUST was not supported, judged or
run; 6 a report couldn't be written; 130 interrupted. They judge what was selected, where the verdict judges the whole
catalogue: for one scenario that passes it is "Partial", and the exit code 0.`,
		Example: `  proxyspec run
  proxyspec run features/flow/lookup.feature:7
  proxyspec run --tags "@CP-API-12 or @CP-API-13"
  proxyspec run --sdk browser:sdk-3.3.js --sdk browser:sdk-3.4.js --out versions
  proxyspec run --limits slow.yaml
  proxyspec run my-own.feature --out my-report`,
		RunE: func(_ *cobra.Command, args []string) error {
			o.paths = args
			return c.run(o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringArrayVar(&o.sdks, "sdk", []string{c.suite.SDKs[0].Name}, "the `SDK` to test: "+c.known()+"; once for each of several")
	f.StringVar(&o.net, "net", "", `virtual: virtual time, in this process; kernel: real time and real packets, the SDK in a namespace of its own
(default: virtual, and kernel for a program)`)
	f.StringVar(&o.tags, "tags", "", `only scenarios with these tags: "@CP-FLOW-01 and not @slow"`)
	f.Uint64Var(&o.seed, "seed", 1, "what chance in the world depends on; the same seed gives the same packets")
	jobsFlag(f, &o.jobs, "cases")
	f.StringVar(&o.shard, "shard", "", `only one part of several: "2/5", or "env" to read it from CI_NODE_INDEX and CI_NODE_TOTAL, or JOB_COMPLETION_INDEX and JOB_COMPLETIONS`)
	f.StringVar(&o.expect, "expect", "", "a file of what is known to fail; \"proxyspec expect update --help\" shows one")
	f.StringVar(&o.limits, "limits", "", "a file with other limits, as above; the report shows them")
	reportFlag(f, &o.out, "the folder for the report")
	f.BoolVar(&o.annotate, "annotate", false, "print failures as annotations of GitHub Actions too")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress, only the summary")
	return cmd
}

// plan is an order in which everything that it names was found.
type plan struct {
	order
	part     shard.Shard
	limits   limits.Limits
	expected *expectation.File
	selected *selected
	subjects []subject
}

func (c *command) run(o order) error {
	// What this process has is little, soon garbage, and shares its processors with the workers.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	p, err := c.plan(o)
	if err != nil {
		return err
	}
	ctx, stop := untilInterrupted()
	defer stop()
	if len(p.subjects) > 1 {
		return c.testSeveral(ctx, p)
	}
	run, err := c.test(ctx, p, p.subjects[0])
	if err != nil {
		return err
	}
	if code := result.ExitCode(run); code != result.ExitPassed {
		return &exit{code: code}
	}
	return nil
}

func (c *command) plan(o order) (*plan, error) {
	p := &plan{order: o}
	var err error
	if p.subjects, err = c.subjects(o); err != nil {
		return nil, usage(err)
	}
	if p.limits, err = readLimits(o.limits); err != nil {
		return nil, usage(err)
	}
	if p.expected, err = readExpectations(o.expect); err != nil {
		return nil, usage(err)
	}
	if err := runner.Check(c.suite.Definitions); err != nil {
		return nil, &exit{code: result.ExitFault, err: err}
	}
	if p.part, err = shard.Find(o.shard, os.Getenv); err != nil {
		return nil, usage(fmt.Errorf("--shard: %w", err))
	}
	if p.selected, err = c.selected(o.paths, o.tags); err != nil {
		return nil, err
	}
	p.selected.divide(p.part)
	if len(p.selected.cases) == 0 {
		return nil, usage(fmt.Errorf("--shard %v has no case: there are fewer cases than shards", p.part))
	}
	return p, nil
}

// test has one SDK tested, and writes its report.
func (c *command) test(ctx context.Context, p *plan, sdk subject) (*result.Run, error) {
	s := p.selected
	unwritten := func(err error) error {
		return &exit{code: result.ExitReport, err: fmt.Errorf("--out %s: %w", sdk.out, err)}
	}
	out, err := filepath.Abs(sdk.out)
	if err != nil {
		return nil, unwritten(err)
	}
	release, err := prepare(out)
	if err != nil {
		return nil, unwritten(err)
	}
	defer release()

	blank := p.blank(sdk)
	s.expect(blank, p.expected)
	cfg := c.runnerOf(p, sdk, out)
	kept := newJournal(out, blank, runner.Unfinished(cfg))
	if sdk.Version == "" {
		kept.meet = func(found result.Product) {
			blank.SDK.Program, blank.SDK.Name, blank.SDK.Version = sdk.Product, found.Name, found.Version
			s.expect(blank, p.expected)
		}
	}
	if err := kept.write(); err != nil {
		return nil, unwritten(err)
	}

	running, giveUp := context.WithCancel(ctx)
	defer giveUp()
	shown := newProgress(c.stderr, p.quiet, "testing "+sdk.Name+inShard(p.part), idsOf(s.cases), p.seed)
	cfg.Began = shown.began
	cfg.Ended = func(one *result.Case) {
		shown.ended(one)
		if kept.ended(one); kept.lost != nil {
			giveUp()
		}
	}
	run, err := runner.Run(running, cfg)
	shown.over()
	if kept.lost != nil {
		return nil, unwritten(fmt.Errorf("keep the evidence: %w", kept.lost))
	}
	if err == nil {
		err = c.vary(running, p.order, run, cfg)
	}
	if err != nil {
		return nil, &exit{code: result.ExitFault, err: err}
	}
	label(run, blank)
	result.Judge(run)

	failed := errors.Join(kept.finish(run), reports.Write(out, run),
		reports.Summary(c.stdout, run, reports.Terminal{Color: hasColor(c.stdout), Dir: sdk.out}))
	if p.annotate {
		failed = errors.Join(failed, reports.Annotations(c.stdout, run))
	}
	if failed != nil {
		return nil, &exit{code: result.ExitReport, err: failed}
	}
	return run, nil
}

// runnerOf is how the cases of a plan run with an SDK.
func (c *command) runnerOf(p *plan, sdk subject, out string) runner.Config {
	cfg := runner.Config{
		Cases: p.selected.cases, Seed: p.seed, SDK: sdk.Name, Jobs: p.jobs, Out: out, Limits: p.limits, LimitsFile: p.order.limits,
	}
	if sdk.net != runner.Kernel {
		return cfg
	}
	cfg.Place = c.place
	if p.jobs == 0 {
		cfg.Jobs = kernelJobs * runtime.GOMAXPROCS(0)
		if strings.HasPrefix(sdk.Name, BrowserPrefix) {
			cfg.Jobs = browserJobs * runtime.GOMAXPROCS(0)
		}
	}
	return cfg
}

// vary looks for what would make the failed cases pass.
func (c *command) vary(ctx context.Context, o order, run *result.Run, cfg runner.Config) error {
	plan := variant.Of(run, cfg)
	if plan.Size() > 0 && !o.quiet {
		fmt.Fprintf(c.stderr, "looking for what would make the failed cases pass: %s of their worlds\n", plural(plan.Size(), "variant"))
	}
	return plan.Explain(ctx, cfg)
}

// blank is a run before its first case: all that is known of it by then.
func (p *plan) blank(sdk subject) *result.Run {
	return &result.Run{
		Schema: result.Schema, Tool: tool(), Suite: p.selected.suite, Environment: environment(), Seed: p.seed, Started: time.Now(),
		Limits: p.limits.Changed(),
		SDK: result.SDK{
			Selected: sdk.Name, Name: sdk.Product, Version: sdk.Version, Adapter: adapterOf(sdk.Name, sdk.net), Network: sdk.net,
		},
		Requirements: p.selected.catalogue.Blank(p.selected.scenarios),
	}
}

// label says of a run what is said of a blank one.
func label(run, blank *result.Run) {
	run.Tool, run.Suite, run.SDK, run.Environment = blank.Tool, blank.Suite, blank.SDK, blank.Environment
	run.Requirements = slices.Clone(blank.Requirements)
	run.Expectations, run.Stale, run.Profile = blank.Expectations, blank.Stale, blank.Profile
}

func idsOf(cases []selection.Case) []string {
	ids := make([]string, len(cases))
	for i, c := range cases {
		ids[i] = idOf(c)
	}
	return ids
}

func idOf(c selection.Case) string { return c.ID }

func inShard(s shard.Shard) string {
	if s.String() == "" {
		return ""
	}
	return ", shard " + s.String()
}

// untilInterrupted ends with Ctrl-C; a second one then ends the program at once.
func untilInterrupted() (ctx context.Context, stop func()) {
	ctx, end := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	again := context.AfterFunc(ctx, end)
	return ctx, func() { again(); end() }
}

// hasColor tells whether colours are welcome.
func hasColor(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
