package result

import "slices"

// Exit codes of the command.
const (
	ExitPassed      = 0   // every selected MUST passed and nothing else failed
	ExitFailed      = 1   // a requirement or a user's own scenario failed
	ExitUsage       = 2   // usage or selection: nothing selected, an unknown name, a step that is undefined or makes no sense
	ExitFault       = 3   // harness or adapter fault, or unsound ground
	ExitStale       = 4   // an expectation that is no longer true
	ExitPartial     = 5   // a selected MUST was not supported, not judged or not run
	ExitReport      = 6   // a report couldn't be written; never returned by ExitCode
	ExitInterrupted = 130 // by the user
)

// ExitCode is what the command says to the shell. It judges what was selected, where the verdict
// judges the whole catalogue: a run of one passing scenario exits 0 with the verdict "partial".
//
// Where several codes fit, the one that makes the others doubtful wins: an interrupted run, then a report that isn't
// there (6), then a suite that isn't what it says (2), then a harness or a ground that can't be trusted (3), then
// failures (1), then stale expectations (4), then what stayed open (5).
//
//   - A failure is 3 if its case proves a MUST of the ground (firewall, proxy, relay, tool), else 1. That is
//     sound only because the ground's cases don't depend on the SDK under test.
//   - A SHOULD that failed is 1 too, though it never changes the verdict: whoever accepts it says so in an
//     expectations file, and then it is a known failure.
//   - A known failure changes nothing, even of a MUST: that is what an expectation is for.
//   - A SHOULD that stayed open (not supported, not judged, not run) changes nothing. A user's own
//     scenario that stayed open counts as a MUST does: someone wrote it to be answered.
//   - A requirement without a scenario, or whose scenarios weren't selected, changes nothing.
func ExitCode(run *Run) int {
	catalogue := make(map[string]*Requirement, len(run.Requirements))
	for i := range run.Requirements {
		catalogue[run.Requirements[i].ID] = &run.Requirements[i]
	}
	var codes []int
	for i := range run.Cases {
		codes = append(codes, exitCodeOf(&run.Cases[i], catalogue))
	}
	if run.Interrupted {
		codes = append(codes, ExitInterrupted)
	}
	if len(run.Cases) == 0 {
		codes = append(codes, ExitUsage)
	}
	if len(run.Stale) > 0 {
		codes = append(codes, ExitStale)
	}
	return Worst(codes...)
}

// Worst is the code that wins where several fit.
func Worst(codes ...int) int {
	for _, code := range []int{ExitInterrupted, ExitReport, ExitUsage, ExitFault, ExitFailed, ExitStale, ExitPartial} {
		if slices.Contains(codes, code) {
			return code
		}
	}
	return ExitPassed
}

// exitCodeOf is the code of a run that has this one case.
func exitCodeOf(c *Case, catalogue map[string]*Requirement) int {
	must, ground := c.Own, false
	if !c.Own {
		for _, id := range c.Requirements {
			r := catalogue[id]
			if r == nil {
				return ExitUsage // a tag that names no requirement proves nothing
			}
			must = must || r.Level == Must
			ground = ground || r.Level == Must && r.Subject != SubjectSDK
		}
	}
	switch c.Outcome.orFault() {
	case HarnessFault:
		return ExitFault
	case Undefined:
		return ExitUsage
	case Fail:
		if ground {
			return ExitFault
		}
		return ExitFailed
	case UnexpectedPass:
		return ExitStale
	case NotSupported, NotJudged, NotRun:
		if must {
			return ExitPartial
		}
	}
	return ExitPassed
}
