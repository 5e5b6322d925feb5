package tcp

import (
	"syscall"
	"time"
)

// arriveData takes the payload, in order or early.
func (c *Conn) arriveData(now time.Duration, seg *Segment) {
	if len(seg.Payload) == 0 {
		return
	}
	switch c.state {
	case Established, FinWait1, FinWait2:
	default:
		c.ackNow = true
		return // after the peer's FIN there is no more data
	}
	seq, payload := seg.Seq, seg.Payload
	if before(seq, c.nextSeq) {
		skip := c.nextSeq - seq
		if skip >= uint32(len(payload)) {
			c.ackNow = true // it is here already
			return
		}
		seq, payload = c.nextSeq, payload[skip:]
	}
	if c.closed {
		// Nobody will read this: the peer must learn that it is lost.
		c.reset = true
		c.end(syscall.ECONNRESET)
		return
	}
	if over := int32(seq + uint32(len(payload)) - c.edge); over > 0 {
		payload = payload[:len(payload)-int(over)]
	}
	if seq != c.nextSeq {
		c.early.insert(seq, payload)
		if r, found := c.early.around(seq); found {
			c.selective.grew(r)
		}
		c.ackNow = true // RFC 5681, 4.2: the peer counts these
		return
	}
	if len(c.early) > 0 {
		c.ackNow = true // and hears at once that a gap is filled
	}
	for len(payload) > 0 {
		if !c.readShut {
			c.in.append(payload)
		}
		c.nextSeq += uint32(len(payload))
		payload = c.early.next(c.nextSeq)
	}
	c.selective.reached(c.nextSeq)
	c.delayAck(now)
}

// delayAck owes an acknowledgement for every second segment, and for a single one soon, so that an
// answer can carry it (RFC 9293, 3.8.6.3).
func (c *Conn) delayAck(now time.Duration) {
	if c.unacked++; c.unacked >= 2 {
		c.ackNow = true
	}
	if c.ackAt == 0 {
		c.ackAt = now + delayedACK
	}
}

// arriveFin takes the peer's FIN, once everything before it is here.
func (c *Conn) arriveFin(now time.Duration, seg *Segment) {
	if c.state == Closed {
		return
	}
	if seg.Flags&FIN != 0 && !c.finRead {
		if end := seg.Seq + uint32(len(seg.Payload)); !before(c.edge, end) {
			c.finKnown, c.finSeq = true, end
		}
		c.ackNow = true
	}
	if !c.finKnown || c.finRead || c.nextSeq != c.finSeq {
		return
	}
	c.finRead = true
	c.nextSeq++
	if before(c.edge, c.nextSeq) {
		c.edge = c.nextSeq
	}
	c.ackNow = true
	c.early, c.selective.ranges = nil, nil
	switch c.state {
	case Established:
		c.state = CloseWait
	case FinWait1:
		c.state = Closing
	case FinWait2:
		c.startTimeWait(now)
	}
}
