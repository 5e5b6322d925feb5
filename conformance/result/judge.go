package result

import "slices"

// Verdicts: what a run says of the SDK.
const (
	Conformant    = "conformant"     // every MUST whose subject is the SDK passed
	NotConformant = "not conformant" // one of them failed
	Partial       = "partial"        // none failed, but not every one of them was shown
	Unsound       = "unsound"        // the ground failed: the run says nothing of the SDK
)

// SubjectSDK is the subject of the requirements that judge the SDK under test. Every other subject is
// the ground that it was tested on.
const SubjectSDK = "sdk"

// SubjectProxy is the subject of the requirements that judge the cloud proxy, which refuses.
const SubjectProxy = "proxy"

// SubjectRelay is the subject of the requirements that judge the media relay: TURN.
const SubjectRelay = "relay"

// SubjectFirewall is the subject of the requirements that judge the firewall and its list.
const SubjectFirewall = "firewall"

// Judge derives everything that follows from the cases: how they ended against what was expected, for each
// requirement the cases that prove it and its outcome, then the verdict. Calling it again changes nothing.
//
// A requirement ends as the gravest of its cases does (see gravity). Without a case in this run it is
// Uncovered if the suite has none for it (Scenarios is 0) and no test of this project proves it (then it is
// Elsewhere), else Unselected. A user's own scenario
// never proves a requirement, whatever it is tagged with: the catalogue is proved by its own suite.
//
// The verdict tells the truth about the whole catalogue, not only about what was selected, and an
// expectation doesn't change it: a known failure is a failure. In this order:
//
//   - unsound, if a MUST of the ground failed: what was measured on it says nothing;
//   - not conformant, if a MUST of the SDK failed;
//   - unsound, if the harness broke while it tested a MUST of the SDK;
//   - partial, if a MUST of the SDK didn't pass for any other reason, being unselected or uncovered
//     included, or if the run was interrupted;
//   - conformant.
func Judge(run *Run) {
	expect(run)
	cases := make(map[string][]*Case)
	for i := range run.Cases {
		c := &run.Cases[i]
		if c.Own {
			continue
		}
		for _, id := range c.Requirements {
			cases[id] = append(cases[id], c)
		}
	}
	for i := range run.Requirements {
		r := &run.Requirements[i]
		r.Cases = nil
		r.Outcome = Unselected
		switch {
		case r.Scenarios == 0 && len(r.Tests) > 0:
			r.Outcome = Elsewhere
		case r.Scenarios == 0:
			r.Outcome = Uncovered
		}
		for _, c := range cases[r.ID] {
			if !slices.Contains(r.Cases, c.ID) {
				r.Cases = append(r.Cases, c.ID)
			}
			if o := c.Outcome.orFault(); gravity(o) > gravity(r.Outcome) {
				r.Outcome = o
			}
		}
	}
	run.Verdict = verdict(run)
}

func verdict(run *Run) string {
	var groundFailed, failed, fault, open, any bool
	for _, r := range run.Requirements {
		if r.Level != Must {
			continue
		}
		bad := r.Outcome == Fail || r.Outcome == KnownFailure
		if r.Subject != SubjectSDK {
			groundFailed = groundFailed || bad || r.Outcome == HarnessFault
			continue
		}
		any = true
		switch {
		case bad:
			failed = true
		case r.Outcome == HarnessFault:
			fault = true
		case r.Outcome != Pass && r.Outcome != UnexpectedPass:
			open = true
		}
	}
	switch {
	case groundFailed:
		return Unsound
	case failed:
		return NotConformant
	case fault:
		return Unsound
	case open || !any || run.Interrupted:
		return Partial
	}
	return Conformant
}

// gravity orders outcomes: of several cases of one requirement the gravest names it. A failure comes
// first, because it proves something; then what should be looked at; then what is merely not known. A
// requirement without a case ranks below everything that a case can say.
func gravity(o Outcome) int {
	order := []Outcome{
		Uncovered, Elsewhere, Unselected,
		Pass, UnexpectedPass, NotSupported, NotJudged, NotRun, KnownFailure, Undefined, HarnessFault, Fail,
	}
	return slices.Index(order, o)
}

// orFault is the outcome of a case, where anything that a case can't end as is the harness's fault:
// nothing is green by silence.
func (o Outcome) orFault() Outcome {
	switch o {
	case Pass, Fail, KnownFailure, UnexpectedPass, NotSupported, NotJudged, NotRun, Undefined:
		return o
	}
	return HarnessFault
}
