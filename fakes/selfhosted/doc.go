// Package selfhosted is the servers that a company can run itself instead of using the cloud proxy, as
// setProxyServer and setTurnServer name them: a reverse proxy for HTTPS and WebSocket, and a TURN server.
//
// Each is a host on a transport.Net that has its port from Listen on and works while Serve runs. Both tell
// Config.Log who came, for what, and how much passed. What an SDK does with the two methods is seen there and
// at SD-RTN, which gets the data from these servers' addresses.
//
// The reverse proxy is Nginx with the configuration that the vendor publishes for its Web SDK 2.x, as far
// as SD-RTN has something behind it:
//
//	location /ws/ { proxy_pass https://$arg_h:$arg_p$path; }  # WebSocket; $path is /$arg_d, else the gateways' own
//	location /ap/ { proxy_pass https://$arg_url; }            # and likewise /cs/, /ls/, /rs/: https://$arg_h:$arg_p/$arg_d
//
// It opens a connection to wherever the client says, as that configuration does. The TURN server has one user
// and relays to any peer over UDP. Neither knows anything of the cloud proxy.
package selfhosted

import "net/netip"

// Names of events.
const (
	EventRequest = "request" // the reverse proxy got a request: Peer is where it is to go, Detail its path
	EventOpened  = "opened"  // and passes a WebSocket on
	EventRefused = "refused" // it could not, or a client had no right to an allocation; Detail says why
	EventClosed  = "closed"  // a request or WebSocket is over; Up and Down are what passed

	EventAllocated = "allocated" // the TURN server gave an allocation
	EventMediaUp   = "media.up"  // an allocation's first packet to a peer
	EventMediaDown = "media.down"
	EventDeleted   = "deleted" // an allocation is gone; Up and Down are what passed
)

// Event is one thing that a server saw or did.
type Event struct {
	Name   string
	Server string
	Proto  string         // how the client came: "TCP" or "UDP"
	From   netip.AddrPort // the client
	To     netip.AddrPort // the port of ours that it reached
	Peer   string         // whom it wants to speak to, "host:port"
	User   string         // of the TURN server
	Up     Traffic        // so far, away from the client
	Down   Traffic        // towards it
	Detail string
}

// Traffic counts what passed: of a reverse proxy bytes alone.
type Traffic struct{ Packets, Bytes int }

func (t *Traffic) add(n int) {
	t.Packets++
	t.Bytes += n
}
