package relay

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/proxyspec/proxyspec/relay/turn"
)

const (
	// unallocatedTime is how long a connection may have no allocation.
	unallocatedTime = 10 * time.Second
	// streamQueue is how much may wait for a client that reads slowly. What comes on top is dropped, as UDP
	// would, so that the old doesn't delay the new.
	streamQueue = 256 << 10
	// firstBuffer is what a connection reads into at first: it grows with what arrives, never with what is announced.
	firstBuffer = 2 << 10
	// strangerFrame is the longest message of a client without an allocation: no request's attributes come near, and
	// so that is all that a connection which nobody has shown to be anybody's can make us hold.
	strangerFrame = 4 << 10
)

// stream is a client's TCP connection. One goroutine reads from it and another one writes to it, so that a client
// that doesn't read holds up nobody else.
type stream struct {
	conn   net.Conn
	client turn.Client
	known  atomic.Bool // it has an allocation

	mu     sync.Mutex
	queued sync.Cond
	queue  []byte
	closed bool
}

// serveStream serves a connection until it ends, and its allocation with it.
func (s *turnServer) serveStream(conn net.Conn) {
	c := &stream{conn: conn}
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
	var writing sync.WaitGroup
	writing.Go(c.write)
	c.allocated(false)

	h := s.newHand()
	c.read(func(message []byte) { h.fromClient(c.client, message) })
	c.close()
	writing.Wait()
	s.mu.Lock()
	delete(s.streams, c)
	s.core.Gone(&h.out, c.client.FiveTuple)
	s.mu.Unlock()
	h.act()
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
		c.conn.Close()
		return false
	}
	c.queue = append(c.queue, message...)
	c.queued.Signal()
	return true
}

// write writes what is queued until the connection is closed.
func (c *stream) write() {
	var taken []byte
	for {
		c.mu.Lock()
		for len(c.queue) == 0 && !c.closed {
			c.queued.Wait()
		}
		if c.closed {
			c.mu.Unlock()
			return
		}
		taken, c.queue = c.queue, taken[:0]
		c.mu.Unlock()
		_ = c.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := c.conn.Write(taken); err != nil {
			c.conn.Close() // its reader comes to know
		}
	}
}

func (c *stream) close() {
	c.mu.Lock()
	c.closed = true
	c.queued.Broadcast()
	c.mu.Unlock()
	c.conn.Close()
}

// allocated says whether the connection has an allocation: without one it doesn't last.
func (c *stream) allocated(yes bool) {
	c.known.Store(yes)
	var until time.Time
	if !yes {
		until = time.Now().Add(unallocatedTime)
	}
	_ = c.conn.SetReadDeadline(until)
}
