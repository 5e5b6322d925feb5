package relay

import "time"

// LookupPath is where an edge answers a lookup: POST, application/json, a LookupRequest.
const LookupPath = "/v1/lookup"

// MessagesPath is where a relay takes a client's WebSocket. Clients never build this URL themselves:
// LookupAnswer.MessageURLs has it whole, with the session in it.
const MessagesPath = "/v1/messages"

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

// Refusal codes.
const (
	CodeMalformed          = "malformed-request"   // 400: not JSON, an unknown or missing field
	CodeVersionMalformed   = "version-malformed"   // 400: sdkVersion is not a version
	CodeVersionUnsupported = "version-unsupported" // 403: before 2.5.1
	CodeNotProvisioned     = "app-not-provisioned" // 403: no account for this App ID
	CodeRegion             = "region-not-provisioned"
	CodeScale              = "scale-exceeded"     // 429: as many concurrent users as the account has
	CodeSession            = "session-invalid"    // 401: no such session, or it has expired
	CodeUpstream           = "upstream-failed"    // 502: SD-RTN did not answer
	CodeMethod             = "method-not-allowed" // 405
)
