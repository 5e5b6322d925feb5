package tcp

import (
	"syscall"
	"time"
)

// Deadline is when Tick must be called next; false when no timer runs.
func (c *Conn) Deadline() (time.Duration, bool) {
	var at time.Duration
	for _, t := range [...]time.Duration{c.rexmitAt, c.persistAt, c.waitAt, c.keepAt, c.ackAt} {
		if t != 0 && (at == 0 || t < at) {
			at = t
		}
	}
	return at, at != 0
}

// Tick runs the timers that are due.
func (c *Conn) Tick(now time.Duration) {
	due := func(at *time.Duration) bool {
		if *at == 0 || now < *at {
			return false
		}
		*at = 0
		return true
	}
	if due(&c.waitAt) {
		c.end(nil) // TIME-WAIT is over, or the peer of a closed socket never sent its FIN
		return
	}
	if due(&c.ackAt) {
		c.ackNow = true
	}
	if due(&c.rexmitAt) {
		c.retransmit()
	}
	if due(&c.persistAt) && c.out.len() > 0 && c.nxt == c.una {
		c.persist(now)
	}
	if due(&c.keepAt) && c.state != Closed {
		c.keepAlive(now)
	}
}

// persist asks a closed window whether it is still closed (RFC 9293, 3.8.6.1), or fills one that is too
// small to be worth it.
func (c *Conn) persist(now time.Duration) {
	if c.wnd > 0 {
		c.override = true
		return
	}
	// An application that waits may wait for ever, as long as probes are answered. Nobody waits for
	// what a closed socket has left to send.
	limit := dataRetries
	if c.closed {
		limit = orphanRetries
	}
	if c.probes++; c.probes > limit {
		c.giveUp()
		return
	}
	c.timing.retries++
	c.probe = true
	c.persistAt = now + c.timing.timeout()
}

// retransmit takes a retransmission timeout: everything from the oldest segment on is sent again, as
// the windows allow.
func (c *Conn) retransmit() {
	c.timing.retries++
	limit := dataRetries
	switch {
	case c.una == c.iss:
		limit = synRetries
	case c.closed:
		limit = orphanRetries
	}
	if c.timing.retries > limit {
		c.giveUp()
		return
	}
	c.timing.cancel()
	if c.una != c.iss {
		c.congestion.timeout(c.max, int(c.max-c.una), c.timing.retries == 1)
	}
	c.scoreboard = nil // the peer may have dropped what it had (RFC 2018, 8)
	c.nxt = c.una
}

// giveUp ends a connection whose peer doesn't answer. If he lives, an RST tells him.
func (c *Conn) giveUp() {
	c.reset = c.Connected()
	c.end(syscall.ETIMEDOUT)
}

func (c *Conn) keepAlive(now time.Duration) {
	if c.probes >= keepProbes {
		c.giveUp()
		return
	}
	if c.state >= Established {
		c.probes++
		c.probe = true
	}
	c.keepAt = now + min(keepGap, c.cfg.KeepAlive)
}
