package result

import (
	"slices"
	"time"
)

// MutationSchema names the version of this model in mutants.json.
const MutationSchema = "proxyspec.mutants/v1"

// Fate is what became of a mutant, or of one rule that it breaks.
type Fate string

// The fates. Only a scenario that failed kills: one that ended otherwise than by pass or fail leaves the question
// open.
const (
	Killed   Fate = "killed"
	Survived Fate = "survived"
	Open     Fate = "open"        // no failure, and a harness fault, unsound ground, not judged, or not supported
	Unmet    Fate = "not run"     // the run ended before
	Unproved Fate = "no scenario" // of a rule: it has none; of a mutant: none of its rules has one
)

// Verdicts: what a mutation run says of the suite.
const (
	Proven    = "proven"     // every mutant was killed by every rule that it breaks, and every MUST, and case of one, kills one, as far as there are scenarios
	NotProven = "not proven" // a mutant survived, or a MUST, or a case of one, kills none
	// Unsound and Partial mean much what they mean of a run: the reference failed; something stayed open.
)

// Mutation is what the suite made of mutants: SDKs and servers that each break a rule.
type Mutation struct {
	Schema      string        `json:"schema"`
	Tool        Tool          `json:"tool"`
	Seed        uint64        `json:"seed"`
	Started     time.Time     `json:"started"`
	Wall        time.Duration `json:"wallNanoseconds"`
	Interrupted bool          `json:"interrupted,omitempty"`
	// Whole says that each mutant met the whole suite, and not only the scenarios that name a rule which it
	// breaks.
	Whole bool `json:"whole"`
	// Chosen says that not every mutant was tested: then nothing is said of the rules that kill none.
	Chosen bool `json:"chosen,omitempty"`

	Verdict   string        `json:"verdict"` // JudgeMutation fills it
	Runs      int           `json:"runs"`    // cases that were run, the reference's included
	Reference []Shot        `json:"reference"`
	Mutants   []Mutant      `json:"mutants"`
	Rules     []KillingRule `json:"rules"`
	Checks    []Check       `json:"checks"`

	Cases       int        `json:"cases"`       // of the suite
	NeverFailed []Harmless `json:"neverFailed"` // those that failed at no mutant
}

// Mutant is one of them, and what the suite made of it.
type Mutant struct {
	SDK         string   `json:"sdk"`     // as --sdk takes it: "mutant:direct-media"
	Subject     string   `json:"subject"` // what is broken: "sdk", "proxy" or "sd-rtn"
	Description string   `json:"description"`
	Fate        Fate     `json:"fate"` // JudgeMutation fills it
	Breaks      []Broken `json:"breaks"`
	// Besides are rules that it doesn't say it breaks and whose scenarios failed all the same. None of them
	// counts.
	Besides []Broken `json:"besides"`
}

// Broken is a rule, and what its scenarios made of a mutant.
type Broken struct {
	Requirement string `json:"requirement"`
	Fate        Fate   `json:"fate"`
	Passed      int    `json:"passed"` // of its cases
	Failed      []Shot `json:"failed"`
	Open        []Shot `json:"open"` // neither
}

// Shot is a case that did not pass.
type Shot struct {
	Case    string  `json:"case"`
	Path    string  `json:"path"`
	Line    int     `json:"line"`
	Outcome Outcome `json:"outcome"`
	Step    string  `json:"step,omitempty"`
	Message string  `json:"message"`
	Replay  string  `json:"replay"`
}

// KillingRule is a requirement that has a scenario, and the mutants that break it and that it kills.
type KillingRule struct {
	ID        string   `json:"id"`
	Theme     string   `json:"theme"`
	Level     Level    `json:"level"`
	Subject   string   `json:"subject"`
	Statement string   `json:"statement"`
	Kills     []string `json:"kills"`
}

// Check is a kind of step that judges, and the mutants at which it failed.
type Check struct {
	Step  string   `json:"step"` // "<user> is in the channel"
	Kills []string `json:"kills"`
}

// Harmless is a case that failed at no mutant.
type Harmless struct {
	Case string `json:"case"`
	Owes bool   `json:"owes"` // it proves a rule that owes a kill
}

// Owes says that the rule must kill a mutant: it is a MUST that judges an SDK, the cloud proxy, the relay or the firewall.
func (r KillingRule) Owes() bool {
	return r.Level == Must && slices.Contains([]string{SubjectSDK, SubjectProxy, SubjectRelay, SubjectFirewall}, r.Subject)
}

// Idle is the rules that owe a kill and have none, if every mutant was tested.
func (m *Mutation) Idle() []KillingRule {
	if !m.Tested() {
		return nil
	}
	var idle []KillingRule
	for _, r := range m.Rules {
		if r.Owes() && len(r.Kills) == 0 {
			idle = append(idle, r)
		}
	}
	return idle
}

// Tested reports whether every mutant was tested. Only then can be said what has caught none.
func (m *Mutation) Tested() bool { return !m.Chosen && !m.Interrupted && len(m.Reference) == 0 }

// Unshown is the cases that owe a kill and have none, if every mutant was tested.
func (m *Mutation) Unshown() (ids []string) {
	if !m.Tested() {
		return nil
	}
	for _, h := range m.NeverFailed {
		if h.Owes {
			ids = append(ids, h.Case)
		}
	}
	return ids
}

// Of is the mutants with a fate.
func (m *Mutation) Of(f Fate) []Mutant {
	var some []Mutant
	for _, one := range m.Mutants {
		if one.Fate == f {
			some = append(some, one)
		}
	}
	return some
}
