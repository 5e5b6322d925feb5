package tcp

import (
	"syscall"
	"time"
)

// Arrive takes a segment from the peer (RFC 9293, 3.10.7).
func (c *Conn) Arrive(now time.Duration, seg *Segment) {
	switch c.state {
	case Closed:
		return
	case SynSent:
		c.arriveSynSent(now, seg)
		return
	}
	c.probes = 0
	if c.keepAt != 0 {
		c.keepAt = now + c.cfg.KeepAlive
	}
	if !c.acceptable(seg) {
		c.arriveOutside(now, seg)
		return
	}
	switch {
	case seg.Flags&RST != 0:
		// Only the exact next number resets (RFC 5961, 3.2): anything else is asked about.
		if seg.Seq == c.nextSeq {
			c.peerReset()
		} else {
			c.ackNow = true
		}
		return
	case seg.Flags&SYN != 0:
		c.ackNow = true // RFC 5961, 4.2
		return
	case seg.Flags&ACK == 0:
		return
	}
	if !c.arriveAck(now, seg) {
		return
	}
	c.arriveData(seg)
	c.arriveFin(now, seg)
}

func (c *Conn) arriveSynSent(now time.Duration, seg *Segment) {
	acked := seg.Flags&ACK != 0
	if acked && seg.Ack != c.iss+1 {
		return
	}
	if seg.Flags&RST != 0 {
		if acked {
			c.end(syscall.ECONNREFUSED)
		}
		return
	}
	if seg.Flags&SYN == 0 {
		return
	}
	c.synOptions(seg)
	if !c.scaling {
		c.recvScale = 0
	}
	if !acked { // simultaneous open: our SYN goes again, now with an ACK
		c.enter(SynReceived)
		c.nxt = c.iss
		return
	}
	c.ackNow = true
	c.establish(now, seg)
}

// establish completes the handshake.
func (c *Conn) establish(now time.Duration, seg *Segment) {
	c.una = c.iss + 1
	c.nxt = maxSeq(c.nxt, c.una)
	c.rexmitAt = 0
	c.timing.acked(now, c.una)
	c.wl1, c.wl2 = seg.Seq, seg.Ack
	switch c.state {
	case SynSent, SynReceived:
		c.enter(Established)
	}
	if c.cfg.KeepAlive > 0 {
		c.keepAt = now + c.cfg.KeepAlive
	}
}

// acceptable is the test of RFC 9293, 3.4: does the segment touch the window?
func (c *Conn) acceptable(seg *Segment) bool {
	size := seg.length()
	// What was promised counts, not what would be promised now: the edge never moves back.
	window := c.edge - c.nextSeq
	switch {
	case size == 0 && window == 0:
		return seg.Seq == c.nextSeq
	case size == 0:
		return seg.Seq-c.nextSeq < window || seg.Seq == c.nextSeq
	case window == 0:
		return false
	}
	return seg.Seq-c.nextSeq < window || seg.Seq+size-1-c.nextSeq < window
}

// arriveOutside answers a segment outside the window: a lost acknowledgement, a probe, an old
// duplicate.
func (c *Conn) arriveOutside(now time.Duration, seg *Segment) {
	if seg.Flags&RST != 0 {
		return
	}
	if c.state == SynReceived && seg.Flags&(SYN|ACK) == SYN {
		c.nxt = c.iss // our SYN and ACK was lost
		return
	}
	if c.state == SynReceived && seg.Flags&SYN != 0 && seg.Seq+1 == c.nextSeq && seg.Ack == c.iss+1 {
		c.establish(now, seg) // the second half of a simultaneous open (figure 8)
	}
	if c.state == TimeWait {
		c.waitAt = now + timeWait
	}
	c.ackNow = true
	// The acknowledgement number may be news even so: a full receiver must hear it (3.10.7.4).
	if seg.Flags&ACK != 0 && seg.Flags&SYN == 0 && c.Connected() && seg.length() > 0 {
		c.arriveAck(now, seg)
	}
}

func (c *Conn) peerReset() {
	err := error(syscall.ECONNRESET)
	if c.state == TimeWait {
		err = nil
	}
	c.end(err)
}

// arriveAck takes the acknowledgement and the window. It reports whether to go on with the segment.
func (c *Conn) arriveAck(now time.Duration, seg *Segment) bool {
	if c.una == c.iss {
		if !before(c.iss, seg.Ack) || before(c.max, seg.Ack) {
			return false
		}
		c.establish(now, seg)
		c.wnd = uint32(seg.Window) << c.sendScale
		c.maxWnd = max(c.maxWnd, c.wnd)
	}
	if before(c.max, seg.Ack) {
		c.ackNow = true // it acknowledges what was never sent
		return false
	}
	oldWindow := c.wnd
	if before(c.wl1, seg.Seq) || c.wl1 == seg.Seq && !before(seg.Ack, c.wl2) {
		c.wnd = uint32(seg.Window) << c.sendScale
		c.maxWnd = max(c.maxWnd, c.wnd)
		c.wl1, c.wl2 = seg.Seq, seg.Ack
		if c.wnd > 0 && c.persistAt != 0 {
			c.persistAt, c.timing.retries = 0, 0
		}
	}
	switch {
	case before(c.una, seg.Ack):
		c.progress(now, seg.Ack)
	case seg.Ack == c.una && c.max != c.una && len(seg.Payload) == 0 && seg.Flags&FIN == 0 && c.wnd == oldWindow:
		c.congestion.duplicate(c.una, c.max, int(c.max-c.una))
	}
	return c.state != Closed
}

// progress takes an acknowledgement of something new.
func (c *Conn) progress(now time.Duration, ack uint32) {
	n := int(ack - c.una)
	data := min(n, c.out.len())
	c.out.drop(data)
	c.una = ack
	c.nxt = maxSeq(c.nxt, ack)
	c.congestion.acked(n, ack)
	c.timing.acked(now, ack)
	c.rexmitAt, c.persistAt = 0, 0
	if c.una != c.max {
		c.rexmitAt = now + c.timing.timeout()
	}
	if !c.finSent || c.una != c.max {
		return
	}
	c.finAcked = true
	switch c.state { // our FIN is acknowledged
	case FinWait1:
		c.enter(FinWait2)
		if c.closed {
			c.waitAt = now + finWait2
		}
	case Closing:
		c.startTimeWait(now)
	case LastAck:
		c.end(nil)
	}
}

func (c *Conn) startTimeWait(now time.Duration) {
	c.enter(TimeWait)
	c.rexmitAt, c.persistAt, c.keepAt = 0, 0, 0
	c.waitAt = now + timeWait
}

// arriveData takes the payload, in order or early.
func (c *Conn) arriveData(seg *Segment) {
	if len(seg.Payload) == 0 {
		return
	}
	c.ackNow = true
	switch c.state {
	case Established, FinWait1, FinWait2:
	default:
		return // after the peer's FIN there is no more data
	}
	seq, payload := seg.Seq, seg.Payload
	if before(seq, c.nextSeq) {
		skip := c.nextSeq - seq
		if skip >= uint32(len(payload)) {
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
	if over := int(seq + uint32(len(payload)) - c.edge); int32(over) > 0 {
		payload = payload[:len(payload)-over]
	}
	if seq != c.nextSeq {
		c.early.insert(seq, payload)
		return
	}
	for payload != nil {
		if !c.readShut {
			c.in.append(payload)
		}
		c.nextSeq += uint32(len(payload))
		payload = c.early.next(c.nextSeq)
	}
}

// arriveFin takes the peer's FIN, once everything before it is here.
func (c *Conn) arriveFin(now time.Duration, seg *Segment) {
	if c.state == Closed {
		return
	}
	if seg.Flags&FIN != 0 && !c.finRead {
		c.finKnown, c.finSeq = true, seg.Seq+uint32(len(seg.Payload))
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
	switch c.state {
	case Established:
		c.enter(CloseWait)
	case FinWait1:
		c.enter(Closing)
	case FinWait2:
		c.startTimeWait(now)
	}
}
