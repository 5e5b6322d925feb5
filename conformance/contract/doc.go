// Package contract is what an SDK under test must speak: JSON-RPC 2.0 frames, one a line.
//
// An adapter reads requests from the harness and writes replies and notifications. It begins each
// call in the order in which the requests arrived and never waits for an earlier call to finish,
// because the document's join and leave return at once and finish later. A reply may therefore
// overtake the reply to an earlier request.
//
// An SDK in Go implements Handler and gives it to Serve; an adapter in another language reads the frames
// in frame.go and the methods in method.go and needs nothing else. The harness' side is Client: it tells
// what the SDK said (*Error) from what its adapter did wrong (*Fault).
//
// The package owns the method names, the parameters and results of each method, the error codes and
// the framing: lines of at most MaxFrame bytes that end in a line feed. It never interprets a call and
// never waits for one on behalf of another. It imports the standard library only, so that any SDK in Go
// may implement it.
package contract
