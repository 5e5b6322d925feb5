package variant

import (
	"context"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/selection"
)

// What variants may cost, in packets: a case of the suite has 200 of them on average, and takes some 60 ms. It is
// counted, not timed, so that two runs try the same.
const (
	budget    = 100_000
	perWorld  = 200 // what making a world costs
	mostTried = 150
)

// Plan is what Explain will do for a run.
type Plan struct {
	tasks []runner.Task
	of    []*result.Case // by task
	what  []string       // is changed, by task
}

// Of plans the variants of a run: of its failed cases in their order, as far as the budget goes. Only the virtual
// network can be varied: in real time no two runs are alike.
func Of(run *result.Run, cfg runner.Config) *Plan {
	p := &Plan{}
	written := make(map[string]selection.Case, len(cfg.Cases))
	for _, c := range cfg.Cases {
		written[c.ID] = c
	}
	spent := 0
	for i := range run.Cases {
		c := &run.Cases[i]
		if actual(c) != result.Fail || c.Failure == nil {
			continue
		}
		c.Failure.Variants = nil
		if v, any := sibling(run.Cases, c); any {
			c.Failure.Variants = []result.Variant{v}
		}
		var place runner.Place
		if cfg.Place != nil {
			place = cfg.Place(written[c.ID])
		}
		list := openings(c)
		cost := len(list) * (perWorld + c.Trace.Packets)
		if place.Network == runner.Kernel || spent+cost > budget || len(p.tasks)+len(list) > mostTried {
			continue
		}
		spent += cost
		for _, o := range list {
			p.tasks = append(p.tasks, runner.Task{Case: written[c.ID], SDK: cfg.SDK, Place: place, Open: o.rules})
			p.of = append(p.of, c)
			p.what = append(p.what, o.change)
		}
	}
	return p
}

func actual(c *result.Case) result.Outcome {
	if c.Actual == "" { // not judged yet
		return c.Outcome
	}
	return c.Actual
}

// Size is how many cases Explain will run.
func (p *Plan) Size() int { return len(p.tasks) }

// Explain runs what was planned and puts it into the failures of the run's cases, the least change first. A variant
// that was cut short isn't there.
func (p *Plan) Explain(ctx context.Context, cfg runner.Config) error {
	if len(p.tasks) == 0 {
		return nil
	}
	cfg.Out, cfg.Began, cfg.Ended = "", nil, nil
	ended := make([]*result.Case, len(p.tasks))
	err := runner.Each(ctx, cfg, p.tasks, func(i int, c *result.Case) { ended[i] = c })
	siblings := make(map[*result.Case][]result.Variant)
	for _, c := range p.of {
		if siblings[c] == nil {
			siblings[c] = append([]result.Variant{}, c.Failure.Variants...)
			c.Failure.Variants = nil
		}
	}
	for i, c := range ended {
		if c == nil || c.Outcome == result.NotRun {
			continue
		}
		v := result.Variant{Change: p.what[i], Outcome: c.Outcome}
		if c.Outcome != result.Pass && c.Failure != nil {
			v.Step = c.Failure.Step
		}
		p.of[i].Failure.Variants = append(p.of[i].Failure.Variants, v)
	}
	for c, v := range siblings {
		c.Failure.Variants = append(c.Failure.Variants, v...)
	}
	return err
}
