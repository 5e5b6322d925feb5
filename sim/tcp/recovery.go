package tcp

import "time"

// lost is the edge below which the peer lacks what is lost; una without one.
func (c *Conn) lost() uint32 { return c.scoreboard.lost(c.una, c.mss) }

// pipe is how much of what was sent is under way, as far as one can tell.
func (c *Conn) pipe() int {
	lost, resent := c.una, c.una
	if c.congestion.recovering && c.congestion.selective {
		lost, resent = c.lost(), c.congestion.resent
	}
	return c.scoreboard.pipe(c.una, c.nxt, lost, resent)
}

// sendHole sends again, in recovery, the first segment below a number that the peer lacks and wasn't sent again yet. It
// reports whether there was one, and room for it.
func (c *Conn) sendHole(now time.Duration, below uint32, emit func(Segment)) bool {
	g := &c.congestion
	if !g.recovering || !g.selective || g.window-c.pipe() < c.mss {
		return false
	}
	hole := c.scoreboard.hole(maxSeq(c.una, g.resent), c.max)
	return before(hole.From, below) && c.resend(now, hole, emit)
}

// resend sends the first segment of a part again. It reports whether there was one.
func (c *Conn) resend(now time.Duration, part Range, emit func(Segment)) bool {
	offset := int(part.From - c.una)
	n := min(c.out.len()-offset, c.full(), between(part.From, part.To))
	flags := ACK
	if c.finSent && offset+n == c.out.len() {
		flags |= FIN
	}
	if n <= 0 && flags&FIN == 0 {
		return false
	}
	c.congestion.resent = part.From + uint32(n)
	c.timing.cancel()
	if c.rexmitAt == 0 {
		c.rexmitAt = now + c.timing.timeout()
	}
	c.acknowledge(emit, flags, part.From, c.out.slice(offset, n))
	return true
}
