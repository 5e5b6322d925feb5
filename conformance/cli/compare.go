package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/reports"
)

func (c *command) compareCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "compare DIR DIR...",
		Short: "Show reports side by side: two versions of an SDK, two policies, many SDKs",
		Long: `Compare shows, requirement by requirement and scenario by scenario, where reports differ, each in a column.

Exit codes: 0 the same; 1 they differ; 2 usage.`,
		Example: `  proxyspec report compare sdk-3.3 sdk-3.4`,
		RunE: func(_ *cobra.Command, dirs []string) error {
			if len(dirs) < 2 {
				return usage(errors.New("compare needs the folders of at least two reports"))
			}
			runs, err := loadReports(dirs)
			if err != nil {
				return usage(err)
			}
			for i := range dirs {
				dirs[i] = strings.TrimSuffix(dirs[i], "/")
			}
			same, err := reports.Compare(c.stdout, dirs, runs, all)
			if err != nil {
				return &exit{code: result.ExitReport, err: fmt.Errorf("write the comparison: %w", err)}
			}
			if !same {
				return &exit{code: result.ExitFailed}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "what is the same in all of them too: a matrix")
	return cmd
}
