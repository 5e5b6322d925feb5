package runner

import (
	"errors"
	"fmt"

	"github.com/cucumber/godog"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/sim/bubble"
)

// explain says what an error of a step means. Who looked and didn't find what should be there returns a
// *result.Failure, or any other error: the case fails. A *result.Stop ends it otherwise. What no step can
// mean to say is the harness's fault.
func explain(err error) (result.Outcome, result.Failure) {
	var frozen *bubble.FrozenError
	var leak *bubble.LeakError
	var panicked *bubble.PanicError
	var stop *result.Stop
	var failure *result.Failure
	var late *lateError
	switch {
	case errors.As(err, &late):
		return result.HarnessFault, result.Failure{Message: err.Error()}
	case errors.As(err, &frozen):
		return result.HarnessFault, result.Failure{Message: err.Error(), Actual: beginning(frozen.Dump())}
	case errors.As(err, &leak):
		return result.HarnessFault, result.Failure{
			Message: err.Error(), Actual: beginning(leak.Dump()),
			Expected: "every goroutine ends when the case does: an SDK in Go ends its own at shutdown",
		}
	case errors.As(err, &panicked) && panicked.Value == nil:
		return result.HarnessFault, result.Failure{Message: "the goroutine ended itself, as t.Fatal does, and gave no answer", Actual: end(panicked.Stack)}
	case errors.As(err, &panicked):
		return result.HarnessFault, result.Failure{Message: fmt.Sprintf("panic: %v", panicked.Value), Actual: end(panicked.Stack)}
	case errors.Is(err, godog.ErrPending), errors.Is(err, godog.ErrSkip):
		return result.Undefined, result.Failure{Message: fmt.Sprintf("the step gave no answer: it says of itself that it is %q", err)}
	case errors.As(err, &stop):
		switch stop.Outcome {
		case result.Fail, result.NotSupported, result.NotJudged, result.HarnessFault, result.Undefined:
			return stop.Outcome, stop.Failure
		}
		return result.HarnessFault, result.Failure{Message: fmt.Sprintf("a step can't end as %q: %v", stop.Outcome, stop.Failure.Message)}
	case errors.As(err, &failure):
		return result.Fail, *failure
	}
	return result.Fail, result.Failure{Message: err.Error()}
}

// longestDump is how much of stacks or of a log a failure keeps.
const longestDump = 16 << 10

// beginning is the beginning of the stacks of many goroutines: those that matter are first.
func beginning(text string) string {
	if len(text) > longestDump {
		return text[:longestDump] + " [...]"
	}
	return text
}

// end is the end of a long text, where what matters stands.
func end(text string) string {
	if len(text) > longestDump {
		return "[...] " + text[len(text)-longestDump:]
	}
	return text
}
