package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/sim/policy"
)

func (c *command) firewallDiff() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Say what changed between two lists, and which calls break in between",
		Long: `Diff compares what two lists open, whatever their rows are called, and says which calls break while the firewall has
the one and the service uses the other. Rows of the same purpose stand in for each other.

Exit codes: 0 no call breaks in between; 1 some do; 2 usage, or a file that can't be read.`,
		Example: `  proxyspec firewall diff policy-2025.yaml policy-2026.yaml
  proxyspec firewall diff cloud-proxy-test table.txt --format json`,
		Args: exactly("OLD", "NEW"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := onceFromInput(args...); err != nil {
				return err
			}
			old, err := c.policy(cmd, args[0])
			if err != nil {
				return err
			}
			changed, err := c.policy(cmd, args[1])
			if err != nil {
				return err
			}
			d := policy.Diff(old, changed)
			if format == "json" {
				err = c.printJSON(d)
			} else {
				_, err = fmt.Fprint(c.stdout, d.Text())
			}
			if err == nil && d.Broken() {
				err = &exit{code: result.ExitFailed}
			}
			return err
		},
	}
	formatFlag(cmd, &format, "text", "json")
	return cmd
}
