// Package dns gives a simulated network a name service that speaks the real protocol, so that names
// are looked up with packets which a firewall sees and may drop.
//
// On the host that serves names: [Listen] with a [Zone], then [Server.Serve]. On every other host: a
// [Resolver] that asks it. Both get their sockets from a transport.Net, which is a simulated host in a
// scenario and the operating system elsewhere.
//
// The server answers as a recursive resolver does that knows the whole internet: what the zone doesn't
// have doesn't exist. Names have addresses of both versions of IP or stand for others, and can be made to
// fail. The resolver is a stub (RFC 1035, section 7.1): one question for addresses of a version over UDP,
// again after five seconds without an answer, and over TCP when the answer didn't fit. It fails with a
// *net.DNSError, as package net does.
//
// # Invariants
//
// The server answers UDP in the order in which questions arrive, from one goroutine, so that the same
// questions give the same packets. The resolver's packets differ from run to run in their query ID
// only, and not even there if IDs are given. No answer is cached, good or bad, and the operating
// system's resolver is never asked. Messages are read and written by github.com/miekg/dns.
package dns
