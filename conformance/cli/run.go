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
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/browser"
	"github.com/proxyspec/proxyspec/conformance/limits"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/shard"
	"github.com/proxyspec/proxyspec/conformance/variant"
	"github.com/proxyspec/proxyspec/reports"
	"github.com/proxyspec/proxyspec/text/nearest"
)

// order is what the user asks of a run.
type order struct {
	paths []string
	sdk   string
	net   string
	tags  string
	seed  uint64
	jobs  int
	shard string
	part  shard.Shard // what shard says
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

An SDK that takes longer than the requirements allow, within limits of its own, is given them in a file. Every line
is optional; these are the defaults:

` + indented(limits.Example()) + `
Exit codes: 0 every selected MUST passed; 1 a requirement failed; 2 usage or selection, such as an unknown
name, a broken feature file or an undefined step; 3 a fault of the harness, or unsound ground; 4 an
expectation that is no longer true; 5 a MUST was not supported, judged or run; 6 a report couldn't be
written; 130 interrupted.`,
		Example: `  proxyspec run
  proxyspec run features/flow/lookup.feature:12
  proxyspec run --tags "@CP-API-12 or @CP-API-13"
  proxyspec run --limits slow.yaml
  proxyspec run my-own.feature --out my-report`,
		RunE: func(_ *cobra.Command, args []string) error {
			o.paths = args
			return c.run(o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.sdk, "sdk", c.suite.SDKs[0].Name, "the SDK to test: "+c.known())
	f.StringVar(&o.net, "net", "", `virtual: virtual time, in this process; kernel: real time and real packets, the SDK in a namespace of its own
(default: virtual, and kernel for a program)`)
	f.StringVar(&o.tags, "tags", "", `only scenarios with these tags: "@CP-FLOW-01 and not @slow"`)
	f.Uint64Var(&o.seed, "seed", 1, "what chance in the world depends on; the same seed gives the same packets")
	f.IntVar(&o.jobs, "jobs", 0, "how many cases run at once (default: one for each processor)")
	f.StringVar(&o.shard, "shard", "", `only one part of several: "2/5", or "env" to read it from CI_NODE_INDEX or JOB_COMPLETION_INDEX`)
	f.StringVar(&o.expect, "expect", "", "a file of what is known to fail; \"proxyspec expect update --help\" shows one")
	f.StringVar(&o.limits, "limits", "", "a file with other limits, as above; the report shows them")
	reportFlag(f, &o.out, "the folder for the report")
	f.BoolVar(&o.annotate, "annotate", false, "print failures as annotations of GitHub Actions too")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress, only the summary")
	return cmd
}

func (c *command) run(o order) error {
	sdk, err := c.sdk(o.sdk)
	if err != nil {
		return usage(err)
	}
	var note string
	if o.net, note, err = network(o.sdk, o.net); err != nil {
		return usage(err)
	}
	if note != "" {
		fmt.Fprintln(c.stderr, "proxyspec: "+note)
	}
	if o.jobs < 0 {
		return usage(fmt.Errorf("--jobs must be at least 1, not %d", o.jobs))
	}
	given, err := readLimits(o.limits)
	if err != nil {
		return usage(err)
	}
	expected, err := readExpectations(o.expect)
	if err != nil {
		return usage(err)
	}
	if err := runner.Check(c.suite.Definitions); err != nil {
		return &exit{code: result.ExitFault, err: err}
	}
	if o.part, err = shard.Find(o.shard, os.Getenv); err != nil {
		return usage(fmt.Errorf("--shard: %w", err))
	}
	s, err := c.selected(o.paths, o.tags)
	if err != nil {
		return err
	}
	if s.cases = o.part.Split(s.cases); len(s.cases) == 0 {
		return usage(fmt.Errorf("--shard %v has no case: there are fewer cases than shards", o.part))
	}
	out, err := filepath.Abs(o.out)
	if err == nil {
		err = prepare(out)
	}
	if err != nil {
		return &exit{code: result.ExitReport, err: fmt.Errorf("--out %s: %w", o.out, err)}
	}

	blank := c.blank(o, sdk, s, given)
	s.expect(blank, expected)
	kept := newJournal(out, blank, s.cases)
	if sdk.Version == "" {
		kept.meet = func(p result.Product) {
			blank.SDK.Program, blank.SDK.Name, blank.SDK.Version = sdk.Product, p.Name, p.Version
			s.expect(blank, expected)
		}
	}
	if err := kept.write(); err != nil {
		return &exit{code: result.ExitReport, err: fmt.Errorf("--out %s: %w", o.out, err)}
	}

	ctx, stop := untilInterrupted()
	defer stop()
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	shown := newProgress(c.stderr, o.quiet, "testing "+o.sdk+inShard(o.part), idsOf(s.cases), o.seed)
	cfg := runner.Config{
		Cases: s.cases, Seed: o.seed, SDK: o.sdk, Jobs: o.jobs, Out: out, Limits: given, LimitsFile: o.limits,
		Began: shown.began, Ended: func(one *result.Case) {
			shown.ended(one)
			if kept.ended(one); kept.lost != nil {
				giveUp()
			}
		},
	}
	if o.net == runner.Kernel {
		cfg.Place = c.place
		if o.jobs == 0 {
			cfg.Jobs = kernelJobs * runtime.GOMAXPROCS(0)
			if strings.HasPrefix(o.sdk, BrowserPrefix) {
				cfg.Jobs = browserJobs * runtime.GOMAXPROCS(0)
			}
		}
	}
	run, err := runner.Run(ctx, cfg)
	shown.over()
	if kept.lost != nil {
		return &exit{code: result.ExitReport, err: fmt.Errorf("--out %s: keep the evidence: %w", o.out, kept.lost)}
	}
	if err != nil {
		return &exit{code: result.ExitFault, err: err}
	}
	if err := c.vary(ctx, o, run, cfg); err != nil {
		return &exit{code: result.ExitFault, err: err}
	}
	label(run, blank)
	result.Judge(run)

	failed := errors.Join(kept.finish(run), reports.Write(out, run))
	if err := reports.Summary(c.stdout, run, reports.Terminal{Color: hasColor(c.stdout), Dir: o.out}); err != nil {
		failed = errors.Join(failed, err)
	}
	if o.annotate {
		failed = errors.Join(failed, reports.Annotations(c.stdout, run))
	}
	if failed != nil {
		return &exit{code: result.ExitReport, err: failed}
	}
	if code := result.ExitCode(run); code != result.ExitPassed {
		return &exit{code: code}
	}
	return nil
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
func (c *command) blank(o order, sdk SDK, s *selected, given limits.Limits) *result.Run {
	run := &result.Run{
		Schema: result.Schema, Tool: tool(), Suite: s.suite, Environment: environment(), Seed: o.seed, Started: time.Now(),
		Limits: given.Changed(),
		SDK: result.SDK{
			Selected: o.sdk, Name: sdk.Product, Version: sdk.Version, Adapter: adapterOf(o.sdk, o.net), Network: o.net,
		},
		Requirements: s.catalogue.Blank(s.scenarios),
	}
	run.Suite.Shard = o.part.String()
	return run
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
		ids[i] = c.ID
	}
	return ids
}

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

// adapterOf is how the suite speaks with the SDK.
func adapterOf(sdk, net string) string {
	if strings.HasPrefix(sdk, BrowserPrefix) {
		return "browser"
	}
	if net == runner.Kernel {
		return "exec"
	}
	return "in process"
}

// sdk finds an SDK by what the user typed.
func (c *command) sdk(name string) (SDK, error) {
	if line, isProgram := strings.CutPrefix(name, ExecPrefix); isProgram {
		if strings.TrimSpace(line) == "" {
			return SDK{}, fmt.Errorf("--sdk %s needs a command: --sdk \"exec:node my-adapter.js\"", ExecPrefix)
		}
		return SDK{Name: name, Product: line}, nil
	}
	if strings.HasPrefix(name, BrowserPrefix) {
		if c.suite.Page == nil {
			return SDK{}, fmt.Errorf("--sdk %s: this suite has nothing for browsers", name)
		}
		if _, err := browser.Find(); err != nil {
			return SDK{}, fmt.Errorf("--sdk %s: %w", name, err)
		}
		sdk, err := c.suite.Page(name)
		if err != nil {
			return SDK{}, fmt.Errorf("--sdk %s: %w", name, err)
		}
		return sdk, nil
	}
	var known []string
	for _, sdk := range c.suite.SDKs {
		if sdk.Name == name {
			return sdk, nil
		}
		known = append(known, sdk.Name)
	}
	return SDK{}, fmt.Errorf("--sdk %q isn't known: there are %s%s", name, c.known(), nearest.Hint(name, known))
}

// known is what --sdk can name. Of the mutants there are too many.
func (c *command) known() string {
	var names []string
	for _, sdk := range c.suite.SDKs {
		if !strings.HasPrefix(sdk.Name, mutantPrefix) {
			names = append(names, sdk.Name)
		}
	}
	names = append(names, `"exec:COMMAND" for a program that is an adapter`, `"browser:FILE.js" for a script in Chromium (browser:reference is ours)`)
	if len(names)-2 < len(c.suite.SDKs) {
		names = append(names, mutantPrefix+"NAME, as \"proxyspec mutants --list\" shows them")
	}
	return strings.Join(names, ", ")
}
