package result

import "strings"

// Expectation is an entry of an expectations file that is about the SDK of a run: what it names is known to fail, or
// is not supported.
type Expectation struct {
	Line        int     `json:"line"` // in its file
	Requirement string  `json:"requirement,omitempty"`
	Scenario    string  `json:"scenario,omitempty"` // a case's ID, or its first parts for all of its rows
	Outcome     Outcome `json:"outcome"`            // Fail or NotSupported
	Reason      string  `json:"reason"`
	Issue       string  `json:"issue"`
	Expires     string  `json:"expires"` // the last day on which it holds: 2027-01-31
}

// Names is what an entry is about.
func (e Expectation) Names() string {
	if e.Requirement != "" {
		return e.Requirement
	}
	return e.Scenario
}

// Profile is what the maker of an SDK claims: whole themes (CP-API) or single requirements. What isn't claimed and
// fails is not supported.
type Profile struct {
	Claims []string `json:"claims"`
}

// claims tells whether a profile claims one of some requirements. Without a profile everything is claimed.
func (p *Profile) claims(requirements []string) bool {
	if p == nil || len(requirements) == 0 {
		return true
	}
	for _, id := range requirements {
		for _, claim := range p.Claims {
			if id == claim || strings.HasPrefix(id, claim+"-") {
				return true
			}
		}
	}
	return false
}

// concerns tells whether an entry is about a case.
func (e Expectation) concerns(c *Case) bool {
	if e.Scenario != "" {
		return c.ID == e.Scenario || strings.HasPrefix(c.ID, e.Scenario+"/")
	}
	for _, id := range c.Requirements {
		if id == e.Requirement && !c.Own {
			return true
		}
	}
	return false
}

// expect holds how cases ended against what was expected of them. It starts from Actual, so that it may be done
// again when cases were added.
func expect(run *Run) {
	for i := range run.Cases {
		c := &run.Cases[i]
		if c.Actual == "" {
			c.Actual = c.Outcome
		}
		c.Outcome, c.Expected, c.Known = c.Actual, Pass, ""
		if !c.Own && run.Profile != nil && !run.Profile.claims(c.Requirements) && failed(c) {
			c.Outcome, c.Expected, c.Known = NotSupported, NotSupported, "the profile doesn't claim "+strings.Join(c.Requirements, ", ")
		}
	}
	scenarios := make(map[string]int)
	for _, r := range run.Requirements {
		scenarios[r.ID] = r.Scenarios
	}
	for _, e := range run.Expectations {
		var about []*Case
		broken := false
		for i := range run.Cases {
			if c := &run.Cases[i]; c.Known == "" && e.concerns(c) {
				about = append(about, c)
				broken = broken || c.Actual != Pass
			}
		}
		// That a requirement holds is known only where all of its cases passed: a shard has some.
		whole := e.Requirement == "" || len(about) >= scenarios[e.Requirement]
		for _, c := range about {
			known := e.Reason + " (" + e.Issue + ", until " + e.Expires + ")"
			switch {
			case failed(c) && e.Outcome == NotSupported, c.Actual == NotSupported:
				c.Outcome, c.Expected, c.Known = NotSupported, e.Outcome, known
			case failed(c):
				c.Outcome, c.Expected, c.Known = KnownFailure, e.Outcome, known
			case c.Actual == Pass && !broken && whole:
				c.Outcome, c.Expected, c.Known = UnexpectedPass, e.Outcome, known
			}
		}
	}
}

func failed(c *Case) bool { return c.Actual == Fail || c.Actual == NotSupported }
