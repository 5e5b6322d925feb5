package contract

import "encoding/json"

// Protocol is the version of the contract that this package describes.
const Protocol = 1

// Methods that the harness calls, in the order in which a session first uses them.
const (
	MethodHello            = "hello"
	MethodCreateClient     = "createClient"
	MethodInit             = "init"
	MethodStartProxyServer = "startProxyServer"
	MethodStopProxyServer  = "stopProxyServer"
	MethodSetProxyServer   = "setProxyServer"
	MethodSetTurnServer    = "setTurnServer"
	MethodJoin             = "join"
	MethodLeave            = "leave"
	MethodPublish          = "publish"
	MethodSubscribe        = "subscribe"
	MethodSend             = "send"
	MethodStats            = "stats"
	MethodReset            = "reset"
	MethodShutdown         = "shutdown"
)

// MethodMute is for the suite's own users alone: adapters aren't asked, so it is none of Methods.
const MethodMute = "mute"

// Notifications that the adapter sends.
const (
	NotifyEvent = "event" // Event
	NotifyLog   = "log"   // Log
)

// Hello opens a session: which network the SDK is on and where its services are.
type Hello struct {
	Protocol  int       `json:"protocol"`
	Network   string    `json:"network"` // "virtual" or "kernel"
	Endpoints Endpoints `json:"endpoints"`
	CA        string    `json:"ca"` // PEM: the certificate authority of every server in this network
}

// Endpoints are the addresses that a vendor would build into its SDK.
type Endpoints struct {
	Lookup   []string `json:"lookup"`   // cloud proxy edges, "https://23.0.0.1:443/v1/lookup"
	Gateways []string `json:"gateways"` // SD-RTN entrances for calls without a proxy, "wss://gateway-1.sd-rtn.test/v1/channel"
}

// HelloResult names the SDK.
type HelloResult struct {
	Protocol int    `json:"protocol"`
	Name     string `json:"name"`    // of the SDK
	Version  string `json:"version"` // of the SDK, "2.5.1"
	Adapter  string `json:"adapter,omitempty"`
	// Lookup is LookupOwn for an SDK that asks for its way by a protocol of its own, which the edges of the suite don't
	// speak: what depends on their answer is then not judged.
	Lookup string `json:"lookup,omitempty"`
}

// LookupOwn is in HelloResult.
const LookupOwn = "own"

// CreateClient makes a client. Mode is "live" or "rtc", Codec "vp8" or "h264"; empty means the
// SDK's default. ProxyServer and TurnServer are the optional values that createClient itself takes.
type CreateClient struct {
	Mode        string          `json:"mode,omitempty"`
	Codec       string          `json:"codec,omitempty"`
	ProxyServer string          `json:"proxyServer,omitempty"`
	TurnServer  json.RawMessage `json:"turnServer,omitempty"`
}

// CreateClientResult names the client for the calls that follow.
type CreateClientResult struct {
	Client string `json:"client"`
}

// ClientCall is the parameters of a method that needs nothing but the client: startProxyServer,
// stopProxyServer, leave, stats. Its result is empty, but for stats.
type ClientCall struct {
	Client string `json:"client"`
}

// Init gives the client its App ID.
type Init struct {
	Client string `json:"client"`
	AppID  string `json:"appId"`
}

// SetProxyServer names a self-deployed HTTPS and WSS reverse proxy.
type SetProxyServer struct {
	Client      string `json:"client"`
	ProxyServer string `json:"proxyServer"`
}

// SetTurnServer names a self-deployed TURN server. TurnServer is handed to the SDK as it is: a
// TurnServer object or an array of them, with whatever keys a scenario wants to try.
type SetTurnServer struct {
	Client     string          `json:"client"`
	TurnServer json.RawMessage `json:"turnServer"`
}

// TurnServer is the object that setTurnServer takes. The ports are strings of digits.
type TurnServer struct {
	TurnServerURL string `json:"turnServerURL"`
	Username      string `json:"username"`
	Password      string `json:"password"`
	UDPPort       string `json:"udpport"`
	TCPPort       string `json:"tcpport,omitempty"`
	ForceTurn     bool   `json:"forceturn,omitempty"`
}

// Join joins a channel. The reply comes when the SDK says that it has joined, or that it could not.
type Join struct {
	Client     string `json:"client"`
	ChannelKey string `json:"channelKey,omitempty"`
	Channel    string `json:"channel"`
	UID        string `json:"uid,omitempty"` // empty: SD-RTN chooses
}

// JoinResult carries the user ID that the SDK reports.
type JoinResult struct {
	UID string `json:"uid"`
}

// Publish sends audio, video or both to the channel until the client leaves. The reply comes when
// the media path is up, or when the SDK gave up.
type Publish struct {
	Client string `json:"client"`
	Audio  bool   `json:"audio"`
	Video  bool   `json:"video"`
}

// Subscribe receives what another user publishes. The reply comes when the media path is up, or when
// the SDK gave up.
type Subscribe struct {
	Client string `json:"client"`
	UID    string `json:"uid"`
	Audio  bool   `json:"audio"`
	Video  bool   `json:"video"`
}

// Mute says which of what the client publishes it goes on sending: nothing of a kind that is muted leaves, not even
// silence.
type Mute struct {
	Client string `json:"client"`
	Audio  bool   `json:"audio"` // true: muted
	Video  bool   `json:"video"`
}

// Send sends a message to every other user of the channel. The reply comes when the SDK has taken it.
type Send struct {
	Client string `json:"client"`
	Text   string `json:"text"`
}

// Stats is the result of stats: what the SDK itself counts.
type Stats struct {
	MessagesSent     int                   `json:"messagesSent"`
	MessagesReceived int                   `json:"messagesReceived"`
	Sent             MediaStats            `json:"sent"`
	Received         map[string]MediaStats `json:"received"` // by the publishing user's ID
}

// MediaStats counts one direction of one user's media.
type MediaStats struct {
	Audio TrackStats `json:"audio"`
	Video TrackStats `json:"video"`
}

// TrackStats counts RTP packets and whole encoded frames; Digest, where the SDK can tell it, is the
// hexadecimal SHA-256 over the encoded frames in order.
type TrackStats struct {
	Packets int    `json:"packets"`
	Bytes   int    `json:"bytes"` // of RTP payload
	Frames  int    `json:"frames"`
	Digest  string `json:"digest,omitempty"`
}

// Types of events.
const (
	EventState       = "connection-state" // State, Reason
	EventMessage     = "message"          // UID, Text
	EventUserJoined  = "user-joined"      // UID
	EventUserLeft    = "user-left"        // UID
	EventPublished   = "user-published"   // UID
	EventUnpublished = "user-unpublished" // UID
	EventWarning     = "warning"          // Reason
	EventError       = "error"            // Reason
)

// Connection states.
const (
	StateDisconnected  = "DISCONNECTED"
	StateConnecting    = "CONNECTING"
	StateConnected     = "CONNECTED"
	StateReconnecting  = "RECONNECTING"
	StateDisconnecting = "DISCONNECTING"
)

// Event is something that the SDK told its application.
type Event struct {
	Client string `json:"client"`
	Type   string `json:"type"`
	State  string `json:"state,omitempty"`
	UID    string `json:"uid,omitempty"`
	Text   string `json:"text,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Log is a line of the SDK's own log.
type Log struct {
	Level   string `json:"level"`
	Message string `json:"message"`
}
