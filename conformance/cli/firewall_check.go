package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/sim/policy"
	"github.com/proxyspec/proxyspec/sim/policy/ruleset"
)

// checkOrder is what the user asks of check.
type checkOrder struct {
	list, hook, in, out, format string
	exact                       bool
	who                         clients
}

func (c *command) firewallCheck() *cobra.Command {
	var o checkOrder
	cmd := &cobra.Command{
		Use:   "check RULESET...",
		Short: "Say whether a real firewall's rules let a list through",
		Long: `Check says of each row whether the rules of a Linux firewall open it, which ports are missing, by which rule, and
what is open that no row needs. It holds for every packet, the answers included. What it can't tell, because the rules
depend on something that it doesn't model, it says.

Clients are taken to send from ports above 1023, as they do.

A RULESET is what "nft -j list ruleset", "iptables-save" or "ip6tables-save" printed, as root, or "-" for standard
input. Several are taken for parts of one firewall. nft lists nothing of iptables-legacy: where that is in use, add what
"iptables-legacy-save" prints. Leave out nft's -t: the elements of its sets count.

Exit codes: 0 every required row is open; 1 some of a required row is closed, or with --exact more is open than the
rows need; 2 usage, or a file that can't be read; 5 nothing is closed for certain, but of a required row it can't be
told whether it is open.`,
		Example: `  nft -j list ruleset | proxyspec firewall check --source 10.0.0.0/24 -
  proxyspec firewall check --policy policy.yaml --in lan0 --out wan0 rules.json
  proxyspec firewall check --policy policy.yaml --format junit rules.v4 rules.v6 > junit.xml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(fmt.Errorf(`%s needs a RULESET: a file with what "nft -j list ruleset" or "iptables-save" printed`, cmd.CommandPath()))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.check(cmd, args, &o) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.list, "policy", policy.CloudProxyTest, "the list: a POLICY")
	o.who.flags(cmd)
	f.StringVar(&o.hook, "hook", "", "where the clients' packets are judged: forward for a router, output for their own computer (default: where the rules are)")
	f.StringVar(&o.in, "in", "", "the interface on the clients' side, for rules that ask for one")
	f.StringVar(&o.out, "out", "", "the interface on the internet's side")
	f.BoolVar(&o.exact, "exact", false, "fail if more is open than the rows need")
	formatFlag(cmd, &o.format, "text", "json", "junit")
	return cmd
}

func (c *command) check(cmd *cobra.Command, args []string, o *checkOrder) error {
	if err := onceFromInput(append(args, o.list)...); err != nil {
		return err
	}
	use, err := o.who.use()
	if err != nil {
		return err
	}
	p, err := c.policy(cmd, o.list)
	if err != nil {
		return err
	}
	rules, err := readRulesets(cmd, args)
	if err != nil {
		return err
	}
	path := ruleset.Path{Hook: ruleset.Hook(o.hook), In: o.in, Out: o.out}
	report, err := ruleset.Check(p, rules, ruleset.Options{Use: use, Path: path})
	if err != nil {
		return usage(err)
	}
	switch o.format {
	case "json":
		err = c.printJSON(report)
	case "junit":
		_, err = fmt.Fprint(c.stdout, report.JUnit(o.exact))
	default:
		_, err = fmt.Fprint(c.stdout, report.Text())
	}
	switch {
	case err != nil:
		return err
	case report.Missing() || o.exact && len(report.Beyond) > 0:
		return &exit{code: result.ExitFailed}
	case report.Undecided():
		return &exit{code: result.ExitPartial}
	}
	return nil
}

// readRulesets reads the parts of one firewall.
func readRulesets(cmd *cobra.Command, files []string) (all *ruleset.Ruleset, err error) {
	for _, file := range files {
		var text []byte
		name := file
		if file == "-" {
			name = "standard input"
			text, err = io.ReadAll(cmd.InOrStdin())
		} else {
			text, err = os.ReadFile(file)
		}
		if err != nil {
			return nil, usage(err)
		}
		rs, err := ruleset.Parse(name, text)
		if err != nil {
			return nil, usage(err)
		}
		if all == nil {
			all = rs
		} else {
			all.Merge(rs)
		}
	}
	return all, nil
}
