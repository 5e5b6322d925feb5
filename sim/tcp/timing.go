package tcp

import "time"

// timing measures round trips and gives the retransmission timeout (RFC 6298).
type timing struct {
	srtt, rttvar, rto time.Duration
	retries           int

	measuring bool // one segment at a time, never a retransmitted one (Karn)
	until     uint32
	since     time.Duration
}

func (t *timing) start(now time.Duration, until uint32) {
	if !t.measuring {
		t.measuring, t.until, t.since = true, until, now
	}
}

func (t *timing) cancel() { t.measuring = false }

// acked takes progress up to ack: a measurement may be complete, and any backoff is over.
func (t *timing) acked(now time.Duration, ack uint32) {
	t.retries = 0
	if !t.measuring || before(ack, t.until) {
		return
	}
	t.measuring = false
	r := now - t.since
	if t.srtt == 0 {
		t.srtt, t.rttvar = r, r/2
	} else {
		t.rttvar += ((r - t.srtt).Abs() - t.rttvar) / 4
		t.srtt += (r - t.srtt) / 8
	}
	// A srtt of zero would read as "none yet", and a virtual network can have no delay at all.
	t.srtt = max(t.srtt, 1)
	t.rto = min(max(t.srtt+4*t.rttvar, minRTO), maxRTO)
}

// timeout is how long to wait for an acknowledgement, backoff included.
func (t *timing) timeout() time.Duration {
	return min(t.rto<<min(t.retries, 20), maxRTO)
}
