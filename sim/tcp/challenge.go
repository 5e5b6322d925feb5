package tcp

import "time"

// challenges bounds the acknowledgements that answer segments which may be forged, or may themselves
// be such an answer (RFC 5961, 7): two ends that disagree must not acknowledge each other for ever.
type challenges struct {
	since time.Duration
	sent  int
}

// challenge owes the peer an acknowledgement that says what is expected, if there haven't been too many.
func (c *Conn) challenge(now time.Duration) {
	g := &c.challenges
	if now-g.since >= challengePeriod {
		*g = challenges{since: now}
	}
	if g.sent < mostChallenges {
		g.sent++
		c.ackNow = true
	}
}
