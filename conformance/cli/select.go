package cli

import (
	"github.com/proxyspec/proxyspec/conformance/catalogue"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/selection"
)

// selected is what a command is about.
type selected struct {
	catalogue *catalogue.Catalogue
	scenarios map[string]int // of the whole suite, by requirement
	cases     []selection.Case
}

// selected reads the catalogue and the suite, and finds the cases that were asked for.
func (c *command) selected(paths []string, tags string) (*selected, error) {
	s := &selected{scenarios: make(map[string]int)}
	var err error
	if s.catalogue, err = catalogue.Load(c.suite.Files, c.suite.Catalogue); err != nil {
		return nil, &exit{code: result.ExitFault, err: err}
	}
	cfg := selection.Config{Suite: c.suite.Files}
	for _, r := range s.catalogue.Requirements() {
		cfg.Requirements = append(cfg.Requirements, r.ID)
	}
	all, err := selection.Select(cfg)
	if err != nil {
		return nil, usage(err)
	}
	for _, one := range all {
		for _, id := range one.Requirements {
			s.scenarios[id]++
		}
	}
	if len(paths) == 0 && tags == "" {
		s.cases = all
		return s, nil
	}
	cfg.Paths, cfg.Tags = paths, tags
	s.cases, err = selection.Select(cfg)
	return s, usage(err)
}
