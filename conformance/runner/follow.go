package runner

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/timeline"
)

// Follower watches a case.
type Follower struct {
	// Events is told what happened, when a step has ended and when the world has.
	Events func([]timeline.Event)
	// Step, unless it is nil, is asked before each step, from 1, and the world stands still until it returns. An
	// error ends the case.
	Step func(number int) error
}

// Follow runs the one case of cfg, as Run would, and lets a follower watch. The packets are the same: the follower
// is told between the steps, when nothing moves.
func Follow(ctx context.Context, cfg Config, f Follower) (*result.Case, error) {
	if len(cfg.Cases) != 1 {
		return nil, fmt.Errorf("runner: one case can be followed, not %d", len(cfg.Cases))
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("runner: find the program to start workers with: %w", err)
	}
	cfg = cfg.withDefaults()
	t := cfg.task(cfg.Cases[0])
	worker, err := newProcess(ctx, program, t.Network)
	if err != nil {
		return nil, err
	}
	r := request{Job: cfg.job(t), Watchdog: cfg.Watchdog, Follow: true, Pause: f.Step != nil}
	limit := cfg.CaseLimit
	c, gone, err := worker.run(ctx, r, limit, func(heard report) error {
		if len(heard.Events) > 0 && f.Events != nil {
			f.Events(heard.Events)
		}
		if heard.Next == 0 {
			return nil
		}
		if f.Step == nil {
			return errors.New("it waits, and wasn't asked to")
		}
		if err := f.Step(heard.Next); err != nil {
			return err
		}
		return worker.send(request{Go: true}, limit)
	})
	if !gone {
		worker.stop()
	}
	if err != nil {
		c = lost(cfg, t, worker, err, ctx.Err() != nil)
	}
	return c, nil
}
