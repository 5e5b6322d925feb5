package sdrtn

// ChannelPath is where a gateway takes a WebSocket: wss://gateway/v1/channel. A client on a direct
// call dials it itself; on a proxied call a relay does, and passes the frames both ways.
const ChannelPath = "/v1/channel"

// Frame is one WebSocket text message between an SDK and a gateway, either way. A request carries an
// ID that the gateway repeats in its reply (TypeOK or TypeError); everything else has none.
//
// A sender may pad a frame with trailing spaces, which JSON ignores. Frames that carry SDP are padded
// to a multiple of PadBlock, so that the digits of random identifiers don't show in packet lengths.
type Frame struct {
	Type string `json:"type"`
	ID   int    `json:"id,omitempty"`

	AppID      string `json:"appId,omitempty"`      // join
	ChannelKey string `json:"channelKey,omitempty"` // join
	Channel    string `json:"channel,omitempty"`    // join
	UID        string `json:"uid,omitempty"`        // join and its reply; otherwise the user that the frame is about
	SDKVersion string `json:"sdkVersion,omitempty"` // join
	Resume     string `json:"resume,omitempty"`     // reply to join; repeated in a join that takes the user over

	Text string `json:"text,omitempty"` // message
	Seq  int    `json:"seq,omitempty"`  // message to a client: 1, 2, 3, ... per receiver, without gaps

	Audio bool   `json:"audio,omitempty"` // publish, subscribe, user-published
	Video bool   `json:"video,omitempty"`
	SDP   string `json:"sdp,omitempty"` // publish, subscribe: the offer; their reply: the answer

	Code    string `json:"code,omitempty"`    // error
	Message string `json:"message,omitempty"` // error
}

// PadBlock is the size to a multiple of which frames with SDP are padded.
const PadBlock = 8192

// Requests, from an SDK.
const (
	TypeJoin        = "join"
	TypeLeave       = "leave"
	TypeMessage     = "message" // to a client too, with UID, Text and Seq
	TypePublish     = "publish" // an offer that sends; one peer connection a publication
	TypeUnpublish   = "unpublish"
	TypeSubscribe   = "subscribe" // an offer that receives; one peer connection a subscription
	TypeUnsubscribe = "unsubscribe"
	TypePing        = "ping" // is anybody there? For browsers, whose scripts see no WebSocket pings
)

// Frames from a gateway.
const (
	TypeOK            = "ok"
	TypeError         = "error"
	TypeUserJoined    = "user-joined"
	TypeUserLeft      = "user-left"
	TypeUserPublished = "user-published"
	TypeUserUnpub     = "user-unpublished"
)
