// Package timeline is the evidence of one scenario: everything that was seen or done, by anyone in
// its world, in one numbered sequence with the world's clock.
//
// Steps judge a timeline and nothing else. It never forgets the order: Seq decides what came first,
// never At, because many things happen at one instant of virtual time.
package timeline

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Kind says what sort of witness an event has.
type Kind string

// The kinds of events.
const (
	KindStep   Kind = "step"   // a step of the scenario begins
	KindCall   Kind = "call"   // the suite calls an SDK
	KindResult Kind = "result" // the SDK's reply to a call
	KindNotice Kind = "notice" // an event or log line that an SDK sent by itself
	KindPacket Kind = "packet" // a packet at the firewall, or arriving at SD-RTN
	KindProxy  Kind = "proxy"  // the cloud proxy's log
	KindSDRTN  Kind = "sdrtn"  // the SD-RTN's log
	KindServer Kind = "server" // the log of a server that the company runs itself
	KindWorld  Kind = "world"  // the suite changed the world: a policy, a fault
)

// Event is one entry. Which fields are set depends on Kind; Name always is.
type Event struct {
	Seq   int           `json:"seq"`
	At    time.Duration `json:"at"` // nanoseconds since the world began
	Kind  Kind          `json:"kind"`
	Actor string        `json:"actor"` // who saw or did it: "firewall", "edge-1", "relay-2", "gateway-1", "alice", "suite"
	Name  string        `json:"name"`  // "packet", "lookup.answered", "join", "connection-state"

	Call    int            `json:"call,omitempty"`  // pairs a call with its result, per actor
	Proto   string         `json:"proto,omitempty"` // "TCP", "UDP", "ICMP"
	From    netip.AddrPort `json:"from,omitzero"`
	To      netip.AddrPort `json:"to,omitzero"`
	Length  int            `json:"length,omitempty"`  // bytes: of the IP packet, or of what the event is about
	Flags   string         `json:"flags,omitempty"`   // TCP: "SYN", "SYN ACK"
	Verdict string         `json:"verdict,omitempty"` // of the firewall: "allow", "drop", "reject"
	Rule    string         `json:"rule,omitempty"`    // the rule that gave it: "T1", "established", "default"
	Session string         `json:"session,omitempty"` // the cloud proxy's name of a session
	Purpose string         `json:"purpose,omitempty"` // of a proxy connection: "lookup", "messages", "media"; of a packet: "stun", "dtls", "rtp", "rtcp"
	User    string         `json:"user,omitempty"`    // SD-RTN's user ID
	Peer    string         `json:"peer,omitempty"`    // the other user that an SD-RTN event is about
	Media   string         `json:"media,omitempty"`   // "audio" or "video"
	Code    string         `json:"code,omitempty"`    // of an error or refusal
	Digest  string         `json:"digest,omitempty"`  // SHA-256 of a message's text
	Count   int            `json:"count,omitempty"`   // of packets or messages
	Frames  int            `json:"frames,omitempty"`  // of a media track
	Missing int            `json:"missing,omitempty"` // packets of a media track that have not come, by their numbers
	Codec   string         `json:"codec,omitempty"`   // of a media track: "vp8"
	Detail  string         `json:"detail,omitempty"`  // in words
}

// Timeline collects events from many goroutines. Its clock is the world's.
type Timeline struct {
	start time.Time

	mu     sync.Mutex
	events []Event
}

// New begins a timeline now, by the clock of the calling goroutine.
func New() *Timeline { return &Timeline{start: time.Now()} }

// Add numbers an event, stamps it with the time since the beginning and keeps it.
func (t *Timeline) Add(e Event) Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	e.Seq = len(t.events) + 1
	e.At = time.Since(t.start)
	if len(t.events) == cap(t.events) { // append would grow a long list by a quarter only, and so copy it five times
		t.events = slices.Grow(t.events, max(256, len(t.events)))
	}
	t.events = append(t.events, e)
	return e
}

// Events is everything so far, in order. The caller must not change it.
func (t *Timeline) Events() []Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.events[:len(t.events):len(t.events)]
}

// Start is when the timeline began.
func (t *Timeline) Start() time.Time { return t.start }

// Elapsed is the time since the beginning.
func (t *Timeline) Elapsed() time.Duration { return time.Since(t.start) }
