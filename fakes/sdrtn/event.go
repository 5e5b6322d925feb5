package sdrtn

import "net/netip"

// Names of events. User is who an event is about and Peer the other one. Source is the other end of the
// user's WebSocket, but for the events of media. What changes who is in a channel, or what they publish, is
// logged before anybody hears of it.
const (
	EventConnected    = "connected"    // a request for a WebSocket, before it is answered
	EventDisconnected = "disconnected" // User if it had joined; Detail: why
	EventJoined       = "joined"       // Version; Detail "resumed" if the user was taken over
	EventLeft         = "left"         // Detail: why
	EventMessageIn    = "message.in"   // User: who sent it; Digest
	EventMessageOut   = "message.out"  // before it is written. User: who gets it; Peer: who sent it; Digest
	EventPublished    = "published"    // Detail: what
	EventUnpublished  = "unpublished"  // Detail: why
	EventSubscribed   = "subscribed"   // Peer: the publisher; Detail: to what
	EventUnsubscribed = "unsubscribed" // Peer; Detail: why
	EventMediaFirst   = "media.first"  // the first RTP packet of a track: Kind, Codec; Source as ICE sees it
	EventMediaIn      = "media.in"     // a track's totals, when it ends or on demand: Kind, no Source
	EventMediaOut     = "media.out"    // totals of what was forwarded of it: Peer: the publisher; Kind, no Source
	EventRefused      = "refused"      // User if any; Code; Detail
)

// Event is something that a gateway saw or did.
type Event struct {
	Name    string
	Gateway string

	Source  netip.AddrPort // of the connection or of the media: the remote end, as the gateway sees it
	Channel string
	User    string
	Peer    string
	Version string // of the SDK
	Kind    string // of media: "audio" or "video"
	Codec   string // of media: "opus", "vp8" or "h264"
	Digest  string // hexadecimal SHA-256 of a message's text, or over a track's encoded frames

	Packets int // RTP packets of a track
	Bytes   int // of RTP payload
	Frames  int // encoded frames that came whole
	Missing int // packets that have not come, by their numbers

	Code   string // of a refusal
	Detail string // in words
}

// Codes of error frames.
const (
	CodeMalformed         = "malformed-frame"    // not a Frame, an unknown type, a field missing
	CodeNotJoined         = "not-joined"         // join comes first
	CodeAlreadyJoined     = "already-joined"     // join comes once
	CodeUIDInUse          = "uid-in-use"         // another connection has this user
	CodeUnknownUser       = "unknown-user"       // nobody of this uid is in the channel
	CodeNotPublished      = "not-published"      // this user publishes nothing of the kinds asked for
	CodeAlreadyPublished  = "already-published"  // unpublish first
	CodeAlreadySubscribed = "already-subscribed" // unsubscribe first
	CodeNotSubscribed     = "not-subscribed"     // there is nothing to unsubscribe from
	CodeBadOffer          = "bad-offer"          // the sdp is no offer of these kinds
)
