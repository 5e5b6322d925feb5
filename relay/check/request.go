package check

import (
	"net/netip"
	"slices"
	"time"

	"github.com/pion/stun/v3"
)

// await is the answer to a request, nil if none comes in time. Over UDP the request goes again after a while, and
// then after twice as long (RFC 8489, section 6.2.1).
func (c *client) await(request *stun.Message) *stun.Message {
	began, answer := time.Now(), c.probe.target.Answer
	waits := []time.Duration{answer / 4, answer * 3 / 4, answer}
	if c.stream {
		waits = waits[2:]
	}
	for i, wait := range waits {
		if i > 0 {
			c.write(request.Raw)
		}
		if m := c.awaitUntil(request, began.Add(wait)); m != nil {
			c.probe.slowest = max(c.probe.slowest, time.Since(began))
			c.note(request, m)
			c.probe.missed = i > 0 // the first answer may have said something else
			return m
		}
		if !isTimeout(c.broken) {
			break
		}
	}
	if c.stream && c.deleted && !isTimeout(c.broken) && !c.probe.closing {
		// That it stays open is a SHOULD (RFC 8489, section 6.2.2).
		c.probe.notOffered("the server closes a stream whose allocation was deleted")
	}
	c.note(request, nil)
	return nil
}

func (c *client) awaitUntil(request *stun.Message, until time.Time) *stun.Message {
	for {
		raw := c.receiveNew(until)
		if raw == nil {
			return nil
		}
		m := &stun.Message{Raw: raw}
		if len(raw) == 0 || raw[0]>>6 != 0 || m.Decode() != nil || m.TransactionID != request.TransactionID ||
			m.Type.Method != request.Type.Method || m.Type.Class != stun.ClassSuccessResponse && m.Type.Class != stun.ClassErrorResponse {
			c.pending = append(c.pending, raw)
			continue
		}
		return m
	}
}

// note takes down what an answer means for the client.
func (c *client) note(request, m *stun.Message) {
	c.probe.missed = m == nil
	if m == nil {
		c.holds = c.holds || request.Type.Method == stun.MethodAllocate
		return
	}
	if c.answered == nil {
		c.answered = make(map[[stun.TransactionIDSize]byte]bool)
	}
	c.answered[m.TransactionID] = true
	lives, err := m.Get(stun.AttrLifetime)
	switch request.Type.Method {
	case stun.MethodAllocate:
		c.holds = c.holds || m.Type.Class == stun.ClassSuccessResponse
	case stun.MethodRefresh:
		if codeOf(m) == stun.CodeAllocMismatch || err == nil && !slices.ContainsFunc(lives, func(b byte) bool { return b != 0 }) {
			c.holds, c.deleted = false, true
		}
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

// as has another user's credentials in place of the client's while something is done.
func (c *client) as(other Credentials, do func()) {
	owner := c.user
	defer func() { c.user = owner }()
	c.user = other
	do()
}

// signed makes a request with credentials.
func (c *client) signed(method stun.Method, attributes ...stun.Setter) *stun.Message {
	return c.build(request(method), append(slices.Clone(attributes),
		text(stun.AttrUsername, c.user.Username), raw(stun.AttrRealm, c.realm), raw(stun.AttrNonce, c.nonce), c.key())...)
}

// do sends a request with credentials.
func (c *client) do(method stun.Method, attributes ...stun.Setter) *stun.Message {
	return c.current(func() *stun.Message { return c.signed(method, attributes...) })
}

// current sends a request that has the nonce, and once more with the one of a 438: a server may end a nonce whenever
// it likes (RFC 8489, section 9.2.4).
func (c *client) current(build func() *stun.Message) *stun.Message {
	m := c.ask(build())
	if codeOf(m) == stun.CodeStaleNonce && m.Contains(stun.AttrNonce) {
		c.learn(m)
		m = c.ask(build())
	}
	return m
}

// binding asks without credentials where the server sees the client, which it need not tell: only STUN servers must.
func (c *client) binding(attributes ...stun.Setter) *stun.Message {
	m := c.ask(c.build(request(stun.MethodBinding), attributes...))
	if m == nil || m.Type.Class != stun.ClassSuccessResponse {
		c.probe.notOffered("Binding is answered with %s", describe(m))
	}
	return m
}

// must demands that a request on the way to what a row is about succeeds.
func (c *client) must(method stun.Method, attributes ...stun.Setter) *stun.Message {
	m := c.do(method, attributes...)
	if m == nil || m.Type.Class != stun.ClassSuccessResponse {
		c.quota(m)
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
	c.algorithms, _ = m.Get(stun.AttrPasswordAlgorithms)
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

// release deletes the allocation, if there may be one.
func (c *client) release() {
	if c.holds && c.realm != nil {
		c.do(stun.MethodRefresh, lifetime(0))
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
