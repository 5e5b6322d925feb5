// Package sdk is the reference SDK: a sound client of the cloud proxy and of SD-RTN, written to the
// requirements and driven over the SDK contract like any other.
//
// Make one with New and hand it to contract.Serve; Close it afterwards. An SDK has any number of clients,
// each with its own setting of the four proxy methods (Decide is their table) and one stay in a channel at
// a time. A join asks its Route for the way to SD-RTN, opens the message connection and, for each
// publication and subscription, a peer connection; it reconnects a lost message connection a few times,
// with a new route each time, and a failed peer connection likewise.
//
// With the cloud proxy the route is what the lookup answers: messages over its URLs in their order, media
// through its TURN servers and through nothing else. The package never goes around a proxy that is set, and
// never lets a socket or goroutine outlive the stay that needed it.
//
// # Servers of one's own
//
// setProxyServer names a reverse proxy ("host" or "host:port", port 443 if none) for messages. The SDK opens
//
//	wss://PROXY/ws/?h=GATEWAY&p=PORT
//
// and expects the proxy to pass the WebSocket on to wss://GATEWAY:PORT/v1/channel, as Nginx does with
//
//	location /ws/ {
//	    proxy_pass https://$arg_h:$arg_p/v1/channel;
//	    proxy_http_version 1.1;
//	    proxy_set_header Upgrade $http_upgrade;
//	    proxy_set_header Connection "upgrade";
//	}
//
// The proxy's certificate must be one that the SDK trusts. setTurnServer names TURN servers for media: UDP
// on udpport and, if there is a tcpport, TCP on that. With forceturn media takes no other way; without it
// ICE chooses. Neither asks for a lookup, and what isn't set goes direct.
package sdk
