package relay

import "net/netip"

// Names of events, grouped by purpose. A refusal's Code says why.
const (
	EventLookupReceived  = "lookup.received"  // a lookup was read; its fields are set if it could be parsed
	EventLookupAnswered  = "lookup.answered"  // just before the first byte of the answer is written
	EventLookupRefused   = "lookup.refused"   // just before the first byte of the refusal is written
	EventLookupPreflight = "lookup.preflight" // a browser asked whether it may look up

	EventMessagesOpened  = "messages.opened"  // SD-RTN answered; just before the client is told
	EventMessagesRefused = "messages.refused" // just before the first byte of the refusal is written
	EventMessagesUp      = "messages.up"      // one message, just before it is written to SD-RTN
	EventMessagesDown    = "messages.down"    // one message, just before it is written to the client
	EventMessagesClosed  = "messages.closed"  // both sides have ended; Code is empty if one closed with a close frame

	EventAllocationCreated = "allocation.created" // just before the client is told
	EventAllocationRefused = "allocation.refused"
	EventAllocationDeleted = "allocation.deleted" // by the client, by expiry or with its connection
	EventPermissionRefused = "permission.refused" // Peer isn't SD-RTN, or one too many
	EventMediaUp           = "media.up"           // an allocation's first packet to a peer, just before it is sent
	EventMediaDown         = "media.down"         // an allocation's first packet from a permitted peer

	EventConnectionRefused = "connection.refused" // TCP connections beyond Limits, or the system's; told once a second, for all since

	EventServerError = "server.error" // what net/http had to say: a failed TLS handshake, say
)

// Purposes of a connection to the cloud proxy.
const (
	PurposeLookup   = "lookup"
	PurposeMessages = "messages"
	PurposeMedia    = "media"
)

// Codes of events that never reach a client as a refusal.
const (
	CodeClientLost         = ReasonClientLost      // messages.closed: the client's connection broke
	CodeStopping           = ReasonStopping        // messages.closed, allocation.refused: the relay is being shut down
	CodeTooBig             = ReasonTooBig          // messages.closed: a side sent more than MaxMessage bytes
	CodeCredentialsInvalid = "credentials-invalid" // allocation.refused: not credentials of ours
	CodeCredentialsExpired = "credentials-expired" // allocation.refused
	CodeQuota              = "quota-reached"       // allocation.refused: the session has MaxAllocations at this relay; permission.refused
	CodeCapacity           = "no-capacity"         // allocation.refused: no port left for the relayed address; connection.refused
	CodeReservation        = "reservation-unknown" // allocation.refused: no port is reserved under the token, or none any more
	CodePeer               = "peer-not-allowed"    // permission.refused
)

// Event is one thing that the cloud proxy saw or did. Name, Node and Purpose are always set, From
// wherever there is a client; the rest where it is known. No field ever holds a secret or content.
type Event struct {
	Name    string
	Node    string // the edge or relay
	Purpose string // PurposeLookup, PurposeMessages or PurposeMedia
	Proto   string // how the client came: "TCP" or "UDP"

	From    netip.AddrPort // the client
	To      netip.AddrPort // the port of ours that it reached
	Relayed netip.AddrPort // messages and media: our address towards SD-RTN, which SD-RTN sees
	Peer    netip.AddrPort // messages: the gateway; media: the peer; permission.refused: port 0

	Session string // LookupAnswer.Session
	AppID   string // for lookup and messages, as are Channel and User
	Channel string
	User    string // the UID of the lookup; empty if SD-RTN chooses

	Count  int     // connection.refused: how many since it was last told
	Code   string  // why refused or closed: a Code constant
	Bytes  int     // of the answer, message or packet that this event is about
	Up     Traffic // of this connection or allocation so far, towards SD-RTN
	Down   Traffic // likewise, towards the client
	Books  *Books  // allocation.deleted and messages.closed: what became of all that came
	Detail string  // in words
}

// Books is what became of everything that a connection or allocation was handed, each way, once it has ended: nothing
// is queued any more.
type Books struct{ Up, Down Ledger }

// Ledger is one direction.
type Ledger struct{ In, Out, Dropped Traffic }

// Balanced says that nothing got lost without being counted, or was counted twice.
func (l Ledger) Balanced() bool {
	return l.In.Count == l.Out.Count+l.Dropped.Count && l.In.Bytes == l.Out.Bytes+l.Dropped.Bytes
}

// Traffic counts messages or packets and the bytes of their payload, without any framing.
type Traffic struct {
	Count int
	Bytes int
}

func (t *Traffic) add(n int) {
	t.Count++
	t.Bytes += n
}
