// Package check tells the author of a TURN server where it differs from RFC 8656 and RFC 8489: a raw client
// sends what a row says, and compares what comes back with what the RFC demands.
//
//	for _, row := range check.Rows() {
//		if row.Fits(target) {
//			r := row.Run(target)
//			fmt.Println(r.ID, r.Section, r.Outcome, r.Got)
//		}
//	}
//
// A Target says how to reach the server, as whom, and which peers it may reach. It can be on any network: the
// package opens no socket itself. What the server doesn't offer, or the target can't show, is NotOffered, never a
// pass. Rows don't depend on each other; each makes its own 5-tuples and deletes the allocations it made.
//
// What the RFCs leave to a server fails no row: a nonce may serve once, answers may have what attributes they like in any
// order, and what is optional may be missing. Where datagrams may be lost (Target.Lossy), a row that failed because
// nothing came is run again.
//
// The package owns the rows. It waits only for packets, never for a clock, except where Target.Sleep can
// make hours pass at once: the rows about expiry need that. It knows nothing of this project's own server.
package check
