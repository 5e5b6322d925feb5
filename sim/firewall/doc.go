// Package firewall decides which packets may pass between a local network and the internet, and says
// why.
//
// Write down what may leave as a [Policy], build a [Firewall] of it with [New], and show it every
// packet with [Firewall.Decide]. The answer is an action and the name of the rule that gave it, so
// that a report can tell a closed port from a missing connection.
//
// # What it decides
//
// It is stateful, as a Linux firewall with conntrack is:
//
//   - A packet from inside that belongs to no answered flow is judged by the policy's rules: the first
//     that matches wins, and the default decides when none does. If it may pass, it opens a flow.
//   - A TCP flow is opened only by a SYN. Any other segment that no flow knows is "invalid".
//   - A packet from outside passes when it answers a flow. Otherwise it is "unsolicited": there are no
//     rules for new flows from outside.
//   - An ICMP error passes, either way, if it is about a packet of a flow (RFC 5508, REQ-4 and REQ-5), as
//     "related". It leaves the flow as it is.
//   - Once a flow was answered, everything in it passes as "established", whatever becomes of the
//     policy. Until then each packet from inside is judged anew, as in Linux.
//
// # Invariants
//
// The package is a pure table: time comes in as an argument, which never runs backwards; it reads no
// clock, holds no lock, starts no goroutine and draws nothing at random. The caller, one goroutine,
// drops, forwards or answers the packet; the firewall only says which. The zero value of everything
// it returns drops.
package firewall
