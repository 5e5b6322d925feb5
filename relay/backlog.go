package relay

import (
	"slices"

	"github.com/proxyspec/proxyspec/relay/turn"
)

// backlog is messages for a client that haven't been written yet. It knows which of them are peers' packets, so that
// the books can tell of those that never are.
type backlog struct {
	bytes    []byte
	messages []queued
}

// idleMessages is how many messages a backlog keeps room for when it is empty.
const idleMessages = 64

// queued is a message of a backlog.
type queued struct {
	left       int              // bytes that are still to be written
	allocation *turn.Allocation // whose packet it is; nil: an answer
	size       int              // of the packet, without framing
}

// add queues the message of a ToClient.
func (b *backlog) add(a *turn.Action) {
	m := queued{left: len(a.Payload)}
	if a.Data {
		m.allocation, m.size = a.Allocation, a.Size
	}
	b.bytes, b.messages = append(b.bytes, a.Payload...), append(b.messages, m)
}

// written forgets the first n bytes. A message of which some are missing has not been written.
func (b *backlog) written(n int) {
	b.bytes = b.bytes[:copy(b.bytes, b.bytes[n:])]
	whole := 0
	for ; whole < len(b.messages) && b.messages[whole].left <= n; whole++ {
		n -= b.messages[whole].left
	}
	if n > 0 {
		b.messages[whole].left -= n
	}
	b.messages = slices.Delete(b.messages, 0, whole)
}

// trim gives up memory that an idle connection shouldn't keep. The backlog is empty.
func (b *backlog) trim() {
	if cap(b.bytes) > idleQueue {
		b.bytes = nil
	}
	if cap(b.messages) > idleMessages {
		b.messages = nil
	}
}

// drop has the core take back the peers' packets, none of which will be written.
func (b *backlog) drop(core *turn.Server) {
	for _, m := range b.messages {
		if m.allocation != nil {
			core.Undelivered(turn.Action{Kind: turn.ToClient, Allocation: m.allocation, Size: m.size})
		}
	}
	*b = backlog{}
}
