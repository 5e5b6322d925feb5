package selfhosted

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"

	"github.com/pion/logging"
	"github.com/pion/transport/v3"
	"github.com/pion/turn/v4"
)

// TURNServer relays media over UDP for one user: RFC 8656 with long-term credentials, over UDP and TCP on one
// port.
type TURNServer struct {
	Name           string
	Net            transport.Net
	Addr           netip.AddrPort
	User, Password string
	Log            func(Event) // nil: nobody listens

	udp net.PacketConn
	tcp net.Listener

	loops       sync.WaitGroup // of pion: one for each port and each connection
	allocations sync.WaitGroup

	mu     sync.Mutex
	closed bool
	conns  map[*turnConn]bool
	lives  map[string]*relayed // by relayed address
}

const realm = "company"

// Listen takes the ports, so that clients may come.
func (s *TURNServer) Listen() (err error) {
	if s.udp, err = s.Net.ListenPacket("udp4", s.Addr.String()); err != nil {
		return fmt.Errorf("%s: listen: %w", s.Name, err)
	}
	if s.tcp, err = s.Net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(s.Addr)); err != nil {
		_ = s.udp.Close()
		return fmt.Errorf("%s: listen: %w", s.Name, err)
	}
	s.conns, s.lives = map[*turnConn]bool{}, map[string]*relayed{}
	return nil
}

// Serve relays until ctx ends; then every allocation and connection is gone.
func (s *TURNServer) Serve(ctx context.Context) error {
	s.loops.Add(2)
	addresses := relayAddresses{s}
	_, err := turn.NewServer(turn.ServerConfig{
		Realm: realm,
		AuthHandler: func(user, _ string, _ net.Addr) (key []byte, ok bool) {
			return turn.GenerateAuthKey(user, realm, s.Password), user == s.User
		},
		LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
		EventHandler: turn.EventHandler{
			OnAuth: func(client, _ net.Addr, _, user, _, method string, ok bool) {
				if !ok {
					e := s.event(EventRefused, client)
					e.User, e.Detail = user, method+" with a wrong user or password"
					s.log(e)
				}
			},
			OnAllocationCreated: func(client, _ net.Addr, _, user, _ string, at net.Addr, _ int) {
				s.allocations.Add(1)
				e := s.event(EventAllocated, client)
				e.User = user
				s.mu.Lock()
				r := s.lives[at.String()]
				s.mu.Unlock()
				r.begin(e)
				s.log(e)
			},
			OnAllocationDeleted: func(net.Addr, net.Addr, string, string, string) { s.allocations.Done() },
		},
		PacketConnConfigs: []turn.PacketConnConfig{{
			PacketConn: &turnPort{s.udp, sync.OnceFunc(s.loops.Done)}, RelayAddressGenerator: addresses}},
		ListenerConfigs: []turn.ListenerConfig{{
			Listener: &turnListener{s.tcp, s, sync.OnceFunc(s.loops.Done)}, RelayAddressGenerator: addresses}},
	})
	if err != nil {
		s.loops.Add(-2)
	} else {
		<-ctx.Done()
	}
	s.close()
	s.loops.Wait()
	s.allocations.Wait()
	return err
}

// close ends pion's loops, which end everything else.
func (s *TURNServer) close() {
	s.mu.Lock()
	s.closed = true
	conns := s.conns
	s.conns = nil
	s.mu.Unlock()
	_ = s.udp.Close()
	_ = s.tcp.Close()
	for c := range conns {
		_ = c.Conn.Close()
	}
}

func (s *TURNServer) event(name string, client net.Addr) Event {
	e := Event{Name: name, Server: s.Name, To: s.Addr}
	switch a := client.(type) {
	case *net.UDPAddr:
		e.Proto, e.From = "UDP", unmapped(a.AddrPort())
	case *net.TCPAddr:
		e.Proto, e.From = "TCP", unmapped(a.AddrPort())
	}
	return e
}

func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

func (s *TURNServer) log(e Event) {
	if s.Log != nil {
		s.Log(e)
	}
}

// relayAddresses makes relayed transport addresses.
type relayAddresses struct{ server *TURNServer }

func (relayAddresses) Validate() error { return nil }

func (a relayAddresses) AllocatePacketConn(network string, port int) (net.PacketConn, net.Addr, error) {
	s := a.server
	conn, err := s.Net.ListenPacket(network, netip.AddrPortFrom(s.Addr.Addr(), uint16(port)).String())
	if err != nil {
		return nil, nil, err
	}
	r := &relayed{PacketConn: conn, server: s}
	s.mu.Lock()
	s.lives[conn.LocalAddr().String()] = r
	s.mu.Unlock()
	return r, conn.LocalAddr(), nil
}

func (relayAddresses) AllocateConn(string, int) (net.Conn, net.Addr, error) {
	return nil, nil, errors.New("TCP relayed addresses (RFC 6062) are not offered")
}

// relayed is the socket of one allocation.
type relayed struct {
	net.PacketConn
	server *TURNServer

	mu   sync.Mutex
	seen Event
}

func (r *relayed) begin(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = e
}

// count adds a packet and logs the first one of its direction.
func (r *relayed) count(name string, direction func(*Event) *Traffic, peer net.Addr, n int) {
	r.mu.Lock()
	t := direction(&r.seen)
	t.add(n)
	first := t.Packets == 1
	e := r.seen
	r.mu.Unlock()
	if first {
		e.Name, e.Peer = name, peer.String()
		r.server.log(e)
	}
}

func (r *relayed) WriteTo(p []byte, peer net.Addr) (int, error) {
	r.count(EventMediaUp, func(e *Event) *Traffic { return &e.Up }, peer, len(p))
	return r.PacketConn.WriteTo(p, peer)
}

func (r *relayed) ReadFrom(p []byte) (int, net.Addr, error) {
	n, peer, err := r.PacketConn.ReadFrom(p)
	if err == nil {
		r.count(EventMediaDown, func(e *Event) *Traffic { return &e.Down }, peer, n)
	}
	return n, peer, err
}

// Close ends the allocation. Its port may be another's after that.
func (r *relayed) Close() error {
	r.server.mu.Lock()
	delete(r.server.lives, r.LocalAddr().String())
	r.server.mu.Unlock()
	r.mu.Lock()
	e := r.seen
	r.mu.Unlock()
	if e.Server != "" {
		e.Name = EventDeleted
		r.server.log(e)
	}
	return r.PacketConn.Close()
}

// turnPort is the UDP port. pion's loop on it ends with the first error.
type turnPort struct {
	net.PacketConn
	ended func()
}

func (c *turnPort) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := c.PacketConn.ReadFrom(p)
	if err != nil {
		c.ended()
	}
	return n, from, err
}

// turnListener is the TCP port. pion's loop on it ends with the first error, too.
type turnListener struct {
	net.Listener
	server *TURNServer
	ended  func()
}

func (l *turnListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		l.ended()
		return nil, err
	}
	s := l.server
	s.loops.Add(1)
	c := &turnConn{conn, s, sync.OnceFunc(s.loops.Done)}
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.conns[c] = true
	}
	s.mu.Unlock()
	if closed {
		_ = conn.Close()
	}
	return c, nil
}

// turnConn is a client's connection. Closing it is the last thing that pion's loop on it does.
type turnConn struct {
	net.Conn
	server *TURNServer
	ended  func()
}

func (c *turnConn) Close() error {
	c.server.mu.Lock()
	delete(c.server.conns, c)
	c.server.mu.Unlock()
	defer c.ended()
	return c.Conn.Close()
}
