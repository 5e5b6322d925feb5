package tcp

import (
	"slices"
	"time"
)

// Output emits every segment that may be sent now. Their payloads never change.
func (c *Conn) Output(now time.Duration, emit func(Segment)) {
	if c.rebuke.Flags != 0 {
		emit(c.rebuke)
		c.rebuke = Segment{}
	}
	switch {
	case c.reset:
		c.sendReset(now, emit)
		return
	case c.state == Closed:
		return
	case c.una == c.iss: // our SYN isn't acknowledged
		c.sendSYN(now, emit)
		return
	}
	if c.congestion.resend {
		c.congestion.resend = false
		c.resend(now, c.scoreboard.hole(c.una, c.max), emit)
	}
	c.sendData(now, emit)
	if c.probe {
		// A segment just below the window: the peer must answer it with an acknowledgement.
		c.probe, c.ackNow = false, false
		emit(c.segment(ACK, c.una-1, nil))
	}
	if c.ackNow {
		c.acknowledge(emit, ACK, c.max, nil)
	}
}

// sendReset sends RST, and what goes before it.
func (c *Conn) sendReset(now time.Duration, emit func(Segment)) {
	if c.greet {
		emit(c.segment(ACK, c.max, nil))
	}
	for c.parting && c.sendNext(now, emit) {
	}
	c.reset, c.parting, c.greet = false, false, false
	c.out, c.rexmitAt, c.persistAt = outgoing{}, 0, 0
	emit(Segment{Flags: RST | ACK, Seq: c.max, Ack: c.nextSeq, Scale: NoScale})
}

// sendSYN sends our SYN, or SYN and ACK, if it isn't under way.
func (c *Conn) sendSYN(now time.Duration, emit func(Segment)) {
	if c.nxt != c.iss {
		return
	}
	seg := Segment{Flags: SYN, Seq: c.iss, MSS: uint16(c.cfg.MSS), Scale: int8(c.recvScale), SACKPermitted: true}
	seg.Window = uint16(min(c.room(), 0xffff))
	if c.state != SynSent {
		seg.Flags |= ACK
		seg.Ack = c.nextSeq
		c.edge = c.nextSeq + uint32(seg.Window)
		seg.SACKPermitted = c.selective.permitted
		if !c.scaling {
			seg.Scale, c.recvScale = NoScale, 0
		}
	}
	c.ackNow = false
	if c.max == c.iss {
		c.timing.start(now, c.iss+1)
	}
	c.nxt++
	c.max = maxSeq(c.max, c.nxt)
	c.rexmitAt = now + c.timing.timeout()
	emit(seg)
}

// sendData sends what the two windows allow, then FIN. In recovery what is lost goes before new data, and that before
// what may not be lost (NextSeg of RFC 6675, 4).
func (c *Conn) sendData(now time.Duration, emit func(Segment)) {
	if c.una == c.max && c.out.len() > 0 && now-c.sentAt > c.timing.rto {
		c.congestion.rest()
	}
	for c.sendHole(now, c.lost(), emit) || c.sendNext(now, emit) || c.sendHole(now, c.scoreboard.top(c.una), emit) {
	}
}

// sendNext sends a segment of what hasn't been sent since the last timeout. It reports whether there was one.
func (c *Conn) sendNext(now time.Duration, emit func(Segment)) bool {
	hole := c.scoreboard.hole(c.nxt, c.una+uint32(c.out.len()))
	if before(c.nxt, hole.From) {
		c.nxt = hole.From // the peer has it
	}
	offset := int(c.nxt - c.una)
	waiting := c.out.len() - offset
	if waiting < 0 || c.finAcked {
		return false // FIN is under way, or through: nothing comes after it
	}
	full, wanted := c.full(), min(waiting, between(hole.From, hole.To))
	n := max(0, min(wanted, int(c.wnd)-offset, c.congestion.allowed()-c.pipe(), full))
	last := n == waiting
	// Sender's silly window avoidance (RFC 9293, 3.8.6.2.1): a full segment, or all there is, or
	// half of the largest window seen, or whatever fits once the timer has overridden.
	worth := n == full || n == wanted || n >= int(c.maxWnd/2) || c.override
	if n == 0 && !(last && c.fin) || !worth {
		c.stuck(now, waiting, offset)
		return false
	}
	c.override = false
	flags := ACK
	if n > 0 && last {
		flags |= PSH
	}
	seq, end := c.nxt, c.nxt+uint32(n)
	if last && c.fin {
		flags |= FIN
		c.finSent = true
		end++
	}
	if seq == c.max {
		c.timing.start(now, end)
	}
	c.nxt, c.max = end, maxSeq(c.max, end)
	if c.sentAt = now; c.rexmitAt == 0 {
		c.rexmitAt = now + c.timing.timeout()
	}
	c.acknowledge(emit, flags, seq, c.out.slice(offset, n))
	return true
}

// stuck arms the persist timer when data waits for a window and nothing is under way that could
// bring news of it.
func (c *Conn) stuck(now time.Duration, waiting, inFlight int) {
	if waiting > 0 && inFlight == 0 && c.persistAt == 0 {
		c.persistAt = now + c.timing.timeout()
	}
}

// acknowledge emits a segment that carries the current acknowledgement and window.
func (c *Conn) acknowledge(emit func(Segment), flags Flags, seq uint32, payload []byte) {
	c.ackNow, c.ackAt, c.unacked = false, 0, 0
	emit(c.segment(flags, seq, payload))
}

// full is the largest payload: a header's options take of its room (RFC 6691, 3.1).
func (c *Conn) full() int { return max(1, c.mss-sackLen(len(c.sack()))) }

// sack is what a segment that goes now says of data which came early.
func (c *Conn) sack() []Range {
	if !c.selective.permitted {
		return nil
	}
	return c.selective.ranges
}

func (c *Conn) segment(flags Flags, seq uint32, payload []byte) Segment {
	shift := c.shift()
	window := uint32(min(c.room()>>shift, 0xffff))
	right := c.nextSeq + window<<shift
	if before(right, c.edge) {
		// The window's right edge never moves back (RFC 9293, 3.8.6.2.2).
		right = c.edge
		window = (right - c.nextSeq + 1<<shift - 1) >> shift
	}
	c.edge = right
	return Segment{Flags: flags, Seq: seq, Ack: c.nextSeq, Window: uint16(min(window, 0xffff)), Scale: NoScale, Payload: payload,
		SACK: slices.Clone(c.sack())}
}

func maxSeq(a, b uint32) uint32 {
	if before(a, b) {
		return b
	}
	return a
}
