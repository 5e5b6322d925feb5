// Package capture writes packets to a file that Wireshark reads, with the verdict on each beside it.
//
// Make a [Capture] with [New], give it every packet with [Capture.Add] and finish with
// [Capture.Close]. A nil Capture is one too: it does nothing, so that whoever sees packets needn't ask
// whether anybody wants them.
//
// The format is pcapng (draft-ietf-opsawg-pcapng), little endian: a section header, one description for
// every interface, one Enhanced Packet Block for every packet, one Interface Statistics Block for every
// interface at the end. Packets are raw IPv4 or IPv6; times are in nanoseconds, and the comment is the
// packet's own option, which Wireshark shows, and finds with frame.comment. The blocks are written by
// hand because no library at hand writes options of packets.
//
// # Invariants
//
// A capture belongs to one goroutine. It writes whole blocks, each with a Write of its own unless
// [Capture.Gather] says otherwise, so that a file that breaks off is sound up to there; after a failed Write it writes no more. It reads no clock, changes no
// packet, keeps none, and doesn't close the writer. It never grows past its budget, and a capture that
// was cut says so, in the file too.
package capture
