package cli

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/reports"
)

// comparisonPage is the page of a run of several SDKs.
const comparisonPage = "comparison.html"

// testSeveral tests one SDK after another, and shows them side by side.
func (c *command) testSeveral(ctx context.Context, p *plan) error {
	page := filepath.Join(p.out, comparisonPage)
	var columns []reports.Column
	var codes []int
	for _, sdk := range p.subjects {
		run, err := c.test(ctx, p, sdk)
		if err != nil {
			return err
		}
		columns = append(columns, reports.Column{Name: sdk.Name, Link: linkTo(sdk.out, page), Run: run})
		codes = append(codes, result.ExitCode(run))
		if run.Interrupted {
			return &exit{code: result.ExitInterrupted}
		}
	}
	fmt.Fprintln(c.stdout)
	if err := c.sideBySide(reports.Compare(columns, false), false, page); err != nil {
		return err
	}
	fmt.Fprintln(c.stdout, "\ncomparison    "+page)
	if code := result.Worst(codes...); code != result.ExitPassed {
		return &exit{code: code}
	}
	return nil
}
