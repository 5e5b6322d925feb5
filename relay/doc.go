// Package relay is the cloud proxy: a real server, whose edges answer lookups and whose relays carry
// messages and media between clients and SD-RTN.
//
// A [Cloud] is what all edges and relays of one cloud proxy share: configuration, the secret, and the
// count of concurrent users. Each [Edge] and [Relay] has a transport.Net of its own, the operating
// system's or a simulated host's, and runs while its Serve does:
//
//	cloud, err := relay.New(relay.Config{...})
//	edge := cloud.Edge("edge-1", host, netip.MustParseAddrPort("192.0.2.17:443"))
//	err = edge.Listen()   // clients may connect from here on
//	err = edge.Serve(ctx) // until ctx ends
//
// When Serve returns every port, connection, allocation and goroutine of that node is gone, and it
// may Listen and Serve again. Nothing else in the package starts a goroutine or a timer. The package
// never looks into messages or media, never logs a secret or content, never sends a client's data to
// anyone but SD-RTN, and never imports the simulation.
//
// The rest of this text is the wire contract. A client can be written from it alone.
//
// # Lookup
//
// A client that wants to go through the cloud proxy first asks an edge how, over HTTPS (HTTP/1.1) on
// TCP port 443. It needs one answer; asking two edges at once and using whichever answers first is
// fine, and takes no more from the account than asking one.
//
//	POST /v1/lookup HTTP/1.1
//	Host: 192.0.2.17
//	Content-Type: application/json
//
//	{"appId":"app","sdkVersion":"2.5.1","region":"EU","channel":"town-hall","uid":"7"}
//
// The body is one JSON object in UTF-8 of at most 65,536 bytes ([MaxRequest]; [LookupRequest]). Every field is
// a string of at most 255 bytes ([MaxField]). Names are matched exactly; an unknown or repeated one is
// refused. Parameters of the content type, such as a charset, are ignored. The message of a refusal names the line and the column in bytes, both counted from 1, where the
// body is wrong.
//
//	appId       required
//	sdkVersion  required: three or four numbers, 2.5.1 or later. A "v" before them is ignored, and so
//	            is SemVer build metadata after them; 2.5.1-rc.1, a pre-release, comes before 2.5.1
//	region      optional: one of the account's; absent or empty means its first
//	channel     required
//	uid         optional: absent or empty where SD-RTN chooses the user ID at join
//
// The answer is a [LookupAnswer]:
//
//	HTTP/1.1 200 OK
//	Content-Type: application/json
//	Cache-Control: no-store
//
//	{"session":"91297747b57d2464",
//	 "expires":"2026-11-24T18:40:03Z",
//	 "relays":[{"address":"192.0.2.138","messagePorts":[443,4000],
//	            "udpPorts":[3478,...,3500],"tcpPorts":[3433,...,3460]}, ...],
//	 "messageUrls":["wss://192.0.2.138:443/v1/messages?session=TOKEN",
//	                "wss://198.51.100.218:443/v1/messages?session=TOKEN", ...,
//	                "wss://192.0.2.138:4000/v1/messages?session=TOKEN", ...],
//	 "iceServers":[{"urls":["turn:192.0.2.138:3478?transport=udp","turn:192.0.2.138:3433?transport=tcp"],
//	                "username":"1795545603:91297747b57d2464","credential":"I+S0KheN6bxfuj2H8Xn3QI8OA3E="}, ...]}
//
// An address may be a domain name: the relay's, if it has one.
//
// relays, messageUrls and iceServers each name every relay, in the order in which to try them; the
// order depends on the App ID and channel only. messageUrls has the first message port of every
// relay, then the second of every relay, and so on. iceServers has the first UDP and the first TCP port of every
// relay and is what a WebRTC stack takes as it is; relays lists the others, all of which speak the
// same protocols with the same credentials. session is the session's public name, as the cloud
// proxy's log has it. TOKEN and credential are secrets; TOKEN is opaque. Session names, user names
// and credentials have the same length in every answer.
//
// # Refusals
//
// Whatever an edge or a message port refuses, it answers with the HTTP status of the code and a
// [Refusal]. Programs go by the code; the message is for people and may change.
//
//	HTTP/1.1 403 Forbidden
//	Content-Type: application/json
//
//	{"error":{"code":"version-unsupported","message":"sdkVersion 2.5.0: the cloud proxy needs 2.5.1 or later"}}
//
//	status  code                    where     what to do
//	400     malformed-request       edge      mend the client
//	400     version-malformed       edge      mend the client
//	401     session-invalid         relay     look up again
//	403     version-unsupported     edge      update the client
//	403     app-not-provisioned     both      ask support for the App ID
//	403     region-not-provisioned  edge      ask support for the region
//	404     not-found               both      mend the client
//	405     method-not-allowed      both      mend the client; Allow names the methods
//	413     request-too-large       edge      mend the client
//	415     unsupported-media-type  edge      mend the client
//	426     upgrade-required        relay     open a WebSocket: all else is well
//	429     scale-exceeded          both      wait for a user to leave; Retry-After says when to ask
//	429     too-many-connections    relay     close one of the user's message connections; Retry-After likewise
//	500     internal-error          edge      ask another edge
//	502     upstream-failed         relay     try the next message URL; Retry-After: 1
//
// The checks come in the order path, method, content type, body, version, App ID, region, scale. An
// edge that can't be reached or gives no HTTP answer says nothing about the next one; a refusal other
// than 500 would be the same at every edge, and one other than 502 at every relay. Retry-After is in seconds. Requests that stall for 10 s are cut, and so are connections
// that are idle for 30 s.
//
// Edges and relays speak TLS 1.2 and 1.3, with certificates for their addresses, or names, as clients have them: the
// edge's as it was configured, the relays' as messageUrls has them. A connection on top of what one address, or all together, may have
// ([Limits]) is closed before anything is read from it: try again later, or the next address.
//
// Any origin may ask: edges answer a browser's preflight (OPTIONS), every answer and refusal has
// Access-Control-Allow-Origin: *, and scripts may read Retry-After.
//
// # Session
//
// A session is good from the answer until expires ([Config.TTL], a day unless configured). Until then
// it may begin message connections and TURN allocations at any relay, as often as needed: to
// reconnect, a client uses the message URLs that it has. What was begun goes on after expires,
// refreshes included; to begin anything after it, look up again.
//
// A user counts towards the account's concurrent scale from when its first message connection opens
// until the last one has ended: at once if either side closed it with a close frame, 30 s later if it
// broke, so that the user can come back. All sessions of one App ID, channel and UID are one user;
// without a UID each session is a user of its own, so a client without one should reconnect with the
// session that it has. A lookup reserves nothing: it is refused while the account is full, and where
// two users race for the last place, the later WebSocket handshake is refused. A user may have 16 message connections
// at once, unless [Limits] says otherwise.
//
// # Messages
//
// A client opens a WebSocket (RFC 6455) at one of the messageUrls, as it is. No subprotocol and no
// extension is negotiated; any Origin is accepted. Before the relay answers the handshake it connects
// to an SD-RTN gateway, for up to 5 s a gateway; if none answers, the handshake is refused with
// upstream-failed. A browser, which hides the status of a refused handshake from its scripts, may
// fetch the URL with https in place of wss: a plain GET is refused as the handshake would have been
// for its session or the account's scale, and otherwise with upgrade-required.
//
// From then on every text or binary message either side sends is passed to the other, unchanged and
// in order, and none is made up. (How a message was cut into frames is not preserved.) What SDK and
// SD-RTN say to each other is their affair. Limits: a message has at most 1,048,576 bytes ([MaxMessage]); a
// receiver must take each message within 30 s (within 5 s of a ping of its own), and until it has, the
// relay reads no more from the sender; the relay pings both sides every 20 s ([Config.Ping]), unless a
// message is being taken, and gives up one that doesn't answer within 10 s. It answers the pings of
// both sides itself.
//
// A close frame of either side is passed on to the other with its code and reason, or without if it has none. The relay itself
// closes with:
//
//	code  reason           to         when
//	1001  client-lost      SD-RTN     the client's connection broke or was given up
//	1001  relay-stopping   both       the relay is being shut down
//	1002  (in words)       sender     a frame broke RFC 6455; the other side is told as if the sender were lost
//	1009  message-too-big  sender     the other side is told as if the sender were lost
//	4502  upstream-failed  client     SD-RTN's connection broke or was given up
//
// After relay-stopping, upstream-failed or a connection that broke, try the next message URL; after the last the first
// again, with a pause that grows.
//
// # Media
//
// Media goes by TURN (RFC 8656) over UDP on every port of udpPorts and over TCP on every port of
// tcpPorts, with the long-term credentials of iceServers (RFC 8489, section 9.2) and the realm
// "proxyspec" ([Realm]). The user name is "EXPIRY:SESSION", EXPIRY in Unix seconds, and the credential
// is base64(HMAC-SHA-1(secret, user name)), as in draft-uberti-behave-turn-rest-00. A connection to a
// port of tcpPorts may begin with TLS, 1.2 or later, and is TURN over TLS then: "turns" with the same port.
// Neither relayed TCP (RFC 6062), IPv6 nor DONT-FRAGMENT is offered, and ICMP errors about peers are not passed on
// (section 11.5): clients are known, pion/turn's among them, that stop reading at a Data indication without DATA, so that
// one peer that has gone would take all others with it. An allocation lives 600 s, or what the client
// asks for if that is more, but at most an hour, a permission 300 s and a channel 600 s; the client refreshes
// them. A nonce lives an hour. The relayed transport address is an address of the relay with a port from 49152
// up; EVEN-PORT and reservations are honoured. A session has at most [MaxAllocations] allocations at a relay, reserved
// ports included, unless its operator sets other [Limits]; media beyond a rate that it may set is dropped.
// Permissions and channels are granted for SD-RTN's addresses only, and refused for any other; no datagram goes
// to or comes from anyone else. A datagram of a peer with more than 2,000 bytes is dropped. An allocation ends
// with its TCP connection, and a TCP connection that has had no allocation for 10 s, or
// begins a message of more than 4 KiB without one, is closed. What a client
// doesn't read in time over TCP is dropped once 256 KiB wait for it.
//
// Media needs a session but no message connection, and doesn't count as a user.
package relay
