package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/runner"
)

func (c *command) stepsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "steps",
		Short: "Show the steps that scenarios are written in",
		Long: `Steps shows the vocabulary of scenarios, by what they speak of. Arguments stand in angle brackets, choices
apart by a bar, and what may be left out in square brackets.`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			c.steps()
			return nil
		},
	}
}

func (c *command) steps() {
	var nouns []string
	by := make(map[string][]runner.Definition)
	for _, d := range c.suite.Definitions {
		if by[d.Noun] == nil {
			nouns = append(nouns, d.Noun)
		}
		by[d.Noun] = append(by[d.Noun], d)
	}
	for i, noun := range nouns {
		if i > 0 {
			fmt.Fprintln(c.stdout)
		}
		fmt.Fprintln(c.stdout, noun)
		for _, d := range by[noun] {
			fmt.Fprintf(c.stdout, "  %s\n      %s\n", strings.ReplaceAll(d.Pattern(), "\n", "\n    "), d.Says)
		}
	}
}
