package mutant

import (
	"encoding/binary"
	"net"

	"github.com/pion/transport/v3"
)

// streamNet is a network whose TCP ports for TURN wrap each connection.
type streamNet struct {
	transport.Net
	wrap func(net.Conn) net.Conn
}

// Ports of TURN over TCP: rows T1 to T3 of the whitelist.
const firstTURN, lastTURN = 3433, 3460

func (n streamNet) ListenTCP(network string, local *net.TCPAddr) (transport.TCPListener, error) {
	l, err := n.Net.ListenTCP(network, local)
	if err != nil || local == nil || local.Port < firstTURN || local.Port > lastTURN {
		return l, err
	}
	return streamListener{l, n.wrap}, nil
}

type streamListener struct {
	transport.TCPListener
	wrap func(net.Conn) net.Conn
}

func (l streamListener) Accept() (net.Conn, error) {
	conn, err := l.TCPListener.Accept()
	if err != nil {
		return nil, err
	}
	return l.wrap(conn), nil
}

// segmentConn reads no further than a message's end.
type segmentConn struct{ net.Conn }

func (c segmentConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if end := messageEnd(p[:n]); err == nil && end > 0 {
		n = min(n, end)
	}
	return n, err
}

// messageEnd is where the first message in a stream ends; 0: that isn't known yet.
func messageEnd(p []byte) int {
	switch {
	case len(p) < 4:
		return 0
	case p[0]>>6 == 1: // ChannelData, padded (RFC 8656, section 12.5)
		return 4 + (int(binary.BigEndian.Uint16(p[2:]))+3)&^3
	}
	return 20 + int(binary.BigEndian.Uint16(p[2:]))
}

// boxConn is a client's connection with a box in it.
type boxConn struct {
	net.Conn
	box      *turnBox
	up, seen []byte // what came and is no whole message yet, and what the relay has yet to read
	down     []byte // what the relay has written of a message
	buffer   [4096]byte
}

func (c *boxConn) Read(p []byte) (int, error) {
	for len(c.seen) == 0 {
		n, err := c.Conn.Read(c.buffer[:])
		c.up = append(c.up, c.buffer[:n]...)
		c.up = eachMessage(c.up, func(m []byte) {
			if m, ok := c.box.fromClient(m, c.RemoteAddr()); ok {
				c.seen = append(c.seen, m...)
			}
		})
		if err != nil && len(c.seen) == 0 {
			return 0, err
		}
	}
	n := copy(p, c.seen)
	c.seen = c.seen[n:]
	return n, nil
}

func (c *boxConn) Write(p []byte) (int, error) {
	var told []byte
	c.down = eachMessage(append(c.down, p...), func(m []byte) {
		if m, ok := c.box.toClient(m, c.RemoteAddr()); ok {
			told = append(told, m...)
		}
	})
	if _, err := c.Conn.Write(told); err != nil {
		return 0, err
	}
	return len(p), nil
}

// eachMessage takes whole messages off the beginning of a stream, and returns the rest.
func eachMessage(stream []byte, take func([]byte)) (rest []byte) {
	for end := messageEnd(stream); end > 0 && end <= len(stream); end = messageEnd(stream) {
		take(stream[:end])
		stream = stream[end:]
	}
	return stream
}
