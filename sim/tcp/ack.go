package tcp

import "time"

// arriveAck takes the acknowledgement and the window. It reports whether to go on with the segment.
func (c *Conn) arriveAck(now time.Duration, seg *Segment) bool {
	if c.una == c.iss {
		if !before(c.iss, seg.Ack) || before(c.max, seg.Ack) {
			c.rebuke, _ = ResetFor(seg) // RFC 9293, 3.10.7.4, fifth
			return false
		}
		c.establish(now, seg)
		c.wnd = uint32(seg.Window) << c.sendScale
		c.maxWnd = max(c.maxWnd, c.wnd)
	}
	// It acknowledges what was never sent, or what was acknowledged long ago (RFC 5961, 5.2).
	if before(c.max, seg.Ack) || before(seg.Ack, c.una-c.maxWnd) {
		c.challenge(now)
		return false
	}
	oldWindow := c.wnd
	// With whatever acknowledges something new, too, as Linux does: data that is sent again has an older number than what told
	// the window before, and that window, from the new acknowledgement on, would reach too far.
	if before(c.una, seg.Ack) || before(c.wl1, seg.Seq) || c.wl1 == seg.Seq && !before(seg.Ack, c.wl2) {
		c.wnd = uint32(seg.Window) << c.sendScale
		c.maxWnd = max(c.maxWnd, c.wnd)
		c.wl1, c.wl2 = seg.Seq, seg.Ack
		if c.wnd > 0 && c.persistAt != 0 {
			c.persistAt, c.timing.retries = 0, 0
		}
	}
	advances := before(c.una, seg.Ack)
	if advances {
		c.progress(now, seg.Ack)
	}
	news := c.congestion.selective && c.scoreboard.take(c.una, c.max, seg.SACK)
	bare := len(seg.SACK) == 0 && len(seg.Payload) == 0 && seg.Flags&FIN == 0 && c.wnd == oldWindow
	if !advances && seg.Ack == c.una && c.max != c.una && (news || bare) { // RFC 6675, 2, or else RFC 5681, 2
		c.congestion.duplicate(c.una, c.max, c.lost() != c.una)
	}
	return c.state != Closed
}

// progress takes an acknowledgement of something new.
func (c *Conn) progress(now time.Duration, ack uint32) {
	flight, n := int(c.max-c.una), int(ack-c.una)
	c.out.drop(min(n, c.out.len()))
	c.una = ack
	c.nxt = maxSeq(c.nxt, ack)
	c.scoreboard.reached(ack)
	first := c.congestion.acked(n, flight, ack)
	c.timing.acked(now, ack)
	c.persistAt, c.probes = 0, 0
	if c.una == c.max {
		c.rexmitAt = 0
	} else if first || c.rexmitAt == 0 {
		c.rexmitAt = now + c.timing.timeout()
	}
	if !c.finSent || c.una != c.max {
		return
	}
	c.finAcked = true
	switch c.state { // our FIN is acknowledged
	case FinWait1:
		c.state = FinWait2
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
	c.state = TimeWait
	c.rexmitAt, c.persistAt, c.keepAt = 0, 0, 0
	c.waitAt = now + timeWait
}
