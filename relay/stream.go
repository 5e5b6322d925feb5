package relay

import (
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/proxyspec/proxyspec/relay/turn"
)

const (
	// unallocatedTime is how long a connection may have no allocation.
	unallocatedTime = 10 * time.Second
	// streamQueue is how much may wait for a client that reads slowly. What comes on top is dropped, as UDP
	// would, so that the old doesn't delay the new.
	streamQueue = 256 << 10
	// idleQueue is how much memory a queue keeps when it is empty.
	idleQueue = 4 << 10
	// firstBuffer is what a connection reads into at first: it grows with what arrives, never with what is announced.
	firstBuffer = 2 << 10
	// strangerFrame is the longest message of a client without an allocation: no request's attributes come near, and
	// so that is all that a connection which nobody has shown to be anybody's can make us hold.
	strangerFrame = 4 << 10
)

// stream is a client's TCP connection, with TLS in it if it begins so. One goroutine reads from it. Whoever has
// something for the client writes it at once where the connection takes it without waiting; else another goroutine
// does, so that a client that doesn't read holds up nobody else.
type stream struct {
	raw    net.Conn // as it was accepted
	conn   net.Conn // the same, or TLS over it
	client turn.Client
	known  atomic.Bool // it has an allocation

	mu      sync.Mutex
	queued  sync.Cond
	queue   []byte
	writing bool // the writer has some of it
	closed  bool

	direct syscall.RawConn // nil: only the writer writes
	try    func(fd uintptr) bool
	wrote  int
	failed error
}

// serveStream serves a connection until it ends, and its allocation with it.
func (s *turnServer) serveStream(conn net.Conn) {
	c := &stream{raw: conn}
	c.queued.L = &c.mu
	c.client = turn.Client{
		FiveTuple: turn.FiveTuple{Stream: true, Client: addrPort(conn.RemoteAddr()), Server: addrPort(conn.LocalAddr())}, Via: c,
	}
	s.mu.Lock()
	stopped := s.stopped
	if !stopped {
		s.streams[c] = true
	}
	s.mu.Unlock()
	if stopped {
		conn.Close()
		return
	}
	h := s.newHand()
	if c.begin(s.media.cloud.cfg.TLS) == nil {
		var writing sync.WaitGroup
		writing.Go(c.write)
		c.read(func(message []byte) { h.fromClient(c.client, message) })
		c.close()
		writing.Wait()
	}
	c.raw.Close()
	s.mu.Lock()
	delete(s.streams, c)
	s.core.Gone(&h.out, c.client.FiveTuple)
	s.mu.Unlock()
	h.act()
}

// begin waits for the first bytes, which tell TLS from TURN (RFC 7983 tells them apart likewise), and shakes hands.
func (c *stream) begin(cfg *tls.Config) error {
	_ = c.raw.SetDeadline(time.Now().Add(unallocatedTime))
	first := make([]byte, firstBuffer)
	n, err := c.raw.Read(first)
	if err != nil {
		return err
	}
	conn := &begunConn{c.raw, first[:n]}
	if first[0] == tlsHandshake {
		cfg = cfg.Clone()
		cfg.NextProtos = nil // clients name TURN (RFC 7443) or nothing
		secure := tls.Server(conn, cfg)
		if err := secure.Handshake(); err != nil {
			return err
		}
		c.conn = secure
	} else {
		c.conn = conn
		c.writeDirectly()
	}
	_ = c.raw.SetWriteDeadline(time.Time{})
	return nil
}

// tlsHandshake is the first byte of a TLS connection: no STUN message that has a method of ours begins with it, and no
// ChannelData.
const tlsHandshake = 22

// begunConn is a connection of which the first bytes have been read.
type begunConn struct {
	net.Conn
	first []byte
}

func (c *begunConn) Read(p []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(p, c.first)
		if c.first = c.first[n:]; len(c.first) == 0 {
			c.first = nil // an idle connection keeps no buffer
		}
		return n, nil
	}
	return c.Conn.Read(p)
}

// writeDirectly prepares for writes that don't wait, where the connection is the operating system's.
func (c *stream) writeDirectly() {
	system, ok := c.raw.(syscall.Conn)
	if !ok {
		return
	}
	direct, err := system.SyscallConn()
	if err != nil {
		return
	}
	c.direct = direct
	c.try = func(fd uintptr) bool {
		c.wrote, c.failed = syscall.Write(int(fd), c.queue)
		return true // whatever it wrote: never wait
	}
}

// read cuts the stream into messages until it ends, or has lost its frames.
func (c *stream) read(handle func([]byte)) {
	buf := make([]byte, firstBuffer)
	held := 0
	for {
		n, err := c.conn.Read(buf[held:])
		if held += n; err != nil {
			return
		}
		used := 0
		for {
			length, err := turn.Frame(buf[used:held])
			if err != nil {
				return
			}
			if length > strangerFrame && !c.known.Load() {
				return
			}
			if length == 0 || length > held-used {
				break
			}
			handle(buf[used : used+length])
			used += length
		}
		held = copy(buf, buf[used:held])
		if held == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
	}
}

// send queues a message, and reports false if there is no room: for a peer's packet there is less than for an
// answer, and a client that doesn't even take those is given up.
func (c *stream) send(message []byte, isData bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	room := streamQueue - len(c.queue) - len(message)
	switch {
	case c.closed || isData && room < 0:
		return false
	case room < -streamQueue:
		c.raw.Close()
		return false
	}
	c.queue = append(c.queue, message...)
	return true
}

// flush writes what send has queued, or has it written.
func (c *stream) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 || c.writing || c.closed {
		return // the writer looks again before it rests
	}
	if c.direct == nil {
		c.queued.Signal()
		return
	}
	switch err := c.direct.Write(c.try); {
	case err != nil || c.failed != nil && c.failed != syscall.EAGAIN && c.failed != syscall.EINTR:
		c.raw.Close() // its reader comes to know
	case c.failed == nil && c.wrote == len(c.queue):
		c.queue = c.queue[:0]
		if cap(c.queue) > idleQueue {
			c.queue = nil
		}
	default:
		c.queue = c.queue[:copy(c.queue, c.queue[max(0, c.wrote):])]
		c.queued.Signal()
	}
}

// write writes what is queued and can't be written at once, until the connection is closed.
func (c *stream) write() {
	var taken []byte
	for {
		c.mu.Lock()
		c.writing = false
		for len(c.queue) == 0 && !c.closed {
			c.queued.Wait()
		}
		if c.closed {
			c.mu.Unlock()
			return
		}
		c.writing = true
		taken, c.queue = c.queue, taken[:0]
		c.mu.Unlock()
		_ = c.raw.SetWriteDeadline(time.Now().Add(writeTimeout))
		if err := c.writeAll(taken); err != nil {
			c.raw.Close() // its reader comes to know
		}
		_ = c.raw.SetWriteDeadline(time.Time{})
		if cap(taken) > idleQueue {
			taken = nil
		}
	}
}

// writeAll writes messages: through TLS a record each, since clients are known that take a record for a message.
func (c *stream) writeAll(messages []byte) error {
	_, secure := c.conn.(*tls.Conn)
	for len(messages) > 0 {
		n := len(messages)
		if secure {
			n, _ = turn.Frame(messages)
		}
		if _, err := c.conn.Write(messages[:n]); err != nil {
			return err
		}
		messages = messages[n:]
	}
	return nil
}

func (c *stream) close() {
	c.mu.Lock()
	c.closed = true
	c.queued.Broadcast()
	c.mu.Unlock()
	c.raw.Close()
}

// allocated says whether the connection has an allocation: without one it doesn't last.
func (c *stream) allocated(yes bool) {
	c.known.Store(yes)
	var until time.Time
	if !yes {
		until = time.Now().Add(unallocatedTime)
	}
	_ = c.raw.SetReadDeadline(until)
}
