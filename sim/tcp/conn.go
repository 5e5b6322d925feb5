package tcp

import (
	"io"
	"syscall"
	"time"
)

// Conn is one end of a connection.
type Conn struct {
	cfg     Config
	state   State
	passive bool  // it began with the peer's SYN
	err     error // why the connection ended
	told    bool  // the application knows: Read and Write say it once

	// Sending. Sequence numbers: iss is the SYN, una the oldest not acknowledged, nxt the next to
	// send, max one past the highest ever sent (nxt goes back to una at a timeout).
	iss, una, nxt, max uint32
	out                outgoing // from una on, but for the SYN
	wnd, maxWnd        uint32
	wl1, wl2           uint32 // segment of the last window update
	sendScale          uint8
	mss                int
	fin                bool // the application will send no more
	finSent, finAcked  bool
	override           bool // silly window avoidance is overridden once
	reset              bool // an RST is owed; nothing else will be sent
	parting            bool // but for what a kernel had sent when the application aborted: it doesn't wait for it
	greet              bool // and the handshake's last acknowledgement, before that
	sentAt             time.Duration

	congestion congestion
	scoreboard scoreboard
	timing     timing

	// Receiving.
	nextSeq   uint32 // RCV.NXT
	edge      uint32 // right edge of the window as last advertised
	in        incoming
	early     early
	selective selective
	finSeq    uint32 // of the peer's FIN, when it has come early
	finKnown  bool
	finRead   bool // the peer's FIN is in order: end of data
	recvScale uint8
	scaling   bool
	ackNow    bool // an acknowledgement is owed
	unacked   int  // segments with data that wait for one
	readShut  bool // the application reads no more
	closed    bool // nor does it write: the socket is gone

	rebuke     Segment // an RST for a segment that isn't ours, if its flags say so
	challenges challenges

	// Timers: zero is off.
	rexmitAt, persistAt, waitAt, keepAt, ackAt time.Duration

	probes int
	probe  bool // a probe is owed
}

func newConn(cfg Config) *Conn {
	cfg = cfg.withDefaults()
	c := &Conn{cfg: cfg, iss: cfg.ISS, una: cfg.ISS, nxt: cfg.ISS, max: cfg.ISS, mss: cfg.MSS}
	for c.cfg.ReceiveBuffer>>c.recvScale > 0xffff && c.recvScale < 14 {
		c.recvScale++
	}
	c.timing.rto = initialRTO
	return c
}

// Open begins an active open: Output will send the SYN.
func Open(cfg Config) *Conn {
	c := newConn(cfg)
	c.state = SynSent
	return c
}

// Accept answers a SYN on a listening port.
func Accept(cfg Config, syn *Segment) *Conn {
	c := newConn(cfg)
	c.state, c.passive = SynReceived, true
	c.synOptions(syn)
	return c
}

// synOptions takes the peer's SYN: its sequence number and its options.
func (c *Conn) synOptions(syn *Segment) {
	c.nextSeq = syn.Seq + 1
	c.edge = c.nextSeq + uint32(min(c.room(), 0xffff))
	c.wnd, c.maxWnd = uint32(syn.Window), uint32(syn.Window) // RFC 7323, 2.2: never scaled in a SYN
	c.wl1, c.wl2 = syn.Seq, syn.Ack
	c.scaling = syn.Scale != NoScale
	if c.scaling {
		c.sendScale = uint8(min(syn.Scale, 14)) // RFC 7323, 2.3
	}
	c.selective.permitted = syn.SACKPermitted
	peer := int(syn.MSS)
	if peer == 0 {
		peer = fallbackMSS
	}
	c.mss = max(min(c.mss, peer), leastMSS)
	c.congestion.begin(c.mss, c.una, syn.SACKPermitted)
}

// State is the connection's state.
func (c *Conn) State() State { return c.state }

// Connected reports whether the handshake has been completed, whatever came after.
func (c *Conn) Connected() bool { return c.state >= Established }

// Err is why the connection ended, nil while it lives and after an orderly end.
func (c *Conn) Err() error { return c.err }

// Write queues data and says how much it took: less than all when the send buffer is full.
func (c *Conn) Write(p []byte) (int, error) {
	if c.err != nil && !c.told {
		c.told = true
		return 0, c.err
	}
	if c.fin || c.state == Closed || c.reset {
		return 0, syscall.EPIPE
	}
	if c.cfg.SendBuffer > 0 {
		p = p[:min(len(p), max(0, c.cfg.SendBuffer-c.out.len()))]
	}
	c.out.append(p)
	return len(p), nil
}

// Read takes data that has arrived. It reports 0 and no error when there is none yet, and io.EOF
// after the peer's FIN. As on Linux, one call is told why the connection ended: to those after it nothing comes any more
// (io.EOF), and nothing can be written (EPIPE).
func (c *Conn) Read(p []byte) (int, error) {
	if n := c.in.read(p); n > 0 {
		c.updateWindow()
		return n, nil
	}
	switch {
	case len(p) == 0:
		return 0, nil
	case c.finRead || c.told:
		return 0, io.EOF
	case c.err != nil:
		c.told = true
		return 0, c.err
	case c.readShut:
		return 0, io.EOF
	}
	return 0, nil
}

// updateWindow owes the peer an update when it pays: silly window avoidance of the receiver asks for
// two segments or half the buffer (RFC 9293, 3.8.6.2.2), and while the peer has half of what there is
// to offer, the next acknowledgement is soon enough.
func (c *Conn) updateWindow() {
	left, room := int(c.edge-c.nextSeq), min(c.room(), 0xffff<<c.shift())
	if room-left >= min(2*c.mss, c.cfg.ReceiveBuffer/2) && room >= 2*left && c.Connected() {
		c.ackNow = true
	}
}

// Readable reports whether Read would not have to wait.
func (c *Conn) Readable() bool { return c.in.len() > 0 || c.err != nil || c.finRead || c.readShut }

// Writable reports whether Write would not have to wait.
func (c *Conn) Writable() bool {
	return c.err != nil || c.fin || c.cfg.SendBuffer == 0 || c.out.len() < c.cfg.SendBuffer
}

// Owes reports whether Output has an acknowledgement to send.
func (c *Conn) Owes() bool { return c.ackNow }

// Unsent is how many bytes the peer has not acknowledged.
func (c *Conn) Unsent() int { return c.out.len() }

// SetReceiveBuffer changes the size of the receive buffer. The window scale, once sent, stays.
func (c *Conn) SetReceiveBuffer(n int) { c.cfg.ReceiveBuffer = max(1, n) }

// SetSendBuffer bounds what Write takes; 0 takes the bound away.
func (c *Conn) SetSendBuffer(n int) { c.cfg.SendBuffer = max(0, n) }

// SetKeepAlive sets the idle time after which probes begin; 0 turns them off.
func (c *Conn) SetKeepAlive(now, idle time.Duration) {
	c.cfg.KeepAlive = max(0, idle)
	c.probes = 0
	c.keepAt = 0
	if idle > 0 && c.state != Closed && c.state != TimeWait {
		c.keepAt = now + idle
	}
}

// SetMSS takes the news that packets of more than n bytes of payload don't get through (RFC 1191,
// RFC 8201): what is under way is sent again in smaller ones.
func (c *Conn) SetMSS(n int) {
	n = max(n, leastMSS)
	if n >= c.mss {
		return // nobody can make segments grow
	}
	c.mss = n
	c.congestion.mss = n
	if c.Connected() {
		c.nxt = c.una
		c.timing.cancel()
	}
}

// CloseWrite sends what is queued, then FIN.
func (c *Conn) CloseWrite() {
	switch c.state {
	case SynSent:
		c.end(nil)
	case SynReceived, Established:
		c.fin = true
		c.state = FinWait1
	case CloseWait:
		c.fin = true
		c.state = LastAck
	}
}

// CloseRead drops what has yet to arrive; the peer isn't told.
func (c *Conn) CloseRead() { c.readShut = true }

// Close ends both directions. Data that nobody has read makes it a reset, so that the peer learns
// that it was lost (RFC 9293, 3.10.4 with RFC 2525, 2.17).
func (c *Conn) Close(now time.Duration) {
	if c.in.len() > 0 {
		c.Abort()
		return
	}
	c.readShut, c.closed = true, true
	c.probes = 0
	c.CloseWrite()
	if c.state == FinWait2 {
		c.waitAt = now + finWait2
	}
}

// Abort sends what the windows allow, and RST, and ends the connection at once.
func (c *Conn) Abort() {
	written := c.out
	if c.state >= SynReceived && c.state < TimeWait {
		c.reset, c.parting = true, c.una != c.iss // no data goes before our SYN is acknowledged
		c.greet = c.ackNow && !c.passive && c.max == c.iss+1
	}
	c.end(syscall.ECONNABORTED)
	if c.parting {
		c.out = written
	}
}

// Fail ends the connection without a segment: for an error that the network reports.
func (c *Conn) Fail(err error) { c.end(err) }

// end leaves the connection closed. An RST that is owed still goes out.
func (c *Conn) end(err error) {
	if c.state == Closed {
		return
	}
	c.state = Closed
	if c.err == nil {
		c.err = err
	}
	c.rexmitAt, c.persistAt, c.waitAt, c.keepAt, c.ackAt = 0, 0, 0, 0, 0
	c.out, c.early = outgoing{}, nil
	c.ackNow, c.probe = false, false
}

// shift is how many bits of our window the peer doesn't see.
func (c *Conn) shift() uint8 {
	if c.scaling {
		return c.recvScale
	}
	return 0
}

// room is the receive window that could be offered now.
func (c *Conn) room() int { return max(0, c.cfg.ReceiveBuffer-c.in.len()) }
