package relay

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/proxyspec/proxyspec/relay/batch"
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

// stream is a client's TCP connection, with TLS in it if it begins so. Where the system has groups, one of them reads
// a connection without TLS, and whoever has something for the client writes it. Else one goroutine reads and another
// one writes. Either way a client that doesn't read holds up nobody else.
type stream struct {
	raw    net.Conn // as it was accepted
	conn   net.Conn // the same, or TLS over it
	client turn.Client
	until  time.Time   // it must have an allocation by then
	known  atomic.Bool // it has one

	begun []byte // of a message that hasn't arrived as a whole
	spare []byte // the memory of the one before, which may be in use until take is called again

	mu      sync.Mutex
	more    sync.Cond
	queue   backlog
	writing bool // the writer has some of it, or the system has no room for it
	closed  bool

	socket *batch.Socket // in a group; nil: goroutines read and write
	late   *time.Timer   // in a group: ends what has no allocation
	stuck  *time.Timer   // likewise what has had no room for too long
}

// serveStream serves a connection until it ends, and its allocation with it, or until a group does.
func (s *turnServer) serveStream(conn net.Conn) {
	c := &stream{raw: conn, until: time.Now().Add(unallocatedTime)}
	c.more.L = &c.mu
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
		if s.adopt(h, c) {
			return
		}
		var writing sync.WaitGroup
		writing.Go(c.write)
		c.read(func(message []byte) { h.fromClient(c.client, message) })
		c.close()
		writing.Wait()
	}
	c.close()
	s.mu.Lock()
	s.gone(h, c)
	s.mu.Unlock()
	h.act()
}

// gone forgets a connection, and has the core end its allocation. s.mu is held.
func (s *turnServer) gone(h *hand, c *stream) {
	delete(s.streams, c)
	c.abandon(s.core)
	s.core.Gone(&h.out, c.client.FiveTuple)
}

// begin waits for the first bytes, which tell TLS from TURN (RFC 7983 tells them apart likewise), and shakes hands.
func (c *stream) begin(cfg *tls.Config) error {
	_ = c.raw.SetDeadline(c.until)
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

// read cuts the stream into messages until it ends, or has lost its frames.
func (c *stream) read(handle func([]byte)) {
	buf := make([]byte, firstBuffer)
	for {
		n, err := c.conn.Read(buf)
		if c.take(buf[:n], handle) != nil || err != nil {
			return
		}
	}
}

// errStranger says that a client without an allocation announced a message that no such client needs.
var errStranger = errors.New("a long message of a client without an allocation")

// take cuts what has arrived into messages, which are good until take is called again. It is for the reader.
func (c *stream) take(chunk []byte, handle func([]byte)) error {
	if cap(c.spare) > idleQueue {
		c.spare = nil
	}
	for len(c.begun) > 0 {
		length, err := c.frame(c.begun)
		switch missing := length - len(c.begun); {
		case err != nil:
			return err
		case missing <= 0:
			handle(c.begun)
			c.begun, c.spare = c.spare[:0], c.begun
		case len(chunk) == 0:
			return nil
		default:
			n := min(missing, len(chunk))
			c.begun = append(c.begun, chunk[:n]...)
			chunk = chunk[n:]
		}
	}
	for len(chunk) > 0 {
		length, err := c.frame(chunk)
		if err != nil {
			return err
		}
		if length > len(chunk) {
			c.begun = append(c.begun, chunk...)
			break
		}
		handle(chunk[:length])
		chunk = chunk[length:]
	}
	return nil
}

// frame is how long the first message is, or how much of it is needed to tell.
func (c *stream) frame(data []byte) (int, error) {
	length, err := turn.Frame(data)
	switch {
	case err != nil:
		return 0, err
	case length > strangerFrame && !c.known.Load():
		return 0, errStranger
	}
	return max(length, frameHead), nil
}

// frameHead is how many bytes tell how long a message is; none is shorter.
const frameHead = 4

// send queues a message, and reports false if there is no room: for a peer's packet there is less than for an
// answer, and a client that doesn't even take those is given up.
func (c *stream) send(a *turn.Action) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	room := streamQueue - len(c.queue.bytes) - len(a.Payload)
	switch {
	case c.closed || a.Data && room < 0:
		return false
	case room < -streamQueue:
		c.hangUp()
		return false
	}
	c.queue.add(a)
	return true
}

// flush writes what send has queued, or has it written.
func (c *stream) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(c.queue.bytes) == 0 || c.writing || c.closed: // whoever writes looks again before it rests
	case c.socket == nil:
		c.more.Signal()
	default:
		c.writeSome()
	}
}

// write writes what is queued and can't be written at once, until the connection is closed or breaks.
func (c *stream) write() {
	var taken backlog
	for {
		c.mu.Lock()
		c.writing = false
		for len(c.queue.bytes) == 0 && !c.closed {
			c.more.Wait()
		}
		if c.closed {
			c.mu.Unlock()
			return
		}
		c.writing = true
		taken, c.queue = c.queue, taken
		c.mu.Unlock()
		_ = c.raw.SetWriteDeadline(time.Now().Add(writeTimeout))
		if err := c.writeAll(&taken); err != nil {
			c.mu.Lock()
			c.queue.messages = append(c.queue.messages, taken.messages...) // for abandon
			c.mu.Unlock()
			c.raw.Close() // its reader comes to know
			return
		}
		_ = c.raw.SetWriteDeadline(time.Time{})
		taken.trim()
	}
}

// writeAll writes messages: through TLS a record each, since clients are known that take a record for a message.
func (c *stream) writeAll(b *backlog) (err error) {
	_, secure := c.conn.(*tls.Conn)
	done := 0
	for i := 0; done < len(b.bytes) && err == nil; i++ {
		n := len(b.bytes) - done
		if secure {
			n = b.messages[i].left
		}
		n, err = c.conn.Write(b.bytes[done:][:n])
		done += n
	}
	b.written(done)
	return err
}

// abandon takes what is queued for a client that has gone, and whatever comes now, for dropped. The core's lock is held.
func (c *stream) abandon(core *turn.Server) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.queue.drop(core)
}

// close ends the connection and frees what it has.
func (c *stream) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.more.Broadcast()
	c.release()
	c.raw.Close()
}

// hangUp ends the connection, which its reader comes to know. c.mu is held.
func (c *stream) hangUp() {
	if c.socket != nil {
		c.socket.Shutdown()
		return
	}
	c.raw.Close()
}

// allocated says whether the connection has an allocation: without one it doesn't last.
func (c *stream) allocated(yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known.Store(yes)
	if !yes {
		c.until = time.Now().Add(unallocatedTime)
	}
	switch {
	case c.socket != nil:
		c.expect()
	case yes:
		_ = c.raw.SetReadDeadline(time.Time{})
	default:
		_ = c.raw.SetReadDeadline(c.until)
	}
}
