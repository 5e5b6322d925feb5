package result

import "fmt"

// Error makes a Failure what a step returns when what it looked for isn't so: the case fails.
func (f *Failure) Error() string {
	text := f.Message
	if f.Expected != "" {
		text += ": expected " + f.Expected
	}
	if f.Actual != "" {
		text += ", got " + f.Actual
	}
	return text
}

// Deciding is the number of the event that decided; 0: none did, or nobody said which.
func (f *Failure) Deciding() int {
	if f.Decides == 0 && len(f.Events) > 0 {
		return f.Events[len(f.Events)-1].Seq
	}
	return f.Decides
}

// Mistake is what a step returns that makes no sense where it stands: whoever wrote the scenario is at fault.
func Mistake(format string, args ...any) error {
	return &Stop{Outcome: Undefined, Failure: Failure{Message: fmt.Sprintf(format, args...)}}
}

// Stop is what a step returns to end its case with another outcome than Fail: NotSupported, NotJudged,
// HarnessFault or Undefined.
type Stop struct {
	Outcome Outcome
	Failure Failure
}

func (s *Stop) Error() string { return string(s.Outcome) + ": " + s.Failure.Error() }
