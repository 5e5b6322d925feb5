// Package mutation proves a suite: it runs scenarios against mutants, SDKs and servers that each break a rule, and
// tells which scenario noticed. Give Run the mutants and the suite's cases, and take a result.Mutation.
//
// The reference comes first. Where it fails a scenario nothing else is run: a scenario that a sound SDK can't pass
// proves nothing about a broken one. Then each mutant meets the scenarios that name a rule which it breaks, or all
// there are. All of these run in one pool of worker processes.
//
// The package owns which mutant meets which scenario, and how the outcomes come together. It knows mutants by
// what --sdk calls them, never how they are made; fates and verdict are result's.
package mutation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
)

// Mutant is an SDK or a server that breaks a rule.
type Mutant struct {
	SDK         string   // as --sdk takes it: "mutant:direct-media"
	Subject     string   // what is broken
	Description string   // what it does wrong: "sends media past the cloud proxy"
	Breaks      []string // the requirements whose scenarios must fail
}

// Config says what to prove, and how.
type Config struct {
	Mutants   []Mutant
	Reference string           // the sound SDK, as --sdk takes it
	Cases     []selection.Case // the suite
	// Requirements are the catalogue, in its order.
	Requirements []result.Requirement
	// Definitions are the steps that the cases are written in. Default: nothing is said of steps.
	Definitions []runner.Definition

	Whole  bool // every mutant meets the whole suite
	Chosen bool // there are more mutants than these: nothing is said of rules that kill none
	Seed   uint64
	Jobs   int // default: as many as there are processors

	// Place says where a case runs, and which can't be run at all. Default: all on the virtual network.
	Place func(selection.Case) runner.Place
	// Ended is told of each case, with the SDK that it tested, as it ends. Default: nobody is.
	Ended func(sdk string, c *result.Case)
}

// Runs is the IDs of the cases that the reference and the mutants will run, one for each run.
func (cfg Config) Runs() (ids []string) {
	p := planned(cfg)
	for _, t := range slices.Concat(p.reference, p.mutants) {
		ids = append(ids, t.Case.ID)
	}
	return ids
}

// check finds mutants that break nothing, or a rule that isn't in the catalogue.
func (cfg Config) check() error {
	known := make(map[string]bool)
	for _, r := range cfg.Requirements {
		known[r.ID] = true
	}
	for _, m := range cfg.Mutants {
		if len(m.Breaks) == 0 {
			return fmt.Errorf("%s breaks no rule: it isn't a mutant", m.SDK)
		}
		for _, id := range m.Breaks {
			if !known[id] {
				return fmt.Errorf("%s breaks %s, which is no requirement", m.SDK, id)
			}
		}
	}
	return nil
}

// count is how many cases prove each requirement.
func count(cases []selection.Case) map[string]int {
	scenarios := make(map[string]int)
	for _, c := range cases {
		if !c.Own {
			for _, id := range c.Requirements {
				scenarios[id]++
			}
		}
	}
	return scenarios
}

// Run runs the reference and the mutants, and judges. An error means that nothing could be run; when ctx ends, what
// wasn't finished says that it wasn't run. The caller fills in Tool.
func Run(ctx context.Context, cfg Config) (*result.Mutation, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	m := &result.Mutation{
		Schema: result.MutationSchema, Seed: cfg.Seed, Started: time.Now(), Whole: cfg.Whole, Chosen: cfg.Chosen,
	}
	scenarios := count(cfg.Cases)
	for _, r := range cfg.Requirements {
		if scenarios[r.ID] > 0 {
			m.Rules = append(m.Rules, result.KillingRule{ID: r.ID, Theme: r.Theme, Level: r.Level, Subject: r.Subject, Statement: r.Statement})
		}
	}
	p := planned(cfg)
	err := p.runReference(ctx, m)
	if err == nil && ctx.Err() == nil && len(m.Reference) == 0 {
		err = p.runMutants(ctx)
	}
	m.Wall = time.Since(m.Started)
	m.Runs = p.done
	m.Interrupted = ctx.Err() != nil && p.done < len(p.reference)+len(p.mutants)
	for i, mutant := range cfg.Mutants {
		m.Mutants = append(m.Mutants, p.found(i, mutant))
	}
	m.Checks = p.checks()
	m.Cases, m.NeverFailed = p.neverFailed(m.Rules)
	result.JudgeMutation(m)
	return m, err
}

// plan is the tasks of a run, and what came of them.
type plan struct {
	cfg                Config
	reference, mutants []runner.Task
	met                []meeting // one a task of mutants
	done               int
}

// meeting is a mutant and a case.
type meeting struct {
	mutant int // index
	ended  *result.Case
}

// planned is which mutant meets which case. Cases stay in the suite's order.
func planned(cfg Config) *plan {
	p := &plan{cfg: cfg}
	if cfg.Place == nil {
		cfg.Place = func(selection.Case) runner.Place { return runner.Place{} }
	}
	needed := make(map[string]bool)
	for i, m := range cfg.Mutants {
		for _, c := range cfg.Cases {
			if c.Own || !cfg.Whole && !slices.ContainsFunc(c.Requirements, func(id string) bool { return slices.Contains(m.Breaks, id) }) {
				continue
			}
			place := cfg.Place(c)
			if place.NotRun != "" {
				continue
			}
			needed[c.ID] = true
			p.mutants = append(p.mutants, runner.Task{Case: c, SDK: m.SDK, Place: place})
			p.met = append(p.met, meeting{mutant: i, ended: &result.Case{
				ID: c.ID, Path: c.Path, Line: c.Line, Requirements: c.Requirements, Outcome: result.NotRun,
				Failure: &result.Failure{Message: "the run ended before this case began"},
			}})
		}
	}
	for _, c := range cfg.Cases {
		if needed[c.ID] {
			p.reference = append(p.reference, runner.Task{Case: c, SDK: cfg.Reference, Place: cfg.Place(c)})
		}
	}
	return p
}

func (p *plan) pool() runner.Config { return runner.Config{Seed: p.cfg.Seed, Jobs: p.cfg.Jobs} }

func (p *plan) ended(sdk string, c *result.Case) {
	if c.Outcome != result.NotRun {
		p.done++
	}
	if p.cfg.Ended != nil {
		p.cfg.Ended(sdk, c)
	}
}

// runReference adds to m what the reference didn't pass.
func (p *plan) runReference(ctx context.Context, m *result.Mutation) error {
	ended := make([]*result.Case, len(p.reference))
	err := runner.Each(ctx, p.pool(), p.reference, func(n int, c *result.Case) {
		ended[n] = c
		p.ended(p.cfg.Reference, c)
	})
	for _, c := range ended {
		if c != nil && c.Outcome != result.Pass && c.Outcome != result.NotRun {
			m.Reference = append(m.Reference, shot(c))
		}
	}
	return err
}

func (p *plan) runMutants(ctx context.Context) error {
	return runner.Each(ctx, p.pool(), p.mutants, func(n int, c *result.Case) {
		p.ended(p.mutants[n].SDK, c)
		c.Steps, c.Paths, c.Ladder, c.Hosts = nil, nil, nil, nil // there may be ten thousand of these
		p.met[n].ended = c
	})
}

// found is what the suite made of a mutant.
func (p *plan) found(i int, m Mutant) result.Mutant {
	met := slices.DeleteFunc(slices.Clone(p.met), func(o meeting) bool { return o.mutant != i })
	found := result.Mutant{SDK: m.SDK, Subject: m.Subject, Description: m.Description}
	for _, r := range p.cfg.Requirements {
		b := result.Broken{Requirement: r.ID}
		for _, o := range met {
			switch c := o.ended; {
			case !slices.Contains(c.Requirements, r.ID):
			case c.Outcome == result.Pass:
				b.Passed++
			case c.Outcome == result.Fail:
				b.Failed = append(b.Failed, shot(c))
			default:
				b.Open = append(b.Open, shot(c))
			}
		}
		if slices.Contains(m.Breaks, r.ID) {
			found.Breaks = append(found.Breaks, b)
		} else if len(b.Failed) > 0 {
			found.Besides = append(found.Besides, b)
		}
	}
	return found
}

func shot(c *result.Case) result.Shot {
	s := result.Shot{Case: c.ID, Path: c.Path, Line: c.Line, Outcome: c.Outcome}
	if f := c.Failure; f != nil {
		s.Step, s.Message, s.Replay = f.Step, f.Message, f.Replay
	}
	return s
}
