package tcp

// threeDuplicates tell of a loss, and not of segments that have overtaken another one: DupThresh of RFC 6675.
const threeDuplicates = 3

// congestion is the congestion window: slow start and congestion avoidance (RFC 5681), fast
// retransmit with recovery by selective acknowledgements (RFC 6675), or NewReno's where the peer has none (RFC 6582), and
// limited transmit (RFC 3042).
type congestion struct {
	mss        int
	selective  bool // the peer tells what it has; what is under way, the scoreboard tells
	window     int
	threshold  int
	duplicates int
	flight     int // when the first duplicate came
	recovering bool
	partial    bool   // in recovery, a partial acknowledgement has come
	recover    uint32 // one past the highest number sent when loss was last noticed
	resent     uint32 // in recovery, one past the highest number sent again
	resend     bool   // the oldest segment is to be sent again now
}

func (g *congestion) begin(mss int, una uint32, selective bool) {
	*g = congestion{mss: mss, selective: selective, window: initialWin * mss, threshold: 1 << 30, recover: una}
}

// allowed is how much may be under way. The first two duplicate acknowledgements each let a new segment
// out (RFC 3042), so that there may be a third; of a selective one the scoreboard takes away what has arrived.
func (g *congestion) allowed() int {
	if g.recovering || g.selective {
		return g.window
	}
	return g.window + min(g.duplicates, 2)*g.mss
}

// acked takes an acknowledgement of n new bytes up to ack, when flight bytes were under way. It reports
// whether the retransmission timer starts anew: in recovery only the first time (RFC 6582, 3.2, step 3).
func (g *congestion) acked(n, flight int, ack uint32) (restart bool) {
	g.duplicates = 0
	defer g.forget(ack)
	switch {
	case g.recovering && g.selective:
		g.recovering = before(ack, g.recover)
	case g.recovering && before(ack, g.recover):
		// A partial acknowledgement: the next hole begins at ack.
		restart = !g.partial
		g.partial, g.resend = true, true
		g.window = max(g.window-n, 0) + g.mss
		return restart
	case g.recovering:
		g.recovering, g.resend = false, false
		g.window = min(g.threshold, max(flight-n, g.mss)+g.mss)
	case flight*2 < g.window:
		// The window isn't what holds the sender back: it says nothing about the path (RFC 7661).
	case g.window < g.threshold:
		g.window += n // RFC 3465 without its limit, as Linux: a receiver may acknowledge many segments at once
	default:
		g.window += max(1, n*g.mss/g.window)
	}
	return true
}

// forget keeps recover from falling half a sequence space behind.
func (g *congestion) forget(ack uint32) {
	if before(g.recover, ack) {
		g.recover = ack
	}
}

// duplicate takes a duplicate acknowledgement of una, with everything before max sent; lost says that the scoreboard has
// una for lost.
func (g *congestion) duplicate(una, max uint32, lost bool) {
	if g.duplicates++; g.duplicates == 1 {
		g.flight = int(max - una) // what limited transmit adds doesn't count (RFC 5681, 3.2, step 2)
	}
	switch {
	case g.recovering && g.selective:
	case g.recovering:
		g.window += g.mss
	case (g.duplicates == threeDuplicates || lost) && !before(una, g.recover): // RFC 6582, 3.2, step 2
		g.lose(max, g.flight)
		g.recovering, g.partial, g.resend, g.resent = true, false, true, una
		if g.window = g.threshold; !g.selective {
			g.window += threeDuplicates * g.mss
		}
	}
}

// timeout takes a retransmission timeout; first tells it from another of the same segment, after which
// the threshold stays (RFC 5681, 3.1).
func (g *congestion) timeout(highest uint32, flight int, first bool) {
	threshold := g.threshold
	g.lose(highest, flight)
	if !first {
		g.threshold = threshold
	}
	g.recovering, g.resend = false, false
	g.window = g.mss
}

// rest takes the news that nothing was sent for longer than a retransmission timeout (RFC 5681, 4.1).
func (g *congestion) rest() { g.window = min(g.window, initialWin*g.mss) }

func (g *congestion) lose(highest uint32, flight int) {
	g.threshold = max(flight/2, 2*g.mss)
	g.recover = highest
	g.duplicates = 0
}
