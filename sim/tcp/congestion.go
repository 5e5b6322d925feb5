package tcp

import "time"

// congestion is the congestion window: slow start and congestion avoidance (RFC 5681), fast
// retransmit with NewReno recovery (RFC 6582).
type congestion struct {
	mss        int
	window     int
	threshold  int
	duplicates int
	recovering bool
	recover    uint32 // recovery ends when this is acknowledged
	everLost   bool   // recover is valid
	resend     bool   // the oldest segment is to be sent again now
}

func (g *congestion) begin(mss int) {
	*g = congestion{mss: mss, window: initialWin * mss, threshold: 1 << 30}
}

// acked takes an acknowledgement of n new bytes up to ack.
func (g *congestion) acked(n int, ack uint32) {
	g.duplicates = 0
	switch {
	case g.recovering && before(ack, g.recover):
		// A partial acknowledgement: the next hole begins at ack.
		g.resend = true
		g.window = max(g.window-n, 0) + g.mss
	case g.recovering:
		g.recovering = false
		g.window = g.threshold
	case g.window < g.threshold:
		g.window += min(n, g.mss)
	default:
		g.window += max(1, g.mss*g.mss/g.window)
	}
}

// duplicate takes a duplicate acknowledgement of una, with flight bytes outstanding up to max.
func (g *congestion) duplicate(una, max uint32, flight int) {
	g.duplicates++
	switch {
	case g.recovering:
		g.window += g.mss
	case g.duplicates == 3 && (!g.everLost || !before(una, g.recover)):
		g.lose(max, flight)
		g.recovering, g.resend = true, true
		g.window = g.threshold + 3*g.mss
	}
}

// timeout takes a retransmission timeout.
func (g *congestion) timeout(max uint32, flight int) {
	g.lose(max, flight)
	g.recovering, g.resend = false, false
	g.window = g.mss
}

func (g *congestion) lose(highest uint32, flight int) {
	g.threshold = max(flight/2, 2*g.mss)
	g.recover, g.everLost = highest, true
	g.duplicates = 0
}

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
