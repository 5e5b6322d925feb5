// Package sim is a virtual IPv4 and IPv6 network for programs that take their sockets from pion's
// transport.Net: hosts, links, routers, firewalls, UDP and TCP, in virtual or in real time.
//
// Build a Network of hosts and routers, connect them, run Serve in a goroutine, and hand each Host to
// the code under test as its transport.Net. The same seed gives the same packets: times, addresses
// and lengths. The Examples show it whole; README.md says which line each library needs.
//
// One goroutine, the loop, owns everything that moves: it waits until every other goroutine is
// blocked (Config.Settle), takes what their sockets have sent in the order of the sockets, and then
// lets one event happen, the earliest. Sockets and loop share only what a lock protects, and no lock
// is held while anything waits. Nothing here ever sleeps or opens a socket of the operating system.
package sim
