package relay

import (
	"net"
	"time"

	"github.com/proxyspec/proxyspec/relay/batch"
)

// adopt gives a connection without TLS to a group of sockets, if there are groups and it is the operating system's:
// then no goroutine waits for it.
func (s *turnServer) adopt(h *hand, c *stream) bool {
	begun, plain := c.conn.(*begunConn)
	if !plain || len(s.groups) == 0 {
		return false
	}
	outer, ok := c.raw.(*counted)
	if !ok {
		return false
	}
	conn, ok := outer.Conn.(*net.TCPConn)
	if !ok {
		return false
	}
	first := begun.first // which the group won't see any more
	begun.first = nil
	if c.take(first, func(message []byte) { h.fromClient(c.client, message) }) != nil {
		return false // reading on finds the same
	}
	socket, err := s.nextGroup().Adopt(conn, c)
	if err != nil {
		return false
	}
	c.join(socket)
	c.flush()
	return true
}

// join says that a group reads the connection, and has perhaps told of its end already.
func (c *stream) join(socket *batch.Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.socket = socket
	if c.closed {
		c.release()
		return
	}
	c.expect()
}

// expect ends the connection if it has no allocation in time. c.mu is held.
func (c *stream) expect() {
	if c.late != nil {
		c.late.Stop()
		c.late = nil
	}
	if !c.known.Load() {
		c.late = time.AfterFunc(time.Until(c.until), c.giveUp)
	}
}

// giveUp ends the connection of a client that has had its time.
func (c *stream) giveUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.hangUp()
	}
}

// writeSome writes what the system takes, and asks to be told when it takes more. c.mu is held.
func (c *stream) writeSome() {
	n, err := c.socket.Send(c.queue.bytes)
	c.queue.written(n)
	if err != nil {
		c.hangUp()
		return
	}
	if len(c.queue.bytes) > 0 {
		c.writing = true
		c.stuck = time.AfterFunc(writeTimeout, c.giveUp)
		c.socket.AwaitRoom()
	} else {
		c.queue.trim()
	}
}

// room says that the system takes more.
func (c *stream) room() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = false
	if c.stuck != nil {
		c.stuck.Stop()
		c.stuck = nil
	}
}

// release frees what a connection in a group has. c.mu is held.
func (c *stream) release() {
	for _, timer := range []*time.Timer{c.late, c.stuck} {
		if timer != nil {
			timer.Stop()
		}
	}
	if c.socket != nil {
		c.socket.Close()
	}
}
