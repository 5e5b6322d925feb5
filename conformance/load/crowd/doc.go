// Package crowd carries a load.Plan out on the virtual network: many enterprises, each a firewall with a NAT and its
// users, on a fleet of edges, relays and SD-RTN gateways.
//
// Each user is a real client on sockets of its own: it looks the way up over HTTPS, has a message channel over TLS
// through a relay to a gateway, and a TURN allocation at a relay through which media packets go to a gateway, which
// sends them back. It checks every answer and every packet, and when its way is lost it looks for a new one. What it
// doesn't have is WebRTC.
//
// A crowd lives in one bubble of virtual time. Nothing of it is recorded packet by packet; it is counted, and the books of
// the relays are checked at the end.
package crowd
