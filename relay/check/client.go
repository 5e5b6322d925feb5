package check

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/stun/v3"
)

// mostBytes is what a datagram can have.
const mostBytes = 64 << 10

// buffers are for what is read: rows that exhaust a server have clients by the hundred.
var buffers = sync.Pool{New: func() any { return new([mostBytes]byte) }}

// client is one 5-tuple.
type client struct {
	probe  *probe
	conn   net.Conn
	stream bool
	user   Credentials

	realm, nonce []byte
	algorithms   []byte         // PASSWORD-ALGORITHMS that were offered
	relayed      netip.AddrPort // of its allocation
	holds        bool           // it has an allocation, or may have one
	deleted      bool           // it had one, which was deleted
	held         []byte         // of a stream, not yet a frame
	pending      [][]byte       // messages that came while an answer was awaited
	answered     map[[stun.TransactionIDSize]byte]bool
	broken       error // why nothing was received, if nothing was
}

// write sends bytes as they are.
func (c *client) write(b []byte) {
	if _, err := c.conn.Write(b); err != nil && !c.stream && !c.probe.closing {
		c.probe.end(Broken, "the message couldn't be sent: %v", err)
	} // a stream may have been closed, which the reader comes to know
}

// receive is the next message, nil if none comes in time or the stream ends. Over UDP what answers a request for the
// second time isn't one: the request went twice, or the network doubled the answer.
func (c *client) receive(wait time.Duration) (b []byte) {
	until := time.Now().Add(wait)
	for repeated := true; repeated; repeated = c.repeated(b) {
		if len(c.pending) > 0 {
			b, c.pending = c.pending[0], c.pending[1:]
		} else {
			b = c.receiveNew(until)
		}
	}
	c.probe.missed = b == nil
	return b
}

func (c *client) repeated(b []byte) bool {
	m := &stun.Message{Raw: b}
	return !c.stream && len(b) >= 20 && b[0]>>6 == 0 && m.Decode() == nil && c.answered[m.TransactionID]
}

func (c *client) receiveNew(until time.Time) []byte {
	_ = c.conn.SetReadDeadline(until)
	buffer := buffers.Get().(*[mostBytes]byte)
	defer buffers.Put(buffer)
	buf := buffer[:]
	for {
		if n := frame(c.held); c.stream && n > 0 && n <= len(c.held) {
			m := slices.Clone(c.held[:n])
			c.held = c.held[n:]
			return m
		}
		n, err := c.conn.Read(buf)
		if err != nil {
			c.broken = err
			return nil
		}
		if !c.stream {
			return slices.Clone(buf[:n])
		}
		c.held = append(c.held, buf[:n]...)
	}
}

// frame is the length of a stream's first message, with padding; 0 if it can't be told yet.
func frame(b []byte) int {
	switch {
	case len(b) < 4:
		return 0
	case b[0]>>6 == 1:
		return 4 + padded(int(binary.BigEndian.Uint16(b[2:])))
	}
	return 20 + int(binary.BigEndian.Uint16(b[2:]))
}

func padded(n int) int { return (n + 3) &^ 3 }
