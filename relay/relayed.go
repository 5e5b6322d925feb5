package relay

import (
	"net"
	"net/netip"
	"sync"

	"github.com/pion/transport/v3"
)

// relayedConn is the socket of one relayed transport address (RFC 8656, section 2). It counts what
// passes between the client and the peers that the client has a permission for.
type relayedConn struct {
	transport.UDPConn
	log     func(Event)
	closing func() // called before the port is free for another

	mu        sync.Mutex
	seen      Event // of the allocation, with its traffic so far
	permitted map[netip.Addr]bool
}

func (c *relayedConn) begin(created Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = created
}

// event is one about the allocation as it is now.
func (c *relayedConn) event(name string) Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.seen
	e.Name = name
	return e
}

func (c *relayedConn) permit(peer netip.Addr, yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !yes {
		delete(c.permitted, peer)
		return
	}
	if c.permitted == nil {
		c.permitted = make(map[netip.Addr]bool)
	}
	c.permitted[peer] = true
}

// WriteTo sends to a peer that has a permission.
func (c *relayedConn) WriteTo(p []byte, peer net.Addr) (int, error) {
	c.mu.Lock()
	c.seen.Up.add(len(p))
	e := c.seen
	c.mu.Unlock()
	if e.Up.Count == 1 {
		e.Name, e.Peer, e.Bytes = EventMediaUp, addrPort(peer), len(p)
		c.log(e)
	}
	return c.UDPConn.WriteTo(p, peer)
}

// ReadFrom receives from anyone: its caller drops what comes from a peer without a permission.
func (c *relayedConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, peer, err := c.UDPConn.ReadFrom(p)
	if err != nil {
		return n, peer, err
	}
	from := addrPort(peer)
	c.mu.Lock()
	permitted := c.permitted[from.Addr()]
	if permitted {
		c.seen.Down.add(n)
	}
	e := c.seen
	c.mu.Unlock()
	if permitted && e.Down.Count == 1 {
		e.Name, e.Peer, e.Bytes = EventMediaDown, from, n
		c.log(e)
	}
	return n, peer, nil
}

func (c *relayedConn) Close() error {
	c.closing()
	return c.UDPConn.Close()
}
