package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/sim/policy"
	"github.com/proxyspec/proxyspec/text/nearest"
)

// lintOrder is what the user asks of lint.
type lintOrder struct {
	profile, sdk, zone, today, format string
	maxAge                            int
}

func (c *command) firewallLint() *cobra.Command {
	var o lintOrder
	cmd := &cobra.Command{
		Use:   "lint POLICY...",
		Short: "Find what is wrong with a list",
		Long: `Lint finds what is wrong with a list: fields that nobody knows, ranges that are reversed or overlap, rows that
stand there twice, test addresses where production is meant, a list that is old or for another SDK version, rows
without a purpose, and domain names that don't resolve in the zone that is given. Each finding has a place, a code
and a remedy.

Exit codes: 0 no errors, though there may be warnings; 1 a finding is an error; 2 usage, or a file that can't be read.`,
		Example: `  proxyspec firewall lint policy.yaml
  proxyspec firewall lint policy.yaml --profile production --sdk 3.3.1
  proxyspec firewall lint policy.yaml --zone zone.txt --max-age 90
  proxyspec firewall lint cloud-proxy-test --sdk 3.4.0`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(fmt.Errorf("%s needs a POLICY: a file, or a name such as %s", cmd.CommandPath(), policy.CloudProxyTest))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			options, err := o.options()
			if err != nil {
				return err
			}
			return c.lint(cmd, args, options, o.format)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.profile, "profile", "", "what the list is to be used for: test or production (default: what it says itself)")
	f.StringVar(&o.sdk, "sdk", "", "the SDK version that it is to be used with")
	f.StringVar(&o.zone, "zone", "", "a file that says what domain names mean, in the form of name servers (RFC 1035)")
	f.IntVar(&o.maxAge, "max-age", int(policy.DefaultMaxAge/(24*time.Hour)), "how many days old a list may be")
	f.StringVar(&o.today, "today", "", "the day by which ages are counted, as 2026-01-31 (default: today)")
	formatFlag(cmd, &o.format, "text", "json")
	return cmd
}

func (o *lintOrder) options() (policy.LintOptions, error) {
	options := policy.LintOptions{Profile: policy.Stage(o.profile), MaxAge: time.Duration(o.maxAge) * 24 * time.Hour, Today: time.Now()}
	var err error
	switch profiles := []string{string(policy.Test), string(policy.Production)}; options.Profile {
	case "", policy.Test, policy.Production:
	default:
		return options, usage(fmt.Errorf("--profile %q isn't known: there are test and production%s", o.profile, nearest.Hint(o.profile, profiles)))
	}
	if o.maxAge < 1 {
		return options, usage(fmt.Errorf("--max-age must be at least 1, not %d", o.maxAge))
	}
	if o.sdk != "" {
		if options.SDK, err = policy.ParseVersion(o.sdk); err != nil {
			return options, usage(fmt.Errorf("--sdk: %w", err))
		}
	}
	if o.today != "" {
		if options.Today, err = time.Parse(time.DateOnly, o.today); err != nil {
			return options, usage(fmt.Errorf("--today %q is no day: write it as 2026-01-31", o.today))
		}
	}
	options.Zone, err = readZone(o.zone)
	return options, err
}

func (c *command) lint(cmd *cobra.Command, args []string, options policy.LintOptions, format string) error {
	if err := onceFromInput(args...); err != nil {
		return err
	}
	all := policy.Findings{}
	for _, arg := range args {
		s, err := readSource(cmd, arg)
		if err != nil {
			return err
		}
		found := policy.Lint(s.name, s.text, options)
		p, err := policy.Parse(s.name, s.text)
		if err == nil {
			c.understood(p)
		}
		all = append(all, found...)
		if format == "text" {
			for _, f := range found {
				c.finding(f)
			}
			c.verdict(s.name, p, found)
		}
	}
	errors := all.Count(policy.SeverityError)
	if format == "json" {
		err := c.printJSON(struct {
			Errors   int             `json:"errors"`
			Warnings int             `json:"warnings"`
			Findings policy.Findings `json:"findings"`
		}{errors, all.Count(policy.SeverityWarning), all})
		if err != nil {
			return err
		}
	}
	if errors > 0 {
		return &exit{code: result.ExitFailed}
	}
	return nil
}

// finding is as compilers print theirs, so that editors find the place.
func (c *command) finding(f policy.Finding) {
	row := ""
	if f.Entry != "" {
		row = "row " + f.Entry + ": "
	}
	fmt.Fprintf(c.stdout, "%s: %s: %s%s [%s]\n", f.Place(), f.Severity, row, f.Words, f.Code)
	if f.Remedy != "" {
		fmt.Fprintf(c.stdout, "    %s\n", f.Remedy)
	}
}

// verdict sums a file up; the policy is nil if it couldn't be used.
func (c *command) verdict(name string, p *policy.Policy, found policy.Findings) {
	what := "the list can't be used as it is"
	if p != nil {
		what = size(p)
	}
	errors, warnings := found.Count(policy.SeverityError), found.Count(policy.SeverityWarning)
	if errors+warnings == 0 {
		fmt.Fprintf(c.stdout, "%s: %s; nothing is wrong\n", name, what)
		return
	}
	fmt.Fprintf(c.stdout, "%s: %s; %s, %s\n", name, what, plural(errors, "error"), plural(warnings, "warning"))
}
