package check

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
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
	relayed      netip.AddrPort // of its allocation
	held         []byte         // of a stream, not yet a frame
	pending      [][]byte       // messages that somebody else waited for
	broken       error          // why nothing was received, if nothing was
}

// write sends bytes as they are.
func (c *client) write(b []byte) {
	if _, err := c.conn.Write(b); err != nil && !c.stream {
		c.probe.end(Broken, "the message couldn't be sent: %v", err)
	} // a stream may have been closed, which the reader comes to know
}

// receive is the next message, nil if none comes in time or the stream ends.
func (c *client) receive(wait time.Duration) []byte {
	if len(c.pending) > 0 {
		m := c.pending[0]
		c.pending = c.pending[1:]
		return m
	}
	return c.receiveNew(time.Now().Add(wait))
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

// await is the answer to a request, nil if none comes in time. Over UDP the request is sent once more.
func (c *client) await(request *stun.Message) *stun.Message {
	now := time.Now()
	again, until := now.Add(c.probe.target.Answer/2), now.Add(c.probe.target.Answer)
	sent := c.stream
	for {
		limit := until
		if !sent {
			limit = again
		}
		raw := c.receiveNew(limit)
		if raw == nil {
			if sent {
				return nil
			}
			sent = true
			c.write(request.Raw)
			continue
		}
		m := &stun.Message{Raw: raw}
		if len(raw) == 0 || raw[0]>>6 != 0 || m.Decode() != nil || m.TransactionID != request.TransactionID {
			c.pending = append(c.pending, raw)
			continue
		}
		return m
	}
}

// ask sends a request and waits for its answer.
func (c *client) ask(request *stun.Message) *stun.Message {
	c.write(request.Raw)
	return c.await(request)
}

// build makes a message of these attributes, without any credentials.
func (c *client) build(kind stun.MessageType, attributes ...stun.Setter) *stun.Message {
	m, err := stun.Build(append([]stun.Setter{stun.TransactionID, kind}, attributes...)...)
	if err != nil {
		panic(err) // a mistake in a row
	}
	return m
}

func request(method stun.Method) stun.MessageType {
	return stun.NewType(method, stun.ClassRequest)
}

func (c *client) key() stun.MessageIntegrity {
	return stun.NewLongTermIntegrity(c.user.Username, string(c.realm), c.user.Password)
}

// signed makes a request with credentials.
func (c *client) signed(method stun.Method, attributes ...stun.Setter) *stun.Message {
	return c.build(request(method), append(slices.Clone(attributes),
		text(stun.AttrUsername, c.user.Username), raw(stun.AttrRealm, c.realm), raw(stun.AttrNonce, c.nonce), c.key())...)
}

// do sends a request with credentials, and with a new nonce if the server wants one.
func (c *client) do(method stun.Method, attributes ...stun.Setter) *stun.Message {
	m := c.ask(c.signed(method, attributes...))
	if m != nil && codeOf(m) == stun.CodeStaleNonce {
		if nonce, err := m.Get(stun.AttrNonce); err == nil {
			c.nonce = nonce
			m = c.ask(c.signed(method, attributes...))
		}
	}
	return m
}

// must demands that a request on the way to what a row is about succeeds.
func (c *client) must(method stun.Method, attributes ...stun.Setter) *stun.Message {
	m := c.do(method, attributes...)
	if m == nil || m.Type.Class != stun.ClassSuccessResponse {
		c.probe.fail("on the way there, %v was answered with %s", method, describe(m))
	}
	return m
}

// challenge learns realm and nonce.
func (c *client) challenge() {
	m := c.ask(c.build(request(stun.MethodAllocate), requestedTransport(udp)))
	if codeOf(m) != stun.CodeUnauthorized {
		c.probe.fail("an Allocate without credentials was answered with %s", describe(m))
	}
	c.learn(m)
}

func (c *client) learn(m *stun.Message) {
	c.realm, _ = m.Get(stun.AttrRealm)
	c.nonce, _ = m.Get(stun.AttrNonce)
}

// allocate makes an allocation, which release deletes.
func (c *client) allocate(attributes ...stun.Setter) *stun.Message {
	m := c.must(stun.MethodAllocate, append([]stun.Setter{requestedTransport(udp)}, attributes...)...)
	c.allocatedBy(m)
	return m
}

func (c *client) allocatedBy(m *stun.Message) {
	at, ok := xorAddress(m, stun.AttrXORRelayedAddress)
	if !ok {
		c.probe.fail("the success has no XOR-RELAYED-ADDRESS")
	}
	c.relayed = at
}

// release deletes the allocation, if there may be one. Nobody waits for the answer.
func (c *client) release() {
	if c.realm != nil {
		_, _ = c.conn.Write(c.signed(stun.MethodRefresh, lifetime(0)).Raw)
	}
}

// send sends a Send indication.
func (c *client) send(attributes ...stun.Setter) {
	c.write(c.build(stun.NewType(stun.MethodSend, stun.ClassIndication), attributes...).Raw)
}

// sendTo sends a payload to a peer by Send indication.
func (c *client) sendTo(to netip.AddrPort, payload []byte) {
	c.send(peerAddress(to), raw(stun.AttrData, payload))
}

// describe says what an answer is, in words.
func describe(m *stun.Message) string {
	if m == nil {
		return "silence"
	}
	var e stun.ErrorCodeAttribute
	if m.Type.Class == stun.ClassErrorResponse {
		if e.GetFrom(m) != nil {
			return fmt.Sprintf("a %v error without a code", m.Type.Method)
		}
		return strings.TrimSpace(fmt.Sprintf("%d %s", e.Code, e.Reason))
	}
	var parts []string
	if at, ok := xorAddress(m, stun.AttrXORRelayedAddress); ok {
		parts = append(parts, fmt.Sprintf("relayed %v", at))
	}
	if b, err := m.Get(stun.AttrLifetime); err == nil && len(b) == 4 {
		parts = append(parts, fmt.Sprintf("lifetime %d s", binary.BigEndian.Uint32(b)))
	}
	words := fmt.Sprintf("%v %v", m.Type.Method, m.Type.Class)
	if len(parts) > 0 {
		words += " with " + strings.Join(parts, ", ")
	}
	return words
}

// describeRaw is likewise for any message.
func describeRaw(b []byte) string {
	m := &stun.Message{Raw: b}
	switch {
	case b == nil:
		return "silence"
	case len(b) >= 4 && b[0]>>6 == 1:
		return fmt.Sprintf("ChannelData on %#x with %d bytes", binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]))
	case m.Decode() != nil:
		return fmt.Sprintf("%d bytes that are no message", len(b))
	}
	return describe(m)
}

func codeOf(m *stun.Message) stun.ErrorCode {
	var e stun.ErrorCodeAttribute
	if m == nil || m.Type.Class != stun.ClassErrorResponse || e.GetFrom(m) != nil {
		return 0
	}
	return e.Code
}
