package result

import (
	"net/netip"
	"time"

	"github.com/proxyspec/proxyspec/conformance/timeline"
)

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

	Actual   Outcome `json:"actual"`   // how it ended
	Expected Outcome `json:"expected"` // Pass, unless an expectation says Fail or NotSupported; Judge fills it
	Outcome  Outcome `json:"outcome"`  // Actual, held against Expected by Judge
	// Known is why it was expected to end so, from the expectations file.
	Known   string   `json:"known,omitempty"`
	Steps   []Step   `json:"steps"`
	Failure *Failure `json:"failure,omitempty"`

	Wall    time.Duration `json:"wallNanoseconds"`
	Virtual time.Duration `json:"virtualNanoseconds"`

	Evidence Evidence    `json:"evidence"`
	Trace    Trace       `json:"trace"`
	Paths    []PathCount `json:"paths"` // who exchanged how much with whom, at the firewall
	// Ladder is the events that a sequence diagram of the four steps shows. conformance.json has it for
	// cases that did not pass; the timeline has it for all.
	Ladder []timeline.Event `json:"ladder,omitempty"`
	// MissingRows is the rows of the whitelist that the office's firewall doesn't let through whole.
	MissingRows []string `json:"missingRows,omitempty"`
	Hosts       []Host   `json:"hosts"` // who is behind the addresses of the events
	// Product is what an SDK that is not part of this program said that it is; nil: it is, or it said nothing.
	Product *Product `json:"product,omitempty"`
}

// Product is an SDK as its maker calls it.
type Product struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Host names the addresses of one machine of a case's world.
type Host struct {
	Name  string       `json:"name"` // as in timeline.Event.Actor: "alice", "edge-1", "relay-2", "gateway-1", "bob"
	Addrs []netip.Addr `json:"addrs"`
	// StandIns are, where a real kernel carried the packets, what the SDK saw in the place of addresses that belong to
	// third parties.
	StandIns []netip.Addr `json:"standIns,omitempty"`
}

// Step is one step of a case.
type Step struct {
	Keyword string `json:"keyword"` // "Given", "When", "Then", "And"
	Text    string `json:"text"`
	Line    int    `json:"line"`
	// What stands below its line: a doc string or a table.
	DocString *DocString    `json:"docString,omitempty"`
	Table     [][]string    `json:"table,omitempty"`
	Outcome   Outcome       `json:"outcome"` // NotRun after a failure
	Virtual   time.Duration `json:"virtualNanoseconds"`
	Error     string        `json:"error,omitempty"`
}

// DocString is the text block below a step.
type DocString struct {
	MediaType string `json:"mediaType,omitempty"`
	Content   string `json:"content"`
}

// Failure says why a case did not pass, with the evidence.
type Failure struct {
	Step     string           `json:"step"` // its text, "" when no step is to blame
	Message  string           `json:"message"`
	Expected string           `json:"expected,omitempty"`
	Actual   string           `json:"actual,omitempty"`
	Cause    string           `json:"cause,omitempty"`  // in words
	Events   []timeline.Event `json:"events,omitempty"` // that prove it: packets, log entries, results
	// Decides is the Seq of the event that decided: the first that was wrong. 0: the last of Events, if there are any.
	Decides int `json:"decides,omitempty"`
	// Variants were run, the least change first. One that passes says what has to do with it.
	Variants []Variant `json:"variants,omitempty"`
	Replay   string    `json:"replay,omitempty"` // the command that runs this case again
}

// Evidence names files, relative to the report folder.
type Evidence struct {
	Page     string `json:"page,omitempty"`     // the case's own page, for people
	Capture  string `json:"capture,omitempty"`  // pcapng
	Timeline string `json:"timeline,omitempty"` // JSON, an array of timeline.Event
	Script   string `json:"script,omitempty"`   // the timeline as the page reads it
	// Cut says what was left out because it would have been too much; "" if nothing was.
	Cut string `json:"cut,omitempty"`
	// Lost says why there is none.
	Lost string `json:"lost,omitempty"`
}

// EvidenceOf is the files of a case, but for its page.
func EvidenceOf(id string) Evidence {
	folder := "evidence/" + id + "/"
	return Evidence{Capture: folder + "capture.pcapng", Timeline: folder + "timeline.json", Script: folder + "timeline.js"}
}

// Files is the names of those that there are.
func (e Evidence) Files() (names []string) {
	for _, name := range []string{e.Page, e.Capture, e.Timeline, e.Script} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// Trace identifies the packets of a case: the same seed gives the same trace.
type Trace struct {
	Packets int    `json:"packets"`
	Digest  string `json:"digest,omitempty"` // "sha256:" and the sum of what timeline.Trace says of every packet
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
