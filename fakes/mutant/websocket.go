package mutant

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
)

// tapped goes around a handler that takes WebSockets: what was under the WebSocket becomes what tap makes of it.
func tapped(tap func(net.Conn) net.Conn) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(tappedWriter{w, tap}, r) })
	}
}

type tappedWriter struct {
	http.ResponseWriter
	tap func(net.Conn) net.Conn
}

// Unwrap is for http.ResponseController.
func (w tappedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w tappedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, both, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	// What the server has read already comes first.
	conn = w.tap(&readAhead{conn, both.Reader})
	return conn, bufio.NewReadWriter(bufio.NewReader(conn), bufio.NewWriter(conn)), nil
}

type readAhead struct {
	net.Conn
	r *bufio.Reader
}

func (c *readAhead) Read(p []byte) (int, error) { return c.r.Read(p) }

// treatment is what becomes of a message: nothing, itself, or others.
type treatment func(message []byte) [][]byte

// treated are connections whose client's messages, each in one WebSocket frame (RFC 6455, section 5.2), are treated
// before the server reads them.
func treated(make func() treatment) func(net.Conn) net.Conn {
	return func(conn net.Conn) net.Conn {
		return &treatedConn{Conn: conn, in: bufio.NewReader(conn), treat: make()}
	}
}

type treatedConn struct {
	net.Conn
	in    *bufio.Reader
	treat treatment
	ready []byte // treated and not yet read
}

func (c *treatedConn) Read(p []byte) (int, error) {
	for len(c.ready) == 0 {
		if err := c.frame(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.ready)
	c.ready = c.ready[n:]
	return n, nil
}

const text = 1 // opcode

// frame reads a frame of the client's, which is masked.
func (c *treatedConn) frame() error {
	head := make([]byte, 2, 14)
	if _, err := io.ReadFull(c.in, head); err != nil {
		return err
	}
	long := map[byte]int{126: 2, 127: 8}[head[1]&0x7f]
	head = head[:2+long+4]
	if _, err := io.ReadFull(c.in, head[2:]); err != nil {
		return err
	}
	size := uint64(head[1] & 0x7f)
	switch long {
	case 2:
		size = uint64(binary.BigEndian.Uint16(head[2:]))
	case 8:
		size = binary.BigEndian.Uint64(head[2:])
	}
	payload := make([]byte, size)
	if _, err := io.ReadFull(c.in, payload); err != nil {
		return err
	}
	if head[0] != 0x80|text {
		c.ready = append(head, payload...)
		return nil
	}
	key := head[len(head)-4:]
	for i := range payload {
		payload[i] ^= key[i%4]
	}
	for _, message := range c.treat(payload) {
		c.ready = append(c.ready, masked(message)...)
	}
	return nil
}

// masked is a text message as a client's frame, with a key that changes nothing.
func masked(message []byte) []byte {
	frame := []byte{0x80 | text}
	switch n := len(message); {
	case n < 126:
		frame = append(frame, 0x80|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(n))
	}
	return append(append(frame, 0, 0, 0, 0), message...)
}
