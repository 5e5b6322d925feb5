package tcp

import (
	"syscall"
	"time"
)

// Deadline is when Tick must be called next; false when no timer runs.
func (c *Conn) Deadline() (time.Duration, bool) {
	var at time.Duration
	for _, t := range [...]time.Duration{c.rexmitAt, c.persistAt, c.waitAt, c.keepAt} {
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

// persist asks a closed window whether it is still closed, or fills one that is too small to be worth
// it.
func (c *Conn) persist(now time.Duration) {
	if c.wnd > 0 {
		c.override = true
		return
	}
	if c.probes++; c.probes > dataRetries {
		c.end(syscall.ETIMEDOUT) // not even probes are answered
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
	if c.una == c.iss {
		limit = synRetries
	}
	if c.timing.retries > limit {
		c.end(syscall.ETIMEDOUT)
		return
	}
	c.timing.cancel()
	if c.una != c.iss {
		c.congestion.timeout(c.max, int(c.max-c.una))
	}
	c.nxt = c.una
}

func (c *Conn) keepAlive(now time.Duration) {
	if c.probes >= keepProbes {
		c.end(syscall.ETIMEDOUT)
		return
	}
	if c.state >= Established {
		c.probes++
		c.probe = true
	}
	c.keepAt = now + min(keepGap, c.cfg.KeepAlive)
}
