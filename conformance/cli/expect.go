package cli

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/expectation"
	"github.com/proxyspec/proxyspec/conformance/result"
)

// expect puts into a run what a file says of its SDK. The SDK must be there already.
func (s *selected) expect(run *result.Run, f *expectation.File) {
	if f == nil {
		return
	}
	run.Expectations, run.Profile = f.For(run.SDK)
	run.Stale = expectation.Stale(run.Expectations, run.Profile, run.Started, s.known, s.scenarios)
}

// readExpectations reads a file of them; without one it is nil.
func readExpectations(file string) (*expectation.File, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--expect: %w", err)
	}
	return expectation.Parse(file, text)
}

func (c *command) expectCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "expect",
		Short: "Keep a file of what is known to fail",
	}, c.expectUpdateCommand())
}

func (c *command) expectUpdateCommand() *cobra.Command {
	var file, out string
	var write bool
	var fresh expectation.New
	cmd := &cobra.Command{
		Use:   "update",
		Short: "Show, or write, what the last report changes in a file of expectations",
		Long: `Update compares a file of expectations with the last report that was written with it, and prints what should
change as a diff: entries whose failures have gone are taken out, and with --reason, --issue and --expires each scenario
that failed unexpectedly gets an entry. An entry that has merely expired stays: only a person can say that it holds for
longer. Comments and all other entries stay as they are. With --write the file is changed.

A file looks like this:

  expect:
    - requirement: CP-RES-05          # or scenario: flow/lookup/a-silent-lookup-fails-the-join
      sdk: our SDK                    # as the report names it, or as --sdk does
      versions: ">=2.5.1 <3.4.0"      # all, if it is left out
      outcome: fail                   # or "not supported"; fail, if it is left out
      reason: it gives up after one try
      issue: https://tracker.example/1234
      expires: 2027-01-31
  profiles:
    - sdk: our SDK
      claims: [CP-FLOW, CP-API, CP-SEQ, CP-RES-01]

A profile says what an SDK claims: what it doesn't claim and fails is not supported, and a MUST that is not supported
makes a run partial.`,
		Example: `  proxyspec run --expect known.yaml
  proxyspec expect update --expect known.yaml
  proxyspec expect update --expect known.yaml --reason "gives up" --issue https://tracker.example/1 --expires 2027-01-31 --write`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return c.expectUpdate(file, out, fresh, write) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&file, "expect", "", "the file; one that isn't there is written anew")
	reportFlag(f, &out, "the folder of the report")
	f.StringVar(&fresh.Reason, "reason", "", "why what failed unexpectedly is accepted for now")
	f.StringVar(&fresh.Issue, "issue", "", "a link to where that is tracked")
	f.StringVar(&fresh.Expires, "expires", "", "the last day on which it is accepted: 2027-01-31")
	f.BoolVar(&write, "write", false, "change the file")
	return cmd
}

func (c *command) expectUpdate(file, out string, fresh expectation.New, write bool) error {
	if file == "" {
		return usage(errors.New("name the file with --expect"))
	}
	if err := fresh.Check(time.Now()); err != nil {
		return usage(err)
	}
	run, err := loadReport(out)
	if err != nil {
		return usage(err)
	}
	source, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return usage(err)
	}
	f, err := expectation.Parse(file, source)
	if err != nil {
		return usage(err)
	}
	text, err := expectation.Update(string(source), f, run, fresh)
	if err != nil {
		return usage(fmt.Errorf("%s: %w", file, err))
	}
	if _, err := expectation.Parse(file, []byte(text)); err != nil {
		return usage(fmt.Errorf("with these words the file would be wrong: %w", err))
	}
	if text == string(source) {
		fmt.Fprintf(c.stdout, "%s needs no change\n", file)
	}
	fmt.Fprint(c.stdout, lineDiff(string(source), text))
	for _, one := range run.Cases {
		if one.Outcome == result.Fail && fresh.Reason == "" {
			fmt.Fprintf(c.stdout, "not in the file: %s failed; say --reason, --issue and --expires to accept it\n", one.ID)
		}
	}
	if !write || text == string(source) {
		return nil
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return &exit{code: result.ExitReport, err: err}
	}
	return nil
}
