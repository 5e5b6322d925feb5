// Package result is the one model of what a run found. Reports are pure functions of it.
package result

import "time"

// Schema names the version of this model in conformance.json.
const Schema = "proxyspec.conformance/v1"

// Outcome is how a case, a step or a requirement ended. Nothing is green by silence: the zero value
// is not an outcome.
type Outcome string

// The outcomes.
const (
	Pass           Outcome = "pass"
	Fail           Outcome = "fail"
	KnownFailure   Outcome = "known failure"
	UnexpectedPass Outcome = "unexpected pass"
	NotSupported   Outcome = "not supported"    // the SDK says that it has no such method
	NotJudged      Outcome = "not judged"       // the world can't tell
	NotRun         Outcome = "not run"          // with the reason in Failure.Message
	HarnessFault   Outcome = "harness fault"    // the tool's own fault: a frozen or dead worker, an unsound world
	Undefined      Outcome = "undefined"        // a step that no definition matches, that makes no sense where it stands, or that is pending or skipped
	Uncovered      Outcome = "uncovered"        // requirements only: no scenario of the suite names it
	Unselected     Outcome = "unselected"       // requirements only: its scenarios were not selected in this run
	Elsewhere      Outcome = "proved elsewhere" // requirements only: no scenario can prove it; tests of this project do
)

// Run is one run of the suite against one SDK.
type Run struct {
	Schema      string      `json:"schema"`
	Tool        Tool        `json:"tool"`
	Suite       Suite       `json:"suite"`
	SDK         SDK         `json:"sdk"`
	Environment Environment `json:"environment"`
	Seed        uint64      `json:"seed"`
	Limits      []Limit     `json:"limits,omitempty"` // those that are not the defaults
	Started     time.Time   `json:"started"`
	// Wall is how long the run took; Virtual how long the timelines of its cases are, in sum.
	Wall        time.Duration `json:"wallNanoseconds"`
	Virtual     time.Duration `json:"virtualNanoseconds"`
	Interrupted bool          `json:"interrupted,omitempty"`
	// Expectations are those about this SDK. Stale says which are no longer true, because they have expired or name
	// nothing that is there.
	Expectations []Expectation `json:"expectations,omitempty"`
	Stale        []string      `json:"staleExpectations,omitempty"`
	Profile      *Profile      `json:"profile,omitempty"` // nil: the SDK claims everything

	Verdict      string        `json:"verdict"` // Judge fills it: Conformant, NotConformant, Partial or Unsound
	Requirements []Requirement `json:"requirements"`
	Cases        []Case        `json:"cases"`
}

// Limit is one that the SDK was given other than the catalogue has it: {"join", "1m30s", "60s"}.
type Limit struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Default string `json:"default"`
}

// Tool is this program.
type Tool struct {
	Name      string `json:"name"`
	Version   string `json:"version"`
	GoVersion string `json:"goVersion"`
}

// Suite is what was run. Two runs of one digest ran the same scenarios against the same catalogue.
type Suite struct {
	Name      string `json:"name"`
	Digest    string `json:"digest"`          // "sha256:" and the sum of the catalogue and the embedded features
	Scenarios int    `json:"scenarios"`       // cases of the whole suite, selected or not
	Shard     string `json:"shard,omitempty"` // "2/5": the part of the selected cases that this run is
	// Selection is of a shard: "sha256:" and the sum of the IDs of all selected cases, those of the other shards too.
	Selection string `json:"selection,omitempty"`
}

// SDK is what was tested.
type SDK struct {
	Selected string `json:"selected"` // as the user named it: "reference", "mutant:direct-media"
	Name     string `json:"name"`     // and Version: as it says itself, where it isn't part of this program
	Version  string `json:"version"`
	Program  string `json:"program,omitempty"` // what was run, where it isn't: a command, or a script and its SHA-256
	Adapter  string `json:"adapter"`           // how the suite speaks with it: "in process", "exec", "browser"
	Network  string `json:"network"`           // "virtual" or "kernel"
}

// Environment is what the run ran on, as far as it can matter to what it found.
type Environment struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
}

// Level says whether a requirement decides.
type Level string

// The levels.
const (
	Must   Level = "MUST"
	Should Level = "SHOULD"
)

// Requirement is a requirement of the catalogue and what this run says of it.
type Requirement struct {
	ID        string `json:"id"`
	Theme     string `json:"theme"` // the title of its group: "The four steps of a proxied call"
	Level     Level  `json:"level"`
	Subject   string `json:"subject"` // "sdk", "firewall", "proxy", "relay", "tool"
	Source    string `json:"source"`
	Statement string `json:"statement"`
	Observed  string `json:"observed"`
	Scenarios int    `json:"scenarios"` // how many cases of the whole suite carry its tag, selected or not
	// Tests of this project prove it where no scenario can: a folder and a function, "conformance/suite.TestX". A run
	// doesn't run them.
	Tests   []string `json:"tests,omitempty"`
	Cases   []string `json:"cases"`   // IDs of the cases of this run that carry its tag; Judge fills it
	Outcome Outcome  `json:"outcome"` // Judge fills it
}
