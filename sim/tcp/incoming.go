package tcp

// incoming is what has arrived in order and nobody has read: payloads as they came, not copied.
type incoming struct {
	pieces [][]byte
	first  int // of the pieces that are left
	head   int // bytes of the first that have been read
	size   int
}

// A payload shorter than small is copied behind the one before it, if that is still waiting: a peer
// that sends a byte at a time must not make us hold a packet for each.
const small, joinedPiece = 512, 4 << 10

func (q *incoming) len() int { return q.size }

func (q *incoming) append(p []byte) {
	q.size += len(p)
	last := len(q.pieces) - 1
	if len(p) >= small || last < q.first {
		q.pieces = append(q.pieces, p[:len(p):len(p)])
		return
	}
	if room := cap(q.pieces[last]) - len(q.pieces[last]); room < len(p) {
		q.pieces = append(q.pieces, make([]byte, 0, joinedPiece))
		last++
	}
	q.pieces[last] = append(q.pieces[last], p...)
}

// read moves as much as fits into p.
func (q *incoming) read(p []byte) (n int) {
	for n < len(p) && q.first < len(q.pieces) {
		piece := q.pieces[q.first]
		moved := copy(p[n:], piece[q.head:])
		n += moved
		q.head += moved
		if q.head == len(piece) {
			q.pieces[q.first] = nil
			q.first, q.head = q.first+1, 0
		}
	}
	q.size -= n
	switch {
	case q.size == 0:
		*q = incoming{pieces: q.pieces[:0]}
		if cap(q.pieces) > 16 {
			q.pieces = nil
		}
	case q.first > len(q.pieces)/2:
		left := copy(q.pieces, q.pieces[q.first:])
		clear(q.pieces[left:])
		q.pieces, q.first = q.pieces[:left], 0
	}
	return n
}
