package cli

import (
	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/reports"
)

func (c *command) reportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Do something with reports that are there",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(c.mergeCommand(), c.compareCommand(), &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of conformance.json",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := c.stdout.Write(reports.Schema)
			return err
		},
	})
	return cmd
}
