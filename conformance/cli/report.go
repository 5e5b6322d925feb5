package cli

import (
	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/reports"
)

func (c *command) reportCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "report",
		Short: "Merge and compare reports that are there",
	}, c.mergeCommand(), c.compareCommand(), &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of conformance.json",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := c.stdout.Write(reports.Schema)
			return err
		},
	})
}
