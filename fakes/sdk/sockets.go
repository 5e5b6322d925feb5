package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/pion/transport/v3"

	"github.com/proxyspec/proxyspec/fakes/internal/tasks"
)

const (
	// dialLimit bounds one attempt to connect: a firewall that drops must not eat up the limit of a join.
	dialLimit = 5 * time.Second

	// turnPause is from one TURN server to the next. Allocation, permission, check and nomination take
	// four to five round trips and up to 200 ms of ICE's own clock: a server at 60 ms is the only one asked.
	turnPause = 500 * time.Millisecond
)

// sockets is a network all of whose sockets close together, for a library that may be waiting on one of
// them when its time is up.
//
// ICE would ask all its TURN servers for an allocation at once. Here they are asked one after the other, in
// their order, until ICE is connected: a relay that isn't needed hears nothing, and one seed gives one trace. One that
// has been asked by then is given up, but if it may have made an allocation: that would stay. ICE gives it back with the others.
type sockets struct {
	transport.Net
	life  context.Context
	end   context.CancelFunc
	tasks *tasks.Group // dials that outlive those who asked for them
	turn  []string     // "udp host:port" or "tcp host:port" of the TURN servers, in order

	needed    context.Context // a further TURN server is; ends once ICE is connected
	connected context.CancelFunc

	mu   sync.Mutex
	open []io.Closer
}

func newSockets(nw transport.Net, group *tasks.Group) *sockets {
	s := &sockets{Net: nw, tasks: group}
	s.life, s.end = context.WithCancel(context.Background())
	s.needed, s.connected = context.WithCancel(s.life)
	return s
}

// Close closes every socket, in the order in which they were opened, and lets none be opened any more.
func (s *sockets) Close() {
	s.end()
	s.mu.Lock()
	open := s.open
	s.open = nil
	s.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
}

// settle says that ICE is connected: no other TURN server is asked, and none that was is given credentials any more.
func (s *sockets) settle() {
	s.connected()
	s.closeUnless(func(c *lateConn) bool { return c.claimed.Load() })
}

// giveUp waits no longer for allocations.
func (s *sockets) giveUp() { s.closeUnless(func(c *lateConn) bool { return c.allocated.Load() }) }

// closeUnless closes the sockets to TURN servers over UDP that needn't be kept.
func (s *sockets) closeUnless(keep func(*lateConn) bool) {
	s.mu.Lock()
	open := slices.Clone(s.open)
	s.mu.Unlock()
	for _, c := range open {
		if asking, ok := c.(*lateConn); ok && !keep(asking) {
			_ = asking.Close()
		}
	}
}

// keep takes a socket into those that Close closes. After Close it is closed at once.
func (s *sockets) keep(c io.Closer) error {
	s.mu.Lock()
	if s.life.Err() == nil {
		s.open = append(s.open, c)
		s.mu.Unlock()
		return nil
	}
	s.mu.Unlock()
	_ = c.Close()
	return net.ErrClosed
}

func (s *sockets) forget(c io.Closer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = slices.DeleteFunc(s.open, func(o io.Closer) bool { return o == c })
}

type udpConn struct {
	transport.UDPConn
	s *sockets
}

func (c *udpConn) Close() error { c.s.forget(c.UDPConn); return c.UDPConn.Close() }

type tcpConn struct {
	transport.TCPConn
	s *sockets
}

func (c *tcpConn) Close() error { c.s.forget(c.TCPConn); return c.TCPConn.Close() }

// ResolveUDPAddr is what ICE calls before it uses a TURN server over UDP.
func (s *sockets) ResolveUDPAddr(network, address string) (*net.UDPAddr, error) {
	if err := s.takeTurn("udp " + address); err != nil {
		return nil, err
	}
	return s.Net.ResolveUDPAddr(network, address)
}

// ResolveTCPAddr is what ICE calls before it connects to a TURN server over TCP.
func (s *sockets) ResolveTCPAddr(network, address string) (*net.TCPAddr, error) {
	if err := s.takeTurn("tcp " + address); err != nil {
		return nil, err
	}
	return s.Net.ResolveTCPAddr(network, address)
}

// takeTurn waits until a TURN server is to be asked. An error says that it isn't.
func (s *sockets) takeTurn(server string) error {
	i := slices.Index(s.turn, server)
	if i <= 0 {
		return nil
	}
	timer := time.NewTimer(time.Duration(i) * turnPause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.needed.Done():
		return errors.New("another TURN server is in use, or none is needed any more")
	}
}

// ListenPacket is what ICE calls for a TURN server over UDP, before it says for which. The socket is opened
// with its first packet.
func (s *sockets) ListenPacket(network, address string) (net.PacketConn, error) {
	c := &lateConn{open: func() (net.PacketConn, error) { return s.Net.ListenPacket(network, address) }, ready: make(chan struct{})}
	return c, s.keep(c)
}

func (s *sockets) ListenUDP(network string, local *net.UDPAddr) (transport.UDPConn, error) {
	c, err := s.Net.ListenUDP(network, local)
	if err != nil {
		return nil, err
	}
	return &udpConn{c, s}, s.keep(c)
}

func (s *sockets) DialUDP(network string, local, remote *net.UDPAddr) (transport.UDPConn, error) {
	c, err := s.Net.DialUDP(network, local, remote)
	if err != nil {
		return nil, err
	}
	return &udpConn{c, s}, s.keep(c)
}

// DialTCP is what ICE calls to reach a TURN server over TCP.
func (s *sockets) DialTCP(network string, local, remote *net.TCPAddr) (transport.TCPConn, error) {
	if local != nil {
		return nil, fmt.Errorf("dial %s: %w: a local address", remote, errors.ErrUnsupported)
	}
	c, err := s.DialContext(s.needed, network, remote.String())
	if err != nil {
		return nil, err
	}
	return c.(*tcpConn), nil
}

// DialContext connects within dialLimit, unless ctx ends or the sockets close before.
func (s *sockets) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	stop := context.AfterFunc(s.life, cancel)
	defer stop()
	conn, err := s.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c, ok := conn.(transport.TCPConn)
	if !ok {
		_ = conn.Close()
		return nil, fmt.Errorf("dial %s %s: the network gave a %T, which is no TCP connection", network, address, conn)
	}
	return &tcpConn{c, s}, s.keep(c)
}

// dial lets the network's own DialContext give up, where it has one. Otherwise an attempt that nobody waits
// for any more goes on until its own limit.
func (s *sockets) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if d, ok := s.Net.(interface {
		DialContext(ctx context.Context, network, address string) (net.Conn, error)
	}); ok {
		return d.DialContext(ctx, network, address)
	}
	type outcome struct {
		conn net.Conn
		err  error
	}
	done := make(chan outcome)
	started := s.tasks.Go(func() {
		conn, err := s.CreateDialer(&net.Dialer{Timeout: dialLimit}).Dial(network, address)
		select {
		case done <- outcome{conn, err}:
		case <-ctx.Done():
			if err == nil {
				_ = conn.Close()
			}
		}
	})
	if !started {
		return nil, net.ErrClosed
	}
	select {
	case o := <-done:
		return o.conn, o.err
	case <-ctx.Done():
		return nil, fmt.Errorf("dial %s %s: %w", network, address, context.Cause(ctx))
	}
}
