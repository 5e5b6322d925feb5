package sdrtn

import "net/netip"

// Names of events. A user of an event is who it is about; Peer is the other one.
const (
	EventConnected    = "connected"    // Source: a WebSocket opens
	EventDisconnected = "disconnected" // Source, User if it had joined, Detail: why
	EventJoined       = "joined"       // Source, Channel, User, Version, Detail "resumed"
	EventLeft         = "left"         // Source, Channel, User, Detail: why
	EventMessageIn    = "message.in"   // Source, User, Digest
	EventMessageOut   = "message.out"  // Source: where it goes; User: who gets it; Peer: who sent it; Digest
	EventPublished    = "published"    // Source, User
	EventUnpublished  = "unpublished"  // User, Detail: why
	EventSubscribed   = "subscribed"   // Source, User; Peer: the publisher
	EventUnsubscribed = "unsubscribed" // User, Peer, Detail: why
	EventMediaFirst   = "media.first"  // the first RTP packet of a track: User, Kind; Source as ICE sees it
	EventMediaIn      = "media.in"     // totals of a track when it ends or on demand: User, Kind
	EventMediaOut     = "media.out"    // totals of what was forwarded: User, Kind; Peer: the publisher
	EventRefused      = "refused"      // Source, User if any, Code, Detail
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
	Digest  string // hexadecimal SHA-256 of a message's text, or over a track's encoded frames

	Packets int // RTP packets of a track
	Bytes   int // of RTP payload
	Frames  int // encoded frames that came whole

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
