// Package turn decides what a TURN server does with a message: RFC 8656, over the long-term credentials of
// RFC 8489, section 9.2. To make a server of it, give it every message and do what it says:
//
//	core, err := turn.New(turn.Config{Realm: "example.org", Secret: secret, Authenticate: key, Permit: peers.Allow})
//	var out turn.Output
//	core.FromClient(&out, time.Now(), client, datagram)
//	for _, a := range out.Actions {
//		switch a.Kind {
//		case turn.ToClient: // write a.Payload to a.Client
//		case turn.ToPeer:   // write a.Payload to a.Peer from a.Socket
//		case turn.Open:     // open a socket for a.Socket, then tell core.Opened or core.NotOpened
//		case turn.Close:    // close the socket of a.Socket
//		...                 // the other kinds are news, for a log
//		}
//	}
//
// What a peer sends to a socket goes to FromPeer, a client's connection that ended to Gone, and when
// Deadline has come, Tick is called. Of a stream, Frame finds where its next message ends.
//
// The package owns the allocations, permissions, channels and reservations, and counts what they carry.
// It opens no socket, starts no goroutine, holds no lock and reads no clock: a Server is for one goroutine
// at a time, time is an argument, and random comes from Config. The same calls give the same actions.
//
// What always holds:
//
//   - nothing is kept of a client that has not authenticated, and what it is answered is at most three times
//     as long as what it sent, wherever the RFCs leave the choice;
//   - every Open is followed by one Close of the same socket, or by NotOpened;
//   - in each direction, packets in = packets out + packets dropped, for an allocation and for the server;
//   - a peer that Permit refuses is sent nothing, whatever was permitted before.
//
// Not offered are relayed TCP (RFC 6062), IPv6 relayed addresses, mobility (RFC 8016), and the ICMP attribute
// of RFC 8656, section 11.5. MESSAGE-INTEGRITY-SHA256 is taken from a client that sends it; the password
// algorithms of RFC 8489, section 18.5, are not announced.
package turn
