// Package result is the one model of what a run found. Reports are pure functions of it.
package result

import (
	"net/netip"
	"time"

	"github.com/proxyspec/proxyspec/conformance/timeline"
)

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
	NotSupported   Outcome = "not supported" // the SDK says that it has no such method
	NotJudged      Outcome = "not judged"    // the world can't tell
	NotRun         Outcome = "not run"       // with the reason in Failure.Message
	HarnessFault   Outcome = "harness fault" // the tool's own fault: a frozen or dead worker, an unsound world
	Undefined      Outcome = "undefined"     // a step that no definition matches, or that is pending or skipped
	Uncovered      Outcome = "uncovered"     // requirements only: no scenario of the suite names it
	Unselected     Outcome = "unselected"    // requirements only: its scenarios were not selected in this run
)

// Run is one run of the suite against one SDK.
type Run struct {
	Schema  string    `json:"schema"`
	Tool    Tool      `json:"tool"`
	SDK     SDK       `json:"sdk"`
	Seed    uint64    `json:"seed"`
	Started time.Time `json:"started"`
	// Wall is how long the run took; Virtual how much simulated time its cases saw, in sum.
	Wall        time.Duration `json:"wallNanoseconds"`
	Virtual     time.Duration `json:"virtualNanoseconds"`
	Interrupted bool          `json:"interrupted,omitempty"`
	// Stale are the lines of the expectations file that no case of this run answered to.
	Stale []string `json:"staleExpectations,omitempty"`

	Verdict      string        `json:"verdict"` // Judge fills it: Conformant, NotConformant, Partial or Unsound
	Requirements []Requirement `json:"requirements"`
	Cases        []Case        `json:"cases"`
}

// Tool is this program.
type Tool struct {
	Name      string `json:"name"`
	Version   string `json:"version"`
	GoVersion string `json:"goVersion"`
}

// SDK is what was tested.
type SDK struct {
	Selected string `json:"selected"` // as the user named it: "reference", "mutant:direct-media"
	Name     string `json:"name"`
	Version  string `json:"version"`
	Network  string `json:"network"` // "virtual" or "kernel"
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
	ID        string   `json:"id"`
	Theme     string   `json:"theme"` // the title of its group: "The four steps of a proxied call"
	Level     Level    `json:"level"`
	Subject   string   `json:"subject"` // "sdk", "firewall", "proxy", "relay", "tool"
	Source    string   `json:"source"`
	Statement string   `json:"statement"`
	Observed  string   `json:"observed"`
	Scenarios int      `json:"scenarios"` // how many cases of the whole suite carry its tag, selected or not
	Cases     []string `json:"cases"`     // IDs of the cases of this run that carry its tag; Judge fills it
	Outcome   Outcome  `json:"outcome"`   // Judge fills it
}

// Case is one scenario, or one row of a scenario outline.
type Case struct {
	ID           string   `json:"id"` // stable: "flow/lookup/only-edges-before-the-answer", a row adds its values
	Feature      string   `json:"feature"`
	Name         string   `json:"name"`
	Path         string   `json:"path"`
	Line         int      `json:"line"`
	Tags         []string `json:"tags"`
	Requirements []string `json:"requirements"`  // from its tags
	Own          bool     `json:"own,omitempty"` // a user's own scenario: no requirement's tag, or outside the suite
	Seed         uint64   `json:"seed"`          // of its world

	Outcome Outcome  `json:"outcome"`
	Steps   []Step   `json:"steps"`
	Failure *Failure `json:"failure,omitempty"`

	Wall    time.Duration `json:"wallNanoseconds"`
	Virtual time.Duration `json:"virtualNanoseconds"`

	Evidence Evidence         `json:"evidence"`
	Paths    []PathCount      `json:"paths"`  // who exchanged how much with whom, at the firewall
	Ladder   []timeline.Event `json:"ladder"` // the events that a sequence diagram of the four steps shows
	// MissingRows is the rows of the whitelist that the office's firewall doesn't let through whole.
	MissingRows []string `json:"missingRows,omitempty"`
	Hosts       []Host   `json:"hosts"` // who is behind the addresses of the events
}

// Host names the addresses of one machine of a case's world.
type Host struct {
	Name  string       `json:"name"` // as in timeline.Event.Actor: "alice", "edge-1", "relay-2", "gateway-1", "bob"
	Addrs []netip.Addr `json:"addrs"`
}

// Step is one step of a case.
type Step struct {
	Keyword string        `json:"keyword"` // "Given", "When", "Then", "And"
	Text    string        `json:"text"`
	Line    int           `json:"line"`
	Outcome Outcome       `json:"outcome"` // NotRun after a failure
	Virtual time.Duration `json:"virtualNanoseconds"`
	Error   string        `json:"error,omitempty"`
}

// Failure says why a case did not pass, with the evidence.
type Failure struct {
	Step     string           `json:"step"` // its text, "" when no step is to blame
	Message  string           `json:"message"`
	Expected string           `json:"expected,omitempty"`
	Actual   string           `json:"actual,omitempty"`
	Cause    string           `json:"cause,omitempty"`  // in words
	Events   []timeline.Event `json:"events,omitempty"` // that prove it: packets, log entries, results
	Replay   string           `json:"replay,omitempty"` // the command that runs this case again
}

// Evidence names files, relative to the report folder.
type Evidence struct {
	Capture  string `json:"capture,omitempty"`
	Timeline string `json:"timeline,omitempty"`
}

// PathCount counts the packets of one path through the firewall.
type PathCount struct {
	From    string `json:"from"` // "alice"
	To      string `json:"to"`   // "relay-1"
	Proto   string `json:"proto"`
	Port    uint16 `json:"port"` // of To
	Packets int    `json:"packets"`
	Bytes   int    `json:"bytes"`
	Dropped int    `json:"dropped"`
}
