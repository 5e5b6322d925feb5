package tcp

// buffer is a queue of bytes: appended at the end, dropped from the front.
type buffer struct {
	data []byte
	head int
}

func (b *buffer) len() int { return len(b.data) - b.head }

func (b *buffer) append(p []byte) {
	// Moving the rest down costs a copy of what is queued, so it waits until half is waste.
	if b.head > 0 && b.head >= len(b.data)/2 && len(b.data)+len(p) > cap(b.data) {
		n := copy(b.data, b.data[b.head:])
		b.data, b.head = b.data[:n], 0
	}
	b.data = append(b.data, p...)
}

func (b *buffer) drop(n int) {
	b.head += n
	if b.head == len(b.data) {
		b.data, b.head = b.data[:0], 0
		if cap(b.data) > keepCapacity {
			b.data = nil
		}
	}
}

// keepCapacity is how much memory an empty buffer holds on to: an idle connection costs little.
const keepCapacity = 4 << 10

// slice is bytes [from, from+n) of the queue; valid until the next append or drop.
func (b *buffer) slice(from, n int) []byte { return b.data[b.head+from : b.head+from+n] }

// spans is the out-of-order queue: payloads by sequence number, sorted, possibly overlapping.
type spans []span

type span struct {
	seq     uint32
	payload []byte
}

// insert keeps a copy of a payload that arrived early.
func (s *spans) insert(seq uint32, payload []byte) {
	at := len(*s)
	for at > 0 && before(seq, (*s)[at-1].seq) {
		at--
	}
	if at > 0 && (*s)[at-1].seq == seq && len((*s)[at-1].payload) >= len(payload) {
		return // a retransmission of what is already here
	}
	*s = append(*s, span{})
	copy((*s)[at+1:], (*s)[at:])
	(*s)[at] = span{seq, append([]byte(nil), payload...)}
}

// next takes the payload that continues at seq, trimmed to begin there; nil when there is none.
func (s *spans) next(seq uint32) []byte {
	for len(*s) > 0 && !before(seq, (*s)[0].seq) {
		first := (*s)[0]
		*s = (*s)[1:]
		if skip := int(seq - first.seq); skip < len(first.payload) {
			return first.payload[skip:]
		}
	}
	if len(*s) == 0 {
		*s = nil
	}
	return nil
}
