// Package sdrtn stands in for SD-RTN, the network that calls run over: gateways that take an SDK's
// messages over WebSocket and its media over WebRTC, and pass both to the other users of the channel.
//
// A Backbone joins any number of gateways. A Gateway listens on one address of a transport.Net; what it
// sees it tells through Config.Log, with the source address that it saw, which is how a test knows the way
// that a client's data took. The package never reads a packet that didn't come to its sockets, and knows
// neither the cloud proxy nor any SDK.
//
// # Protocol
//
// A client opens wss://GATEWAY/v1/channel (TLS, HTTP/1.1, no subprotocol) and exchanges Frames, one a text
// message, at most 256 KiB each. On a proxied call the cloud proxy dials the gateway and passes the frames
// both ways, so the protocol is the same with and without it.
//
// A request has a type and an id above 0. Its reply is {"type":"ok","id":N} with what the request
// promises, or {"type":"error","id":N,"code":CODE,"message":WORDS}. The gateway answers the requests of a
// connection in order. Between replies it sends frames without an id.
//
//	join         appId, channel; channelKey, uid, sdkVersion optional    reply: uid, resume
//	leave        -
//	message      text: goes to every other user of the channel
//	publish      audio and/or video, sdp: an offer that sends            reply: sdp
//	unpublish    -
//	subscribe    uid, audio and/or video, sdp: an offer that receives    reply: sdp
//	unsubscribe  uid
//	ping         -
//
// join comes first, once; after leave a connection may join again. Without uid the reply brings one. A uid is one user's at a time: another join with
// it is refused with uid-in-use, unless it repeats the resume token of the user's own join. Then it takes
// the user over, as after a lost connection: the old connection is closed and its media ends.
//
// After the reply to join, and whenever it happens, a client is told of the others:
//
//	user-joined, user-left, user-unpublished   uid
//	user-published                             uid, audio, video
//	message                                    uid, text, seq
//
// seq counts the messages to this client from its join on: 1, 2, 3, without gaps. A user leaves by leave,
// by closing the connection, or by vanishing: a gateway pings every 10 s and gives up a connection after
// 10 s without an answer.
//
// # Media
//
// Each publication and each subscription is a WebRTC peer connection of its own: Opus, VP8 or H.264 over
// DTLS-SRTP. The client makes the offer; its m-lines are sendonly for publish, recvonly for subscribe, one
// a kind. The gateway answers as an ICE-lite agent with one host candidate, IPv4 and UDP, and as the DTLS
// server. It needs none of the client's candidates, neither in the offer nor later: it learns them from the
// client's checks (RFC 8445, section 7.3.1.3). There is no trickle. Each check is answered with a check of the
// gateway's own, though an ICE-lite agent makes none by the RFC: it takes DTLS only from where that is answered.
//
// RTP goes from a publication to its subscriptions as it is, but for SSRC and payload type. A picture loss
// indication or full intra request of a subscriber goes to the publisher. A publication ends with
// unpublish, with its user, or when its ICE connection fails; a gateway still counts what is under way for
// half a second after unpublish or leave.
package sdrtn
