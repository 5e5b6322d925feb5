package relay

import "time"

// LookupPath is where an edge answers a lookup: POST, application/json, a LookupRequest.
const LookupPath = "/v1/lookup"

// MessagesPath is where a relay takes a client's WebSocket. Clients never build this URL themselves:
// LookupAnswer.MessageURLs has it whole, with the session in it.
const MessagesPath = "/v1/messages"

// Realm is the realm of every relay's long-term credentials (RFC 8489, section 9.2).
const Realm = "proxyspec"

// Limits of the wire contract.
const (
	MaxRequest = 64 << 10 // bytes of a lookup's body
	MaxField   = 255      // bytes of each of its fields
	MaxMessage = 1 << 20  // bytes of one WebSocket message, either way
)

// LookupRequest is step 1 of a proxied join: who asks, and for what.
type LookupRequest struct {
	AppID      string `json:"appId"`
	SDKVersion string `json:"sdkVersion"`
	Region     string `json:"region,omitempty"` // empty: the account's first region
	Channel    string `json:"channel"`
	UID        string `json:"uid,omitempty"` // empty: SD-RTN chooses at join
}

// LookupAnswer is step 2: the way through the cloud proxy.
type LookupAnswer struct {
	Session     string      `json:"session"` // public name of the session, as logs have it; not a secret
	Expires     time.Time   `json:"expires"`
	Relays      []RelayInfo `json:"relays"`      // in the order in which to try them
	MessageURLs []string    `json:"messageUrls"` // wss URLs, in the order in which to try them
	ICEServers  []ICEServer `json:"iceServers"`  // RTCConfiguration.iceServers as a WebRTC stack takes it
}

// RelayInfo names one relay and its ports.
type RelayInfo struct {
	Address      string `json:"address"`
	MessagePorts []int  `json:"messagePorts"` // TCP: WebSocket over TLS
	UDPPorts     []int  `json:"udpPorts"`     // TURN over UDP
	TCPPorts     []int  `json:"tcpPorts"`     // TURN over TCP
}

// ICEServer is the W3C's RTCIceServer.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username"`
	Credential string   `json:"credential"`
}

// Refusal is the body of every answer of an edge or relay that isn't a success.
type Refusal struct {
	Error RefusalError `json:"error"`
}

// RefusalError says by name what was refused and in words why.
type RefusalError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Refusal codes. Each has one HTTP status.
const (
	CodeMalformed          = "malformed-request"      // 400: not JSON; an unknown, repeated, missing or overlong field
	CodeVersionMalformed   = "version-malformed"      // 400: sdkVersion is not a version
	CodeSession            = "session-invalid"        // 401: not a session of ours, or it has expired
	CodeVersionUnsupported = "version-unsupported"    // 403: before 2.5.1
	CodeNotProvisioned     = "app-not-provisioned"    // 403: no account for this App ID
	CodeRegion             = "region-not-provisioned" // 403: the account doesn't have this region
	CodeNotFound           = "not-found"              // 404: not a path of ours
	CodeMethod             = "method-not-allowed"     // 405
	CodeTooLarge           = "request-too-large"      // 413: a lookup of more than MaxRequest bytes
	CodeMediaType          = "unsupported-media-type" // 415: a lookup that isn't application/json
	CodeUpgrade            = "upgrade-required"       // 426: a good session, but not a WebSocket handshake
	CodeScale              = "scale-exceeded"         // 429: as many concurrent users as the account has
	CodeConnections        = "too-many-connections"   // 429: as many message connections as a user may have
	CodeInternal           = "internal-error"         // 500
	CodeUpstream           = "upstream-failed"        // 502: no SD-RTN gateway answered
)

// CloseUpstream is the WebSocket close code when SD-RTN's connection broke. It is from the range that
// RFC 6455, section 7.4.2, leaves to applications, which every client must take: the registered 1014
// is younger than the RFC.
const CloseUpstream = 4502

// Reasons in a WebSocket close frame that the relay itself makes.
const (
	ReasonClientLost = "client-lost"     // to SD-RTN, 1001: the client's connection broke
	ReasonUpstream   = "upstream-failed" // to the client, CloseUpstream: SD-RTN's connection broke
	ReasonTooBig     = "message-too-big" // to the sender, 1009: more than MaxMessage bytes
	ReasonStopping   = "relay-stopping"  // to both, 1001: the relay is being shut down
)
