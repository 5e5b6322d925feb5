package dns

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	wire "github.com/miekg/dns"
	"github.com/pion/transport/v3"
)

// Port is where name servers listen.
const Port = 53

// idle is how long a client may keep a TCP connection without a question (RFC 7766, section 6.2.3: some
// seconds).
const idle = 10 * time.Second

// Server answers questions about a zone.
type Server struct {
	addr netip.AddrPort
	udp  transport.UDPConn
	tcp  transport.TCPListener
	zone atomic.Pointer[Zone]
}

// Listen opens UDP and TCP on an address and port. Questions wait there until Serve. Port 0 takes a free
// one.
func Listen(n transport.Net, addr netip.AddrPort, z Zone) (*Server, error) {
	s := &Server{}
	if err := s.SetZone(z); err != nil {
		return nil, err
	}
	tcp, err := n.ListenTCP("tcp", net.TCPAddrFromAddrPort(addr))
	if err != nil {
		return nil, fmt.Errorf("dns: listen on TCP %v: %w", addr, err)
	}
	local, ok := tcp.Addr().(*net.TCPAddr)
	if !ok {
		_ = tcp.Close()
		return nil, fmt.Errorf("dns: listen on TCP %v: it is at %v, which is no TCP address", addr, tcp.Addr())
	}
	s.addr = netip.AddrPortFrom(addr.Addr(), uint16(local.Port))
	udp, err := n.ListenUDP("udp", net.UDPAddrFromAddrPort(s.addr))
	if err != nil {
		_ = tcp.Close()
		return nil, fmt.Errorf("dns: listen on UDP %v: %w", s.addr, err)
	}
	s.tcp, s.udp = tcp, udp
	return s, nil
}

// Addr is where the server listens.
func (s *Server) Addr() netip.AddrPort { return s.addr }

// SetZone replaces the zone from the next question on. It may be called while the server runs.
func (s *Server) SetZone(z Zone) error {
	c, err := z.canonical()
	if err != nil {
		return err
	}
	s.zone.Store(&c)
	return nil
}

// Serve answers until ctx ends, and returns nil then. It closes the server's sockets and its connections
// and waits for everything it started.
func (s *Server) Serve(ctx context.Context) error {
	inner, cancel := context.WithCancel(ctx)
	var children sync.WaitGroup
	failed := make(chan error, 2)
	children.Go(func() { failed <- s.serveUDP() })
	children.Go(func() { failed <- s.serveTCP(inner, &children) })

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	cancel()
	_ = s.udp.Close()
	_ = s.tcp.Close()
	children.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// buffers are for datagrams: a server has one as long as it serves, a resolver for each of its questions.
var buffers = sync.Pool{New: func() any { return new([wire.MaxMsgSize]byte) }}

func (s *Server) serveUDP() error {
	buffer := buffers.Get().(*[wire.MaxMsgSize]byte)
	defer buffers.Put(buffer)
	buf := buffer[:]
	for {
		n, from, err := s.udp.ReadFrom(buf)
		if err != nil {
			return fmt.Errorf("dns: read from UDP %v: %w", s.addr, err)
		}
		if reply := s.zone.Load().answer(buf[:n], 0); reply != nil {
			_, _ = s.udp.WriteTo(reply, from) // who doesn't get an answer asks again
		}
	}
}

func (s *Server) serveTCP(ctx context.Context, children *sync.WaitGroup) error {
	for {
		conn, err := s.tcp.Accept()
		if err != nil {
			return fmt.Errorf("dns: accept on TCP %v: %w", s.addr, err)
		}
		children.Go(func() { s.serveConn(ctx, conn) })
	}
}

// serveConn answers one client's questions in their order, until he goes or is idle.
func (s *Server) serveConn(ctx context.Context, conn net.Conn) {
	defer func() { _ = conn.Close() }()
	defer onDone(ctx, func() { _ = conn.Close() })()
	framed := wire.Conn{Conn: conn}
	for {
		if err := conn.SetDeadline(time.Now().Add(idle)); err != nil {
			return
		}
		query, err := framed.ReadMsgHeader(nil)
		if err != nil {
			return
		}
		reply := s.zone.Load().answer(query, mostTCP)
		if reply == nil {
			return
		}
		if _, err := framed.Write(reply); err != nil {
			return
		}
	}
}

// onDone calls f when ctx ends, unless release was called before. After release f is not running.
func onDone(ctx context.Context, f func()) (release func()) {
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(over)
		f()
	})
	return func() {
		if !stop() {
			<-over
		}
	}
}
