package mutant

import (
	"net"
	"sync"

	"github.com/pion/stun/v3"
	"github.com/pion/transport/v3"

	"github.com/proxyspec/proxyspec/relay"
)

// turnBox stands between a relay's ports and its clients, and makes the relay look as if it broke a rule: it
// changes what clients ask and what they are answered, and signs it anew, for it knows the secret.
type turnBox struct {
	// up changes a client's request or indication, down an answer to it. They report false to drop it.
	up, down func(b *turnClient, m *turnMessage) bool
	// data changes a client's ChannelData.
	data func(c *turnClient, p []byte) []byte

	secret  []byte
	mu      sync.Mutex
	clients map[string]*turnClient // by protocol and address
}

// turnClient is what a box knows of a client.
type turnClient struct {
	username, nonce []byte
	asked           map[[stun.TransactionIDSize]byte]*turnMessage // as they came
	peers           map[string]bool
	channels        map[uint16]string // number to peer
}

// turning makes relays whose ports have a box in front. A new one is made for each world.
func turning(make func() *turnBox) func() Ground {
	return func() Ground {
		b := make()
		b.clients = map[string]*turnClient{}
		return Ground{
			CloudProxy: func(cfg *relay.Config) { b.secret = cfg.Secret },
			RelayNet: func(n transport.Net) transport.Net {
				return streamNet{turnBoxNet{n, b}, func(c net.Conn) net.Conn { return &boxConn{Conn: c, box: b} }}
			},
		}
	}
}

func (b *turnBox) client(addr net.Addr) *turnClient {
	at := addr.Network() + addr.String()
	c := b.clients[at]
	if c == nil {
		c = &turnClient{asked: map[[stun.TransactionIDSize]byte]*turnMessage{}, peers: map[string]bool{}, channels: map[uint16]string{}}
		b.clients[at] = c
	}
	return c
}

// fromClient is what the relay gets to see of a message.
func (b *turnBox) fromClient(p []byte, from net.Addr) (seen []byte, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(p) > 0 && p[0]>>6 == 1 && b.data != nil {
		return b.data(b.client(from), p), true
	}
	m, isTURN := takeApart(p)
	if !isTURN {
		return p, true
	}
	c := b.client(from)
	original, _ := takeApart(p)
	if name, has := m.find(stun.AttrUsername); has {
		c.username = name
	}
	if b.up == nil {
		c.asked[m.transaction] = original
		return p, true
	}
	if !b.up(c, m) {
		return nil, false
	}
	c.asked[m.transaction] = original
	if same(m, original) {
		return p, true
	}
	return m.bytes(turnKey(b.secret, c.username, relay.Realm)), true
}

func same(a, b *turnMessage) bool {
	return string(a.bytes(stun.MessageIntegrity("x"))) == string(b.bytes(stun.MessageIntegrity("x")))
}

// toClient is what the client gets to see.
func (b *turnBox) toClient(p []byte, to net.Addr) (seen []byte, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	m, isTURN := takeApart(p)
	if !isTURN {
		return p, true
	}
	c := b.client(to)
	if nonce, has := m.find(stun.AttrNonce); has {
		c.nonce = nonce
	}
	if b.down == nil || c.asked[m.transaction] == nil {
		return p, true
	}
	if !b.down(c, m) {
		return nil, false
	}
	return m.bytes(turnKey(b.secret, c.username, relay.Realm)), true
}

// request is the request that an answer answers.
func (c *turnClient) request(answer *turnMessage) *turnMessage { return c.asked[answer.transaction] }

type turnBoxNet struct {
	transport.Net
	box *turnBox
}

func (n turnBoxNet) ListenUDP(network string, local *net.UDPAddr) (transport.UDPConn, error) {
	conn, err := n.Net.ListenUDP(network, local)
	if err != nil || local == nil || local.Port >= firstRelayed {
		return conn, err
	}
	return &turnBoxConn{conn, n.box}, nil
}

type turnBoxConn struct {
	transport.UDPConn
	box *turnBox
}

func (c *turnBoxConn) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.UDPConn.ReadFrom(p)
		if err != nil {
			return n, from, err
		}
		if seen, ok := c.box.fromClient(p[:n], from); ok {
			return copy(p, seen), from, nil
		}
	}
}

func (c *turnBoxConn) WriteTo(p []byte, to net.Addr) (int, error) {
	seen, ok := c.box.toClient(p, to)
	if ok {
		if _, err := c.UDPConn.WriteTo(seen, to); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}
