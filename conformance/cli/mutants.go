package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/mutation"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/reports"
	"github.com/proxyspec/proxyspec/text/nearest"
)

// usualTags leaves out what takes minutes for each mutant and has a short form besides.
const usualTags = "not @exhaustive"

// trial is what the user asks of a mutation run.
type trial struct {
	names []string
	list  bool
	whole bool
	web   bool
	tags  string
	seed  uint64
	jobs  int
	out   string
	quiet bool
}

func (c *command) mutantsCommand() *cobra.Command {
	var t trial
	cmd := &cobra.Command{
		Use:   "mutants [NAME...]",
		Short: "Prove that the suite notices whoever breaks a rule",
		Long: `Mutants are SDKs, servers and firewalls that each break a rule. This command runs each against the scenarios that name
such a rule (but those tagged @exhaustive), or with --all against the whole suite, and shows who killed whom: a mutant is killed if for each
rule that it breaks a scenario fails. A harness fault is no kill. First the reference must pass the same
scenarios. The report is mutants.html and mutants.json; the index.html of
a run's report in the same folder shows the matrix too.

Exit codes: 0 every mutant was killed, and every MUST that judges an SDK, the cloud proxy, the relay or the firewall
and has a scenario kills one, as does each of its scenarios; 1 a mutant survived or is killed only by scenarios of rules that it
doesn't break, or such a MUST or scenario kills none (not asked when NAMEs are given); 2 usage; 3 the reference failed, or the harness; 5 a scenario left
it open; 6 the report couldn't be written; 130 interrupted.`,
		Example: `  proxyspec mutants
  proxyspec mutants direct-media skips-lookup
  proxyspec mutants --list`,
		RunE: func(cmd *cobra.Command, args []string) error {
			t.names = args
			if t.whole && !cmd.Flags().Changed("tags") {
				t.tags = ""
			}
			return c.mutants(t)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&t.list, "list", false, "only show what there is")
	f.BoolVar(&t.whole, "all", false, "each mutant meets the whole suite")
	f.BoolVar(&t.web, "browser", false, "the mutants of the reference Web SDK, in Chromium on the kernel network")
	f.StringVar(&t.tags, "tags", usualTags, "only scenarios with these tags; with --all the default is every one")
	f.Uint64Var(&t.seed, "seed", 1, "what chance in the worlds depends on")
	jobsFlag(f, &t.jobs, "cases")
	reportFlag(f, &t.out, "the folder for the report")
	f.BoolVarP(&t.quiet, "quiet", "q", false, "no progress, only the matrix")
	return cmd
}

func (c *command) mutants(t trial) error {
	all := c.suite.Mutants
	if t.web {
		if _, err := c.sdk(c.suite.WebSDK); err != nil {
			return usage(err)
		}
		if _, _, err := network(c.suite.WebSDK, ""); err != nil {
			return usage(err)
		}
		all = c.suite.WebMutants
	}
	chosen, err := c.chosenMutants(all, t.names)
	if err != nil {
		return usage(err)
	}
	if t.list {
		for _, m := range chosen {
			fmt.Fprintf(c.stdout, "%s\n    %s that %s\n    breaks %s\n", m.SDK, m.Subject, m.Description, strings.Join(m.Breaks, ", "))
		}
		return nil
	}
	if err := runner.Check(c.suite.Definitions); err != nil {
		return &exit{code: result.ExitFault, err: err}
	}
	s, err := c.selected(nil, t.tags)
	if err != nil {
		return err
	}
	cfg := mutation.Config{
		Mutants: chosen, Reference: c.suite.SDKs[0].Name, Cases: s.cases, Requirements: s.catalogue.Blank(s.scenarios), Definitions: c.suite.Definitions,
		Chosen: len(t.names) > 0, Whole: t.whole, Seed: t.seed, Jobs: t.jobs,
	}
	if len(cfg.Runs()) == 0 {
		return usage(fmt.Errorf("--tags %q leaves no scenario of a rule that these mutants break", t.tags))
	}
	out, err := filepath.Abs(t.out)
	if err == nil {
		err = writable(out)
	}
	if err != nil {
		return &exit{code: result.ExitReport, err: fmt.Errorf("--out %s: %w", t.out, err)}
	}

	ctx, stop := untilInterrupted()
	defer stop()
	what := "testing the suite with " + plural(len(chosen), "mutant")
	shown := newProgress(c.stderr, t.quiet, what, cfg.Runs(), t.seed)
	shown.failing = "failed as they should"
	if t.web {
		cfg.Reference, cfg.Place, cfg.Chosen = c.suite.WebSDK, c.place, true
	}
	cfg.Ended = func(_ string, r *result.Case) { shown.current = r.ID; shown.ended(r) }
	m, err := mutation.Run(ctx, cfg)
	shown.over()
	if err != nil {
		return &exit{code: result.ExitFault, err: err}
	}
	m.Tool = tool()
	failed := reports.WriteMutants(out, m)
	if err := reports.MutantsText(c.stdout, m, reports.Terminal{Color: hasColor(c.stdout), Dir: t.out}); err != nil {
		failed = errors.Join(failed, err)
	}
	if failed != nil {
		return &exit{code: result.ExitReport, err: failed}
	}
	if code := result.MutationExitCode(m); code != result.ExitPassed {
		return &exit{code: code}
	}
	return nil
}

// mutantPrefix is what --sdk has before a mutant's name, and a user may leave out here.
const mutantPrefix = "mutant:"

// chosenMutants is those of all with the names, in the suite's order; all without names.
func (c *command) chosenMutants(all []mutation.Mutant, names []string) ([]mutation.Mutant, error) {
	if len(names) == 0 {
		return all, nil
	}
	short := func(name string) string {
		return strings.TrimPrefix(strings.TrimPrefix(name, BrowserPrefix), mutantPrefix)
	}
	var known []string
	for _, m := range all {
		known = append(known, short(m.SDK))
	}
	var mistakes []error
	wanted := make(map[string]bool)
	for _, name := range names {
		name = short(name)
		if !slices.Contains(known, name) {
			mistakes = append(mistakes, fmt.Errorf("there is no mutant %q%s; with --list this command shows them", name, nearest.Hint(name, known)))
		}
		wanted[name] = true
	}
	var chosen []mutation.Mutant
	for i, m := range all {
		if wanted[known[i]] {
			chosen = append(chosen, m)
		}
	}
	return chosen, errors.Join(mistakes...)
}
