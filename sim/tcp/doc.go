// Package tcp is the state machine of one TCP connection (RFC 9293) and nothing around it: no
// socket, no goroutine, no lock, no clock. Segments, the application's calls and the time come in as
// arguments; segments come out of Output.
//
// The owner of a Conn calls Output after every other call, and Tick when Deadline has come. All times
// are durations since one beginning that the owner chooses.
//
// It has: the handshake (also simultaneous), cumulative acknowledgement, an out-of-order queue,
// selective acknowledgements of it (RFC 2018), window scaling (RFC 7323), delayed acknowledgements,
// window updates and zero-window probes, retransmission timeouts (RFC 6298 with Karn's rule), slow
// start, congestion avoidance, limited transmit and fast retransmit (RFC 5681, RFC 3042), recovery
// by selective acknowledgements (RFC 6675), or NewReno's where the peer has none (RFC 6582),
// challenges instead of resets (RFC 5961), half-close, reset, TIME-WAIT and its reuse, and keepalive.
// It has no timestamps, no urgent data and no Nagle delay.
//
// A payload is never changed once it is in a segment, and so it is never copied: between Write and Read
// bytes are copied twice, whatever is lost on the way.
package tcp
