package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v4"
)

// acceptPause is how long a TCP port rests when its system has no file to spare for a connection.
const acceptPause = 100 * time.Millisecond

// turnServer speaks TURN (RFC 8656) on all ports of a relay. pion/turn does the speaking, and nothing
// outside this file knows of it; media does the deciding. What is left is what pion doesn't do: to close
// the connections that it has accepted, and to wait for its goroutines.
type turnServer struct {
	media *media
	udp   []net.PacketConn
	tcp   []net.Listener

	loops       sync.WaitGroup // one for each port and each accepted connection
	allocations sync.WaitGroup
	broken      chan error // capacity 1: a port failed

	mu     sync.Mutex
	closed bool
	conns  map[*turnConn]bool
}

func newTURNServer(m *media) *turnServer {
	return &turnServer{media: m, broken: make(chan error, 1), conns: make(map[*turnConn]bool)}
}

func (s *turnServer) listenUDP(at netip.AddrPort) (netip.AddrPort, error) {
	conn, err := openUDP(s.media.net, at)
	if err != nil {
		return netip.AddrPort{}, err
	}
	s.udp = append(s.udp, conn)
	return addrPort(conn.LocalAddr()), nil
}

func (s *turnServer) listenTCP(at netip.AddrPort) (netip.AddrPort, error) {
	l, at, err := listenTCP(s.media.net, at)
	if err == nil {
		s.tcp = append(s.tcp, l)
	}
	return at, err
}

// serve relays media until ctx ends or a port fails. It owns the sockets, and returns when every
// allocation is gone.
func (s *turnServer) serve(ctx context.Context) error {
	m := s.media
	cfg := turn.ServerConfig{
		Realm: Realm,
		AuthHandler: func(username, _ string, client net.Addr) (key []byte, ok bool) {
			password, ok := m.password(username, client)
			return turn.GenerateAuthKey(username, Realm, password), ok
		},
		LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
		EventHandler: turn.EventHandler{
			OnAuth: func(client, server net.Addr, _, username, _, method string, ok bool) {
				if !ok {
					m.denied(tuple(client, server), username, method)
				}
			},
			OnAllocationCreated: func(client, server net.Addr, _, username, _ string, relayed net.Addr, _ int) {
				s.allocations.Add(1)
				m.created(tuple(client, server), username, relayed)
			},
			OnAllocationDeleted: func(client, server net.Addr, _, username, _ string) {
				m.deleted(tuple(client, server), username)
				s.allocations.Done()
			},
			// pion holds locks of its own during these two.
			OnPermissionCreated: func(_, _ net.Addr, _, _, _ string, relayed net.Addr, peer net.IP) { m.permit(relayed, peer, true) },
			OnPermissionDeleted: func(_, _ net.Addr, _, _, _ string, relayed net.Addr, peer net.IP) { m.permit(relayed, peer, false) },
		},
	}
	allows := func(server net.Addr) turn.PermissionHandler {
		return func(client net.Addr, peer net.IP) bool { return m.allows(tuple(client, server), peer) }
	}
	for _, conn := range s.udp {
		cfg.PacketConnConfigs = append(cfg.PacketConnConfigs, turn.PacketConnConfig{
			PacketConn:            &turnPacketConn{conn, s, sync.OnceFunc(s.loops.Done)},
			RelayAddressGenerator: turnAddresses{m, addrPort(conn.LocalAddr())},
			PermissionHandler:     allows(conn.LocalAddr()),
		})
	}
	for _, l := range s.tcp {
		cfg.ListenerConfigs = append(cfg.ListenerConfigs, turn.ListenerConfig{
			Listener:              &turnListener{l, s, sync.OnceFunc(s.loops.Done)},
			RelayAddressGenerator: turnAddresses{m, addrPort(l.Addr())},
			PermissionHandler:     allows(l.Addr()),
		})
	}
	s.loops.Add(len(s.udp) + len(s.tcp))
	if _, err := turn.NewServer(cfg); err != nil {
		s.close() // pion has started nothing
		return fmt.Errorf("start TURN: %w", err)
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-s.broken:
	}
	s.close()
	s.loops.Wait()
	s.allocations.Wait() // which only loops make, and the end of their loop ends
	return err
}

// close closes every port and every client's connection, which ends pion's loops.
func (s *turnServer) close() {
	s.mu.Lock()
	s.closed = true
	conns := s.conns
	s.conns = nil
	s.mu.Unlock()
	for _, conn := range s.udp {
		conn.Close()
	}
	for _, l := range s.tcp {
		l.Close()
	}
	for c := range conns {
		c.Conn.Close()
	}
}

// failed says what an error of a port means: the end of all of them, unless they were closed.
func (s *turnServer) failed(port net.Addr, err error) {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return
	}
	select {
	case s.broken <- fmt.Errorf("serve %s %v: %w", network(port), port, err):
	default: // one is enough
	}
}

// turnAddresses makes the relayed transport addresses of one port's clients.
type turnAddresses struct {
	media  *media
	server netip.AddrPort
}

func (turnAddresses) Validate() error { return nil }

func (a turnAddresses) AllocatePacketConn(_ string, port int) (net.PacketConn, net.Addr, error) {
	c, err := a.media.open(a.server, port)
	if err != nil {
		return nil, nil, err
	}
	return c, c.LocalAddr(), nil
}

func (turnAddresses) AllocateConn(string, int) (net.Conn, net.Addr, error) {
	return nil, nil, errors.New("TCP relayed addresses (RFC 6062) are not offered")
}

// turnPacketConn is a UDP port. pion's loop on it ends with the first error.
type turnPacketConn struct {
	net.PacketConn
	server *turnServer
	ended  func()
}

func (c *turnPacketConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := c.PacketConn.ReadFrom(p)
	if err != nil {
		c.server.failed(c.LocalAddr(), err)
		c.ended()
	}
	return n, from, err
}

// turnListener is a TCP port. pion's loop on it ends with the first error, too.
type turnListener struct {
	net.Listener
	server *turnServer
	ended  func()
}

func (l *turnListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err == nil {
			return l.server.admit(conn), nil
		}
		if e, ok := errors.AsType[temporary](err); ok && e.Temporary() {
			time.Sleep(acceptPause)
			continue
		}
		l.server.failed(l.Addr(), err)
		l.ended()
		return nil, err
	}
}

// temporary is an error of Accept that may not come again: no file to spare, as net/http sees it too.
type temporary interface {
	error
	Temporary() bool
}

// admit keeps a client's connection, so that close finds it.
func (s *turnServer) admit(conn net.Conn) net.Conn {
	s.loops.Add(1)
	c := &turnConn{conn, s, sync.OnceFunc(s.loops.Done)}
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.conns[c] = true
	}
	s.mu.Unlock()
	if closed {
		conn.Close()
	}
	return c
}

// turnConn is a client's TCP connection. Closing it is the last thing that pion's loop on it does.
type turnConn struct {
	net.Conn
	server *turnServer
	ended  func()
}

func (c *turnConn) Close() error {
	c.server.mu.Lock()
	delete(c.server.conns, c)
	c.server.mu.Unlock()
	defer c.ended()
	return c.Conn.Close()
}
