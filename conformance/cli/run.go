package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/nearest"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/reports"
)

// order is what the user asks of a run.
type order struct {
	paths []string
	sdk   string
	tags  string
	seed  uint64
	jobs  int
	out   string
	quiet bool
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

Exit codes: 0 every selected MUST passed; 1 a requirement failed; 2 usage or selection, such as an unknown
name, a broken feature file or an undefined step; 3 a fault of the harness, or unsound ground; 4 an
expectation that is no longer true; 5 a MUST was not supported, judged or run; 6 a report couldn't be
written; 130 interrupted.`,
		Example: `  proxyspec run
  proxyspec run features/flow/lookup.feature:12
  proxyspec run --tags "@CP-API-12 or @CP-API-13"
  proxyspec run my-own.feature --out my-report`,
		RunE: func(_ *cobra.Command, args []string) error {
			o.paths = args
			return c.run(o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.sdk, "sdk", c.suite.SDKs[0].Name, "the SDK to test: "+c.known())
	f.StringVar(&o.tags, "tags", "", `only scenarios with these tags: "@CP-FLOW-01 and not @slow"`)
	f.Uint64Var(&o.seed, "seed", 1, "what chance in the world depends on; the same seed gives the same packets")
	f.IntVar(&o.jobs, "jobs", 0, "how many cases run at once (default: one for each processor)")
	f.StringVar(&o.out, "out", "proxyspec-report", "the folder for the report")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress, only the summary")
	return cmd
}

func (c *command) run(o order) error {
	sdk, err := c.sdk(o.sdk)
	if err != nil {
		return usage(err)
	}
	if o.jobs < 0 {
		return usage(fmt.Errorf("--jobs must be at least 1, not %d", o.jobs))
	}
	if err := runner.Check(c.suite.Definitions); err != nil {
		return &exit{code: result.ExitFault, err: err}
	}
	s, err := c.selected(o.paths, o.tags)
	if err != nil {
		return err
	}
	out, err := filepath.Abs(o.out)
	if err == nil {
		err = prepare(out)
	}
	if err != nil {
		return &exit{code: result.ExitReport, err: fmt.Errorf("--out %s: %w", o.out, err)}
	}

	ctx, stop := untilInterrupted()
	defer stop()
	shown := newProgress(c.stderr, o.quiet, "testing "+o.sdk, len(s.cases), o.seed)
	run, err := runner.Run(ctx, runner.Config{
		Cases: s.cases, Seed: o.seed, SDK: o.sdk, Jobs: o.jobs, Out: out,
		Began: shown.began, Ended: shown.ended,
	})
	shown.over()
	if err != nil {
		return &exit{code: result.ExitFault, err: err}
	}
	run.Tool, run.Suite, run.Environment = tool(), s.suite, environment()
	run.SDK.Name, run.SDK.Version, run.SDK.Adapter = sdk.Product, sdk.Version, "in process"
	run.Requirements = s.catalogue.Blank(s.scenarios)
	result.Judge(run)

	failed := reports.Write(out, run)
	if err := reports.Summary(c.stdout, run, reports.Terminal{Color: hasColor(c.stdout), Dir: o.out}); err != nil {
		failed = errors.Join(failed, err)
	}
	if failed != nil {
		return &exit{code: result.ExitReport, err: failed}
	}
	if code := result.ExitCode(run); code != result.ExitPassed {
		return &exit{code: code}
	}
	return nil
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

// sdk finds an SDK by what the user typed.
func (c *command) sdk(name string) (SDK, error) {
	var known []string
	for _, sdk := range c.suite.SDKs {
		if sdk.Name == name {
			return sdk, nil
		}
		known = append(known, sdk.Name)
	}
	return SDK{}, fmt.Errorf("--sdk %q isn't known%s; there are %s", name, nearest.Hint(name, known), c.known())
}

// known is what --sdk can name. Of the mutants there are too many.
func (c *command) known() string {
	var names []string
	for _, sdk := range c.suite.SDKs {
		if !strings.HasPrefix(sdk.Name, mutantPrefix) {
			names = append(names, sdk.Name)
		}
	}
	if len(names) < len(c.suite.SDKs) {
		names = append(names, mutantPrefix+"NAME, as \"proxyspec mutants --list\" shows them")
	}
	return strings.Join(names, ", ")
}
