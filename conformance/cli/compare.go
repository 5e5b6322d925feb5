package cli

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/reports"
)

// comparing is what the user asks of a comparison.
type comparing struct {
	dirs    []string
	all     bool
	onlyRun bool
	page    string
}

func (c *command) compareCommand() *cobra.Command {
	var asked comparing
	cmd := &cobra.Command{
		Use:   "compare DIR DIR...",
		Short: "Show reports side by side: versions of an SDK, two policies, many SDKs",
		Long: `Compare shows, requirement by requirement and scenario by scenario, where reports differ, each in a column. Of more
than two it names the first in which something changed: give versions from the oldest on.

Exit codes: 0 the same; 1 they differ; 2 usage; 6 the page couldn't be written.`,
		Example: `  proxyspec report compare sdk-3.3 sdk-3.4
  proxyspec report compare sdk-3.2 sdk-3.3 sdk-3.4 --page versions.html`,
		RunE: func(_ *cobra.Command, dirs []string) error {
			asked.dirs = dirs
			return c.compare(asked)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&asked.all, "all", false, "what is the same in all of them too: a matrix")
	f.BoolVar(&asked.onlyRun, "only-run", false, "leave out what one of them didn't run, such as hours on the kernel network")
	f.StringVar(&asked.page, "page", "", "write the whole matrix as a page too, into this file")
	return cmd
}

func (c *command) compare(asked comparing) error {
	if len(asked.dirs) < 2 {
		return usage(errors.New("compare needs the folders of at least two reports"))
	}
	runs, err := loadReports(asked.dirs)
	if err != nil {
		return usage(err)
	}
	var columns []reports.Column
	for i, run := range runs {
		columns = append(columns, reports.Column{
			Name: strings.TrimSuffix(asked.dirs[i], "/"), Link: linkTo(asked.dirs[i], asked.page), Run: run,
		})
	}
	found := reports.Compare(columns, asked.onlyRun)
	if err := c.sideBySide(found, asked.all, asked.page); err != nil {
		return err
	}
	if !found.Same() {
		return &exit{code: result.ExitFailed}
	}
	return nil
}

// sideBySide prints a comparison, and writes it as a page if one is named.
func (c *command) sideBySide(found *reports.Comparison, all bool, page string) error {
	err := found.Text(c.stdout, all)
	if page != "" {
		err = errors.Join(err, reports.WriteComparison(page, found))
	}
	if err != nil {
		return &exit{code: result.ExitReport, err: fmt.Errorf("write the comparison: %w", err)}
	}
	return nil
}

// linkTo is the way from a page to that of a report.
func linkTo(dir, page string) string {
	from, err := filepath.Abs(filepath.Dir(page))
	if err != nil {
		return ""
	}
	to, err := filepath.Abs(filepath.Join(dir, "index.html"))
	if err != nil {
		return ""
	}
	way, err := filepath.Rel(from, to)
	if err != nil {
		return ""
	}
	return (&url.URL{Path: filepath.ToSlash(way)}).String()
}
