package tcp

import (
	"syscall"
	"time"
)

// Arrive takes a segment from the peer (RFC 9293, 3.10.7). Its payload must never change afterwards:
// the connection keeps it until it is read.
func (c *Conn) Arrive(now time.Duration, seg *Segment) {
	switch c.state {
	case Closed:
		return
	case SynSent:
		c.arriveSynSent(now, seg)
		return
	}
	if c.keepAt != 0 {
		c.keepAt = now + c.cfg.KeepAlive
	}
	if !c.closed {
		c.probes = 0 // whoever answers may be slow for as long as the application waits
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
			c.challenge(now)
		}
		return
	case seg.Flags&SYN != 0:
		c.challenge(now) // RFC 5961, 4.2: from who has forgotten the connection, or from a liar
		return
	case seg.Flags&ACK == 0:
		return
	}
	if !c.arriveAck(now, seg) {
		return
	}
	c.arriveData(now, seg)
	c.arriveFin(now, seg)
}

// arriveSynSent is RFC 9293, 3.10.7.3.
func (c *Conn) arriveSynSent(now time.Duration, seg *Segment) {
	acked := seg.Flags&ACK != 0
	if acked && (seg.Ack != c.iss+1 || c.max == c.iss) {
		c.rebuke, _ = ResetFor(seg) // of an earlier connection: its end shall know that it is no more
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
		c.state = SynReceived
		c.nxt = c.iss
		return
	}
	c.ackNow = true
	c.establish(now, seg)
}

// establish completes the handshake.
func (c *Conn) establish(now time.Duration, seg *Segment) {
	if c.timing.retries > 0 {
		c.congestion.window = c.mss // RFC 5681, 3.1: a SYN was lost
		c.timing.rto = lostSYNRTO
	}
	c.una = c.iss + 1
	c.nxt = maxSeq(c.nxt, c.una)
	c.rexmitAt = 0
	c.timing.acked(now, c.una)
	c.wl1, c.wl2 = seg.Seq, seg.Ack
	switch c.state {
	case SynSent, SynReceived:
		c.state = Established
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
	case size == 0:
		// With its right edge: a peer that has filled the window sends its acknowledgements from there, as
		// Linux does and takes; the RFC's test would make us deaf to them while a segment is missing.
		return seg.Seq-c.nextSeq <= window
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
	if seg.length() == 0 || seg.Flags&SYN != 0 {
		c.challenge(now)
		return
	}
	c.ackNow = true
	// The acknowledgement number may be news even so: a full receiver must hear it (3.10.7.4).
	if seg.Flags&ACK != 0 && c.Connected() {
		c.arriveAck(now, seg)
	}
}

func (c *Conn) peerReset() {
	err := error(syscall.ECONNRESET)
	switch {
	case c.state == SynReceived && !c.passive:
		err = syscall.ECONNREFUSED
	case c.state == CloseWait:
		err = syscall.EPIPE // as on Linux: the peer has said that it is done, and reads no more either
	case c.state == TimeWait:
		err = nil
	}
	c.end(err)
}

// Reusable reports whether a SYN may take the place of this connection, whose end is over but for the
// wait (RFC 9293, 3.10.7.4 with RFC 6191): its numbers must lie beyond all that were used.
func (c *Conn) Reusable(syn *Segment) bool {
	return c.state == TimeWait && syn.Flags&(SYN|ACK|RST) == SYN && before(c.nextSeq, syn.Seq)
}
