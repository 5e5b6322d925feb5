package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/catalogue"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/selection"
)

func (c *command) listCommand() *cobra.Command {
	var tags string
	cmd := &cobra.Command{
		Use:   "list [PATH...]",
		Short: "Show what must hold, and the scenarios that prove it",
		Long: `List shows each requirement with the scenarios that prove it, and says where there is none. With paths or
tags it shows only the scenarios selected, and their requirements.`,
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := c.selected(args, tags)
			if err != nil {
				return err
			}
			c.list(s, len(args) == 0 && tags == "")
			return nil
		},
	}
	cmd.Flags().StringVar(&tags, "tags", "", `only scenarios with these tags: "@CP-FLOW-01 and not @slow"`)
	return cmd
}

// list prints the catalogue, or only what the selected cases touch of it.
func (c *command) list(s *selected, everything bool) {
	proofs := make(map[string][]selection.Case)
	var own []selection.Case
	for _, one := range s.cases {
		if one.Own {
			own = append(own, one)
			continue
		}
		for _, id := range one.Requirements {
			proofs[id] = append(proofs[id], one)
		}
	}
	for _, theme := range s.catalogue.Themes {
		var shown []catalogue.Requirement
		for _, r := range theme.Requirements {
			if everything || len(proofs[r.ID]) > 0 {
				shown = append(shown, r)
			}
		}
		if len(shown) == 0 {
			continue
		}
		fmt.Fprintf(c.stdout, "%s  %s\n", theme.ID, theme.Title)
		for _, r := range shown {
			fmt.Fprintf(c.stdout, "  %s  %-6s  %s\n", r.ID, r.Level, r.Statement)
			for _, test := range r.Tests {
				folder, name, _ := strings.Cut(test, ".")
				fmt.Fprintf(c.stdout, "      no scenario: go test ./%s -run '^%s$'\n", folder, name)
			}
			if len(proofs[r.ID])+len(r.Tests) == 0 {
				fmt.Fprintf(c.stdout, "      uncovered: no scenario proves it yet\n")
			}
			c.places(proofs[r.ID])
		}
		fmt.Fprintln(c.stdout)
	}
	if len(own) > 0 {
		fmt.Fprintln(c.stdout, "Scenarios that prove no requirement")
		c.places(own)
		fmt.Fprintln(c.stdout)
	}
	if everything {
		c.coverage(s)
	}
	fmt.Fprintln(c.stdout, plural(len(s.cases), "case"))
}

func (c *command) places(cases []selection.Case) {
	for _, one := range cases {
		fmt.Fprintf(c.stdout, "      %s:%d  %s\n", one.Path, one.Line, one.Name)
	}
}

func (c *command) coverage(s *selected) {
	var parts []string
	for _, level := range []result.Level{result.Must, result.Should} {
		total, covered := 0, 0
		for _, r := range s.catalogue.Requirements() {
			if r.Level != level {
				continue
			}
			total++
			if s.scenarios[r.ID] > 0 || len(r.Tests) > 0 {
				covered++
			}
		}
		parts = append(parts, fmt.Sprintf("%d of %d %s", covered, total, level))
	}
	fmt.Fprintf(c.stdout, "%s requirements are covered\n", strings.Join(parts, " and "))
}
