package crowd

import (
	"io"
	"net"
	"sync"

	"github.com/pion/transport/v3"

	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/sim"
)

// mortal is the sockets of a process that can be killed: the system then closes them all, and whoever had them gets no
// word out any more.
type mortal struct {
	*sim.Host
	mu   sync.Mutex
	open map[io.Closer]bool
	dead bool
}

// kill closes every socket, listeners first, and lets none be opened any more.
func (m *mortal) kill() {
	m.mu.Lock()
	open := m.open
	m.open, m.dead = nil, true
	m.mu.Unlock()
	for c := range open {
		if _, is := c.(transport.TCPListener); is {
			_ = c.Close()
		}
	}
	for c := range open {
		_ = c.Close()
	}
}

func (m *mortal) isDead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dead
}

// keep counts a socket among those that die, or closes it at once.
func (m *mortal) keep(c io.Closer) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		_ = c.Close()
		return net.ErrClosed
	}
	if m.open == nil {
		m.open = map[io.Closer]bool{}
	}
	m.open[c] = true
	return nil
}

func (m *mortal) forget(c io.Closer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.open, c)
}

// ListenUDP implements transport.Net.
func (m *mortal) ListenUDP(network string, at *net.UDPAddr) (transport.UDPConn, error) {
	c, err := m.Host.ListenUDP(network, at)
	if err != nil {
		return nil, err
	}
	return mortalUDP{c.(udpConn), m}, m.keep(c)
}

// udpConn is all that a socket of the virtual network can do.
type udpConn interface {
	transport.UDPConn
	relay.AddrPortConn
	sim.UDPHandler
}

type mortalUDP struct {
	udpConn
	of *mortal
}

func (c mortalUDP) Close() error { c.of.forget(c.udpConn); return c.udpConn.Close() }

// ListenTCP implements transport.Net.
func (m *mortal) ListenTCP(network string, at *net.TCPAddr) (transport.TCPListener, error) {
	l, err := m.Host.ListenTCP(network, at)
	if err != nil {
		return nil, err
	}
	return mortalListener{l, m}, m.keep(l)
}

type mortalListener struct {
	transport.TCPListener
	of *mortal
}

func (l mortalListener) Close() error { l.of.forget(l.TCPListener); return l.TCPListener.Close() }

func (l mortalListener) Accept() (net.Conn, error) {
	c, err := l.TCPListener.Accept()
	if err != nil {
		return nil, err
	}
	return mortalConn{c, l.of}, l.of.keep(c)
}

type mortalConn struct {
	net.Conn
	of *mortal
}

func (c mortalConn) Close() error { c.of.forget(c.Conn); return c.Conn.Close() }

// CreateDialer implements transport.Net.
func (m *mortal) CreateDialer(d *net.Dialer) transport.Dialer {
	return mortalDialer{m.Host.CreateDialer(d), m}
}

type mortalDialer struct {
	transport.Dialer
	of *mortal
}

func (d mortalDialer) Dial(network, address string) (net.Conn, error) {
	c, err := d.Dialer.Dial(network, address)
	if err != nil {
		return nil, err
	}
	return mortalConn{c, d.of}, d.of.keep(c)
}
