package runner

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"time"

	"github.com/cucumber/godog"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/timeline"
)

// steps takes the case through godog, unless a step can't be run as it is written: then none is.
func (p *play) steps() {
	var definitions []Definition
	p.inside("ask for the step definitions", func() error {
		definitions = p.stage.Definitions()
		return nil
	})
	words, err := newVocabulary(definitions)
	p.fault("read the step definitions", err)
	if p.result.Outcome != result.Pass {
		return
	}
	used := p.known(words)
	if p.result.Outcome != result.Pass {
		return
	}
	exit := godog.TestSuite{
		Name:                "proxyspec",
		ScenarioInitializer: func(ctx *godog.ScenarioContext) { p.register(ctx, used) },
		Options: &godog.Options{
			// The results come from the hooks below; this formatter is the one that does least.
			Format: "progress", Output: io.Discard, NoColors: true, Strict: true, Concurrency: 1,
			FeatureContents: []godog.Feature{{Name: p.job.Case.Path, Contents: []byte(p.job.Case.Source)}},
		},
	}.Run()
	if p.result.Outcome == result.Pass && (exit != 0 || p.pickles != 1 || p.at != len(p.result.Steps)-1) {
		p.fault("run the steps", fmt.Errorf("godog ran %d steps of %d and exited %d", p.at+1, len(p.result.Steps), exit))
	}
}

// known looks for the definition of every step. It returns those that there are: godog tries each that it is given.
func (p *play) known(words vocabulary) (used vocabulary) {
	seen := make(map[*regexp.Regexp]bool)
	for i, written := range p.job.Case.Steps {
		w, err := words.match(written)
		if err == nil {
			if !seen[w.expr] {
				seen[w.expr], used = true, append(used, w)
			}
			continue
		}
		step := &p.result.Steps[i]
		step.Outcome, step.Error = result.Undefined, err.Error()
		if p.result.Outcome == result.Pass {
			p.result.Outcome = result.Undefined
			p.result.Failure = &result.Failure{Step: step.Text, Message: err.Error()}
		} else { // so that its author sees to all of them at once
			p.result.Failure.Message += "\n" + err.Error()
		}
	}
	return used
}

func (p *play) register(ctx *godog.ScenarioContext, words vocabulary) {
	ctx.Before(func(ctx context.Context, pickle *godog.Scenario) (context.Context, error) {
		p.pickles++
		same := p.pickles == 1 && len(pickle.Steps) == len(p.result.Steps)
		for i := 0; same && i < len(pickle.Steps); i++ {
			same = pickle.Steps[i].Text == p.result.Steps[i].Text
		}
		if !same {
			return ctx, &result.Stop{Outcome: result.HarnessFault, Failure: result.Failure{
				Message: fmt.Sprintf("the case's source yields another scenario, %q", pickle.Name),
			}}
		}
		return ctx, nil
	})
	ctx.StepContext().Before(func(ctx context.Context, _ *godog.Step) (context.Context, error) {
		p.at++
		p.called = false
		return ctx, nil
	})
	ctx.StepContext().After(func(ctx context.Context, _ *godog.Step, status godog.StepResultStatus, err error) (context.Context, error) {
		p.record(status, err)
		return ctx, nil
	})
	for _, w := range words {
		ctx.Step(w.expr, p.wrap(w))
	}
}

// wrap makes of a definition's function one that godog can call outside the bubble and that runs inside.
func (p *play) wrap(w word) any {
	do := reflect.ValueOf(w.Do)
	in := make([]reflect.Type, do.Type().NumIn())
	for i := range in {
		in[i] = do.Type().In(i)
	}
	return reflect.MakeFunc(reflect.FuncOf(in, []reflect.Type{errorType}, false), func(args []reflect.Value) []reflect.Value {
		err := p.perform(func() error {
			for _, out := range do.Call(args) {
				if err, failed := out.Interface().(error); failed {
					return err
				}
			}
			return nil
		})
		return []reflect.Value{reflect.ValueOf(&err).Elem()}
	}).Interface()
}

// perform runs the current step in the bubble.
func (p *play) perform(do func() error) error {
	p.called = true
	p.fault("wait for the next step", p.tell.pause(p.at+1))
	step := &p.result.Steps[p.at]
	// If the bubble freezes, the function may still run while the result is being sent: it writes to nothing else.
	var failed error
	var virtual time.Duration
	text := step.Text
	err := p.clock.Do(func() {
		began := time.Now()
		defer func() { virtual = time.Since(began) }()
		p.stage.Step(text)
		failed = do()
		p.tell.collect(p.stage)
	})
	if err != nil {
		p.mayRetire(err)
		return err
	}
	step.Virtual = virtual
	p.fault("tell of the events", p.tell.narrate())
	return failed
}

// record takes down how the current step ended. godog's own idea of it isn't enough: it would let a
// scenario pass whose step says that it was skipped.
func (p *play) record(status godog.StepResultStatus, err error) {
	if p.at >= len(p.result.Steps) {
		return // of a scenario that isn't ours; steps finds out
	}
	step := &p.result.Steps[p.at]
	var failure result.Failure
	switch {
	case status == godog.StepPassed && p.called:
		step.Outcome = result.Pass
		return
	case status == godog.StepSkipped && err == nil:
		return // after a step that ended the case
	case err == nil:
		step.Outcome, failure.Message = result.HarnessFault, fmt.Sprintf("godog says %v of a step that it didn't run", status)
	case status == godog.StepFailed:
		step.Outcome, failure = explain(err)
		if step.Outcome == result.Fail && !p.called { // an argument that is no number of its type
			step.Outcome = result.Undefined
		}
	default:
		step.Outcome, failure.Message = result.Undefined, fmt.Sprintf("the step is %v: %v", status, err)
	}
	step.Error = failure.Error()
	if p.result.Outcome == result.Pass {
		failure.Step = step.Text
		slices.SortStableFunc(failure.Events, func(a, b timeline.Event) int { return a.Seq - b.Seq }) // as they happened
		p.result.Outcome, p.result.Failure = step.Outcome, &failure
	}
}
