package runner

import (
	"errors"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/selection"
	"github.com/proxyspec/proxyspec/sim/bubble"
)

// drain is how much virtual time passes after a world has closed. Timers of its libraries that still hold a
// goroutine must end within it (HTTP keeps idle connections for 90 s, TCP waits 60 s in TIME-WAIT); what
// remains is a leak.
const drain = 5 * time.Minute

// play is one case under way. It stays outside the bubble, if there is one.
type play struct {
	job    Job
	clock  clock
	stage  Stage
	result *result.Case
	tell   *narrator
	retire string // why this process must not run another case

	at      int  // index of the step that godog is at, -1 before the first
	called  bool // the definition of this step was
	pickles int  // scenarios that godog has begun
}

// playCase runs one case in this process. If it says why the process must retire, a bubble was left
// behind that can't be ended.
func playCase(newStage NewStage, job Job, watchdog time.Duration, tell *narrator) (c *result.Case, retire string) {
	began := time.Now()
	p := &play{job: job, result: newResult(job.Case, job.Seed), at: -1, tell: tell}
	p.result.Outcome = result.Pass // until something says otherwise
	p.run(newStage, watchdog)
	if p.result.Failure != nil {
		p.result.Failure.Replay = job.Replay
	}
	p.result.Wall = time.Since(began)
	return p.result, p.retire
}

// newResult is the result of a case that has not begun.
func newResult(c selection.Case, seed uint64) *result.Case {
	r := &result.Case{
		ID: c.ID, Feature: c.Feature, Name: c.Name, Path: c.Path, Line: c.Line, Own: c.Own, Seed: seed,
		Tags:         append([]string{}, c.Tags...),
		Requirements: append([]string{}, c.Requirements...),
		Steps:        make([]result.Step, len(c.Steps)),
		Outcome:      result.NotRun,
	}
	for i, s := range c.Steps {
		r.Steps[i] = result.Step{Keyword: s.Keyword, Text: s.Text, Line: s.Line, Table: s.Table, Outcome: result.NotRun}
		if s.DocString != nil {
			r.Steps[i].DocString = &result.DocString{MediaType: s.DocString.MediaType, Content: s.DocString.Content}
		}
	}
	return r
}

func (p *play) run(newStage NewStage, watchdog time.Duration) {
	var err error
	if p.clock, err = open(p.job.Network, watchdog); err != nil {
		p.fault("open the bubble", err)
		return
	}
	var began time.Time
	p.inside("make the world", func() (err error) {
		began = time.Now()
		if p.stage, err = newStage(p.job); err == nil && p.stage == nil {
			err = errors.New("there is none")
		}
		return err
	})
	if p.result.Outcome == result.Pass {
		p.steps()
		p.close(began)
	}
	if p.retire == "" {
		p.fault("end the bubble", p.clock.Close(drain))
	}
}

// close ends the world and lets it say its last.
func (p *play) close(began time.Time) {
	var virtual time.Duration
	p.inside("close the world", func() error {
		defer func() { virtual = time.Since(began) }()
		defer p.tell.collect(p.stage)
		return p.stage.Close()
	})
	if p.retire != "" {
		return // the function above may still be under way
	}
	p.result.Virtual = virtual.Truncate(time.Microsecond) // each Do adds a nanosecond
	p.fault("tell of the events", p.tell.narrate())
	concluded := *p.result
	if p.inside("gather the evidence", func() error {
		p.stage.Conclude(&concluded)
		return nil
	}) {
		*p.result = concluded
	}
}

// inside runs a part of the play that is no step, and tells whether it went well; if not, the harness is
// at fault. A bubble that was given up isn't asked again.
func (p *play) inside(what string, do func() error) (well bool) {
	if p.retire != "" {
		return false
	}
	var failed error
	err := p.clock.Do(func() { failed = do() })
	if err == nil {
		err = failed
	}
	p.fault(what, err)
	return err == nil
}

// fault ends a case that has passed until now. To one that hasn't, it adds what went wrong besides.
func (p *play) fault(what string, err error) {
	if err == nil {
		return
	}
	p.mayRetire(err)
	outcome, failure := explain(err)
	if stop := (*result.Stop)(nil); !errors.As(err, &stop) {
		outcome = result.HarnessFault
	}
	_, cause, _ := strings.Cut(failure.Message, ": ")
	failure.Message = what + ": " + failure.Message
	if p.result.Outcome == result.Pass || p.result.Failure == nil {
		p.result.Outcome, p.result.Failure = outcome, &failure
		return
	}
	if cause != "" && strings.Contains(p.result.Failure.Message, cause) {
		return // a step has met with it, and said so
	}
	p.result.Failure.Message += "; besides, " + failure.Message
}

const hasLeft = "its bubble has goroutines left"

// mayRetire sees whether an error means that the bubble can't be ended.
func (p *play) mayRetire(err error) {
	var frozen *bubble.FrozenError
	var leak *bubble.LeakError
	var late *lateError
	switch {
	case errors.As(err, &frozen):
		p.retire = "its bubble froze"
	case errors.As(err, &late):
		p.retire = "a step of it is still under way"
	case errors.As(err, &leak):
		p.retire = hasLeft
	}
}

// Play runs one case in this process, for the test of an SDK in its author's own go test. What a worker process would
// keep from others is not kept from the caller here: a frozen bubble stays, and holds its goroutines. Then stuck says why
// this process should run no other case: each would cost a minute, and may meet with what the first has left.
func Play(newStage NewStage, job Job) (c *result.Case, stuck string) {
	c, stuck = playCase(newStage, job, time.Minute, nil)
	if stuck == hasLeft { // they wait, and hold nobody up
		stuck = ""
	}
	return c, stuck
}
