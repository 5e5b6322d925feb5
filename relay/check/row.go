package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pion/stun/v3"
)

// Outcome is how a row ended.
type Outcome string

// The outcomes. The zero value is none.
const (
	Pass       Outcome = "pass"
	Fail       Outcome = "fail"
	NotOffered Outcome = "not offered" // the server has no such feature, or the target can't show it
	Broken     Outcome = "broken"      // the target itself failed: no connection, no socket for a peer
)

// What Got says of a row that is NotOffered because the Target lacks something.
const (
	NoOther     = "no credentials of a second user were given"
	NoStranger  = "no second peer address was given"
	NoForbidden = "no peer was named that the server must refuse"
	NoQuota     = "the server's quota was not named"
	// It is the server's right.
	QuotaReached = "486: the user's quota is used up"
)

// Row is one thing that a TURN server has to do.
type Row struct {
	ID          string // stable: "01/allocate-without-mi"
	Requirement string // of the catalogue: "CP-RLY-01"
	Section     string // "RFC 8489 §9.2.4"
	Should      bool   // the RFC recommends it (SHOULD); what it doesn't is a MUST
	Optional    bool   // it is about what few servers offer, and none must
	Sends       string
	Expects     string

	needs need
	size  int // of the largest datagram that a peer sends; 0: any network carries it
	run   func(*probe)
}

// need is what a row can't do without.
type need uint8

const (
	anything  need = 0
	clock     need = 1 << iota // hours that pass at once
	datagrams                  // UDP
	streams                    // TCP or TLS
)

// Fits says whether a row is about the target's transport, and whether the target has the clock and the network
// that it needs.
func (r Row) Fits(t Target) bool {
	return (t.MaxDatagram == 0 || r.size <= t.MaxDatagram) && (r.needs&clock == 0 || t.Sleep != nil) && (r.needs&datagrams == 0 || !t.Stream) && (r.needs&streams == 0 || t.Stream)
}

// Timed says whether a row is about expiry, which takes a clock that Target.Sleep can move.
func (r Row) Timed() bool { return r.needs&clock != 0 }

// Result is what a row found.
type Result struct {
	Row
	Outcome Outcome
	Got     string // in words
	Missed  bool   // it failed because something didn't come, or not at once

	Attempts int
	Lost     string // what the first of several attempts got
}

func (r Result) String() string {
	text := fmt.Sprintf("%s %s (%s): sent %s; expected %s; got %s", r.Outcome, r.ID, r.Section, r.Sends, r.Expects, r.Got)
	if r.Lost != "" {
		text += "; at a first attempt: " + r.Lost
	}
	return text
}

// attempts is how often a row is run where datagrams may be lost. A row has some datagrams that are sent but once, on two
// ways; at 2 % of loss on each, two attempts would fail a sound server in one check of six, three in one of 150.
const attempts = 3

// Run runs a row. It returns when everything that it opened is closed. Where datagrams may be lost, a row that failed
// because nothing came is run again as a whole, so that a server that always drops the same packet still fails.
func (r Row) Run(t Target) Result {
	result := r.attempt(t, 0)
	result.Attempts = 1
	for first, n := result.Got, 2; result.Missed && t.Lossy && n <= attempts; n++ {
		result = r.attempt(t, n-1)
		result.Attempts, result.Lost = n, first
	}
	return result
}

// attempt runs a row once, after some datagrams that nobody waits for: who drops every tenth packet would else drop the
// same of a row that has ten, at every attempt.
func (r Row) attempt(t Target, before int) (result Result) {
	p := &probe{target: t.withDefaults()}
	result = Result{Row: r, Outcome: Pass}
	defer p.close()
	defer func() {
		result.Got = p.got
		switch end := recover().(type) {
		case nil:
		case ending:
			result.Outcome, result.Got = end.outcome, end.got
			result.Missed = end.outcome == Fail && p.missed
		default:
			panic(end)
		}
	}()
	for range before {
		c := p.client()
		c.write(c.build(stun.BindingRequest).Raw)
	}
	r.run(p)
	return result
}

// ending is how a probe leaves its row early.
type ending struct {
	outcome Outcome
	got     string
}

// Rows is every row, in the order of the catalogue.
func Rows() []Row {
	var all []Row
	for _, group := range []func() []Row{
		challengeRows, algorithmRows, integrityRows, messageRows, malformedRows, mismatchRows, allocateRows, reservationRows, addressRows, capacityRows, lifetimeRows,
		permissionRows, peerRows, sendRows, dataRows, channelRows, channelDataRows, streamRows, answerRows,
	} {
		all = append(all, group()...)
	}
	slices.SortStableFunc(all, func(a, b Row) int { return cmp.Compare(a.Requirement, b.Requirement) })
	return all
}

func (s *section) row(id, sends, expects string, run func(*probe)) {
	s.add(anything, id, sends, expects, run)
}

func (s *section) add(needs need, id, sends, expects string, run func(*probe)) {
	s.rows = append(s.rows, Row{
		ID: s.number + "/" + strings.ReplaceAll(id, " ", "-"), Requirement: s.about.ID, Section: s.about.Section,
		Sends: sends, Expects: expects, needs: needs, run: run,
	})
}

// should adds a row that the RFC only recommends.
func (s *section) should(id, sends, expects string, run func(*probe)) {
	s.row(id, sends, expects, run)
	s.recommended()
}

// recommended makes the last row one that the RFC only recommends.
func (s *section) recommended() { s.rows[len(s.rows)-1].Should = true }

// in names the section of the last row, which isn't among those of its requirement.
func (s *section) in(where string) { s.rows[len(s.rows)-1].Section = where }
