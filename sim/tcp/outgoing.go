package tcp

import "slices"

// outgoing is what the application has written and the peer has not acknowledged. Its blocks are only
// ever appended to: the payload of a segment is a part of one, however long the segment lives.
type outgoing struct {
	blocks [][]byte
	head   int // bytes of the first block that are acknowledged
	size   int
}

// Blocks grow from the first to the second with what is queued: an idle connection costs little, and a
// busy one doesn't allocate for each segment.
const smallBlock, largeBlock = 512, 32 << 10

func (o *outgoing) len() int { return o.size }

func (o *outgoing) append(p []byte) {
	o.size += len(p)
	for len(p) > 0 {
		last := len(o.blocks) - 1
		if last < 0 || len(o.blocks[last]) == cap(o.blocks[last]) {
			size := min(max(smallBlock, len(p), 2*o.size), largeBlock)
			o.blocks = append(o.blocks, make([]byte, 0, size))
			last++
		}
		block := o.blocks[last]
		n := min(len(p), cap(block)-len(block))
		o.blocks[last] = append(block, p[:n]...)
		p = p[n:]
	}
}

// drop forgets the first n bytes.
func (o *outgoing) drop(n int) {
	o.size -= n
	o.head += n
	full := 0
	for full < len(o.blocks) && o.head >= len(o.blocks[full]) {
		if last := full == len(o.blocks)-1; last && cap(o.blocks[full]) == smallBlock && o.head < smallBlock {
			break // there is room for more
		}
		o.head -= len(o.blocks[full])
		full++
	}
	o.blocks = slices.Delete(o.blocks, 0, full)
	if len(o.blocks) == 0 {
		o.blocks, o.head = nil, 0
	}
}

// slice is n bytes from an offset on, never to be changed.
func (o *outgoing) slice(offset, n int) []byte {
	offset += o.head
	for i, block := range o.blocks {
		if offset >= len(block) {
			offset -= len(block)
			continue
		}
		if end := offset + n; end <= len(block) {
			return block[offset:end:end]
		}
		joined := append(make([]byte, 0, n), block[offset:]...)
		for _, next := range o.blocks[i+1:] {
			joined = append(joined, next[:min(len(next), n-len(joined))]...)
			if len(joined) == n {
				break
			}
		}
		return joined
	}
	return nil
}
