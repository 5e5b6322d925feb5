package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"sync"

	"github.com/proxyspec/proxyspec/conformance/catalogue"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/conformance/shard"
)

// selected is what a command is about.
type selected struct {
	catalogue *catalogue.Catalogue
	scenarios map[string]int // of the whole suite, by requirement
	suite     result.Suite
	known     []string         // IDs of the whole suite, and of all that is in the files that were named
	cases     []selection.Case // that were asked for
}

// selected reads the catalogue and the suite, and finds the cases that were asked for.
func (c *command) selected(paths []string, tags string) (*selected, error) {
	s := &selected{scenarios: make(map[string]int)}
	var err error
	if s.catalogue, err = catalogue.Load(c.suite.Files, c.suite.Catalogue); err != nil {
		return nil, &exit{code: result.ExitFault, err: err}
	}
	cfg := selection.Config{Suite: c.suite.Files, IsStep: c.suite.isStep()}
	for _, r := range s.catalogue.Requirements() {
		cfg.Requirements = append(cfg.Requirements, r.ID)
	}
	all, err := selection.Select(cfg)
	if err != nil {
		return nil, usage(err)
	}
	if s.suite, err = c.suite.identity(len(all)); err != nil {
		return nil, &exit{code: result.ExitFault, err: err}
	}
	s.known = idsOf(all)
	for _, one := range all {
		for _, id := range one.Requirements {
			s.scenarios[id]++
		}
	}
	s.cases = all
	if len(paths) > 0 {
		cfg.Paths = paths
		if s.cases, err = selection.Select(cfg); err != nil {
			return s, usage(err)
		}
		s.known = append(s.known, idsOf(s.cases)...)
	}
	if tags == "" {
		return s, nil
	}
	cfg.Tags = tags
	s.cases, err = selection.Select(cfg)
	return s, usage(err)
}

// divide leaves the cases of one shard, and has the report say of which cases it is one.
func (s *selected) divide(part shard.Shard) {
	if part == (shard.Shard{}) {
		return
	}
	sum := sha256.New()
	for _, one := range s.cases {
		fmt.Fprintln(sum, one.ID)
	}
	s.suite.Shard, s.suite.Selection = part.String(), "sha256:"+hex.EncodeToString(sum.Sum(nil))
	s.cases = shard.Split(part, s.cases, idOf)
}

// isStep tells whether words are a step of the vocabulary.
func (s Suite) isStep() func(words string) bool {
	vocabulary := sync.OnceValue(func() (out []*regexp.Regexp) {
		for _, d := range s.Definitions {
			if expr, err := regexp.Compile(d.Expr); err == nil { // runner.Check refuses it
				out = append(out, expr)
			}
		}
		return out
	})
	return func(words string) bool {
		return slices.ContainsFunc(vocabulary(), func(expr *regexp.Regexp) bool { return expr.MatchString(words) })
	}
}

// identity says which suite this is: what its files say, and how many cases that makes.
func (s Suite) identity(cases int) (result.Suite, error) {
	sum := sha256.New()
	err := fs.WalkDir(s.Files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(s.Files, path)
		fmt.Fprintf(sum, "%s %d\n", path, len(text))
		sum.Write(text)
		return err
	})
	return result.Suite{Name: "proxyspec", Digest: "sha256:" + hex.EncodeToString(sum.Sum(nil)), Scenarios: cases}, err
}
