package tcp

import (
	"io"
	"syscall"
	"time"
)

// State is a state of RFC 9293, 3.3.2.
type State uint8

// The states. LISTEN belongs to the owner, which calls Accept for each SYN.
const (
	Closed State = iota
	SynSent
	SynReceived
	Established
	FinWait1
	FinWait2
	CloseWait
	Closing
	LastAck
	TimeWait
)

var stateNames = [...]string{"CLOSED", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
	"FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT"}

func (s State) String() string { return stateNames[s] }

// Config is what a connection begins with. The zero value works, but for ISS, which should differ
// between connections.
type Config struct {
	ISS           uint32        // initial sequence number
	MSS           int           // largest payload; default 1460, which fills an MTU of 1500 over IPv4
	ReceiveBuffer int           // bytes; default 1 MiB
	SendBuffer    int           // bytes; default none: Write takes everything
	KeepAlive     time.Duration // idle time before a probe; default none
}

const (
	defaultMSS           = 1460
	fallbackMSS          = 536 // RFC 9293, 3.7.1: for a peer that names none
	defaultReceiveBuffer = 1 << 20

	initialRTO = time.Second            // RFC 6298, 2.1
	minRTO     = 200 * time.Millisecond // Linux's; RFC 6298's second would hide what firewalls see
	maxRTO     = 120 * time.Second      // Linux's; RFC 6298, 2.5 asks for 60 s at least

	synRetries  = 6  // Linux's tcp_syn_retries: a silent peer is given up after 127 s
	dataRetries = 15 // Linux's tcp_retries2: about 13 to 15 minutes
	keepProbes  = 9  // Linux's tcp_keepalive_probes
	keepGap     = 75 * time.Second

	timeWait   = 60 * time.Second // Linux's; RFC 9293 asks for two MSL
	finWait2   = 60 * time.Second // Linux's tcp_fin_timeout, once the application has closed
	initialWin = 10               // segments, RFC 6928
)

// Conn is one end of a connection.
type Conn struct {
	cfg   Config
	state State
	err   error // why the connection ended, for Read and Write

	// Sending. Sequence numbers: iss is the SYN, una the oldest not acknowledged, nxt the next to
	// send, max one past the highest ever sent (nxt goes back to una at a timeout).
	iss, una, nxt, max uint32
	out                buffer // data from una on, but for the SYN
	wnd, maxWnd        uint32
	wl1, wl2           uint32 // segment of the last window update
	sendScale          uint8
	mss                int
	fin                bool // the application will send no more
	finSent, finAcked  bool
	override           bool // silly window avoidance is overridden once
	reset              bool // an RST is owed; nothing else will be sent

	congestion congestion
	timing     timing

	// Receiving.
	nextSeq   uint32 // RCV.NXT
	edge      uint32 // right edge of the window as last advertised
	in        buffer
	early     spans
	finSeq    uint32 // of the peer's FIN, when it has come early
	finKnown  bool
	finRead   bool // the peer's FIN is in order: end of data
	recvScale uint8
	scaling   bool
	ackNow    bool // an acknowledgement is owed
	readShut  bool // the application reads no more
	closed    bool // nor does it write: the socket is gone

	// Timers: zero is off.
	rexmitAt, persistAt, waitAt, keepAt time.Duration
	probes                              int
	probe                               bool // a probe is owed
}

func newConn(cfg Config) *Conn {
	if cfg.MSS == 0 {
		cfg.MSS = defaultMSS
	}
	if cfg.ReceiveBuffer == 0 {
		cfg.ReceiveBuffer = defaultReceiveBuffer
	}
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
	c.state = SynReceived
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
		c.sendScale = uint8(min(syn.Scale, 14))
	}
	peer := int(syn.MSS)
	if peer == 0 {
		peer = fallbackMSS
	}
	c.mss = min(c.mss, peer)
	c.congestion.begin(c.mss)
}

// State is the connection's state.
func (c *Conn) State() State { return c.state }

// Connected reports whether the handshake has been completed, whatever came after.
func (c *Conn) Connected() bool { return c.state >= Established }

// Err is why the connection ended, nil while it lives and after an orderly end.
func (c *Conn) Err() error { return c.err }

// Write queues data and says how much it took: less than all when the send buffer is full.
func (c *Conn) Write(p []byte) (int, error) {
	if c.err != nil {
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
// after the peer's FIN.
func (c *Conn) Read(p []byte) (int, error) {
	if n := min(len(p), c.in.len()); n > 0 {
		copy(p, c.in.slice(0, n))
		c.in.drop(n)
		// A window update is worth a segment when it opens two segments or half the buffer
		// (RFC 9293, 3.8.6.2.2, receiver's silly window avoidance).
		opened := c.nextSeq + uint32(c.room()) - c.edge
		if int32(opened) >= int32(min(2*c.mss, c.cfg.ReceiveBuffer/2)) && c.state != Closed {
			c.ackNow = true
		}
		return n, nil
	}
	switch {
	case c.err != nil:
		return 0, c.err
	case c.finRead || c.readShut:
		return 0, io.EOF
	}
	return 0, nil
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
	c.cfg.KeepAlive = idle
	c.probes = 0
	c.keepAt = 0
	if idle > 0 {
		c.keepAt = now + idle
	}
}

// CloseWrite sends what is queued, then FIN.
func (c *Conn) CloseWrite() {
	switch c.state {
	case SynSent:
		c.end(nil)
	case SynReceived, Established:
		c.fin = true
		c.enter(FinWait1)
	case CloseWait:
		c.fin = true
		c.enter(LastAck)
	}
}

// CloseRead drops what has arrived and what will; the peer isn't told.
func (c *Conn) CloseRead() {
	c.readShut = true
	c.in = buffer{}
	c.early = nil
}

// Close ends both directions. Data that nobody has read makes it a reset, so that the peer learns
// that it was lost (RFC 9293, 3.10.4 with RFC 2525, 2.17).
func (c *Conn) Close(now time.Duration) {
	if c.in.len() > 0 {
		c.Abort()
		return
	}
	c.readShut, c.closed = true, true
	c.CloseWrite()
	if c.state == FinWait2 {
		c.waitAt = now + finWait2
	}
}

// Abort sends RST and ends the connection at once.
func (c *Conn) Abort() {
	if c.state >= SynReceived && c.state < TimeWait {
		c.reset = true
	}
	c.end(syscall.ECONNABORTED)
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
	c.rexmitAt, c.persistAt, c.waitAt, c.keepAt = 0, 0, 0, 0
	c.out, c.early = buffer{}, nil
	c.ackNow, c.probe = false, false
}

func (c *Conn) enter(s State) { c.state = s }

// room is the receive window that could be offered now.
func (c *Conn) room() int { return max(0, c.cfg.ReceiveBuffer-c.in.len()) }
