package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/proxyspec/proxyspec/relay/batch"
	"github.com/proxyspec/proxyspec/relay/turn"
)

// acceptPause is how long a TCP port rests when its system has no file to spare for a connection.
const acceptPause = 100 * time.Millisecond

// maxGroups is how many readers of sockets a relay has at most: they share one core.
const maxGroups = 4

// largestPacket is the longest datagram that is read from a UDP port: the longest there is.
const largestPacket = 64 << 10

// turnServer is the sockets around relay/turn, which decides everything: it speaks TURN (RFC 8656) on all ports
// of a relay. A goroutine reads from each group of sockets, or from each of them where the system doesn't group them
// or there is TLS in it. A reader tells the core what came, and carries out what the core says: it is a hand. Another
// one waits for the core's next deadline. The core is locked while it thinks, never during I/O.
type turnServer struct {
	media  *media
	groups []*batch.Group // of sockets; none: the system has none
	udp    []*packetConn
	tcp    []net.Listener

	opened  atomic.Uint64  // sockets, ever: they go to the groups in turn
	tasks   sync.WaitGroup // one for every goroutine
	hands   sync.Pool      // of *hand, for relayed transport addresses
	broken  chan error     // capacity 1: a port failed
	wake    chan struct{}  // capacity 1: the core has an earlier deadline
	drained chan struct{}  // capacity 1: there is no allocation left, and there will be none

	mu       sync.Mutex
	core     *turn.Server
	armed    time.Time // when the core is ticked next; zero: not at all
	stopped  bool
	draining bool
	ports    *rand.Rand // for relayed transport addresses
	streams  map[*stream]bool
}

func newTURNServer(m *media) (*turnServer, error) {
	// Nonces survive a restart; ports and tokens are drawn anew, and nobody without the secret can tell which.
	derive := func(what string) []byte { return signClaims(m.cloud.cfg.Secret, []byte(what+" of "+m.name)) }
	random := rand.NewChaCha8([32]byte(derive(fmt.Sprint("ports at ", time.Now().UnixNano()))))
	core, err := turn.New(m.config(derive("nonces"), random))
	if err != nil {
		return nil, err
	}
	s := &turnServer{
		media: m, core: core, ports: rand.New(random),
		broken: make(chan error, 1), wake: make(chan struct{}, 1), drained: make(chan struct{}, 1), streams: make(map[*stream]bool),
	}
	s.hands.New = func() any { return s.newHand() }
	if err := s.group(); err != nil {
		s.close() // the groups before
		return nil, err
	}
	return s, nil
}

// group makes groups of sockets where the host has them: one for each processor, but not for more than one relay
// can keep busy.
func (s *turnServer) group() error {
	host, ok := s.media.net.(batch.Host)
	if !ok {
		return nil
	}
	for range min(runtime.GOMAXPROCS(0), maxGroups) {
		g, err := host.NewGroup()
		if errors.Is(err, batch.ErrUnsupported) {
			return nil
		} else if err != nil {
			return err
		}
		s.groups = append(s.groups, g)
	}
	return nil
}

func (s *turnServer) listenUDP(at netip.AddrPort) (netip.AddrPort, error) {
	conn, err := s.openUDP(at, nil)
	if err != nil {
		return netip.AddrPort{}, err
	}
	s.udp = append(s.udp, conn)
	return conn.local, nil
}

func (s *turnServer) listenTCP(at netip.AddrPort) (netip.AddrPort, error) {
	l, at, err := s.media.doors.listenTCP(s.media.net, at)
	if err == nil {
		s.tcp = append(s.tcp, l)
	}
	return at, err
}

// serve relays media until ctx ends or a port fails, or the last allocation has gone after drain was closed. It owns
// the sockets, and returns when every allocation is gone.
func (s *turnServer) serve(ctx context.Context, drain <-chan struct{}) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for _, g := range s.groups {
		s.tasks.Go(func() { s.serveGroup(g) })
	}
	for _, conn := range s.udp {
		if conn.socket == nil {
			s.servePackets(conn)
		}
	}
	for _, l := range s.tcp {
		s.tasks.Go(func() { s.accept(l) })
	}
	s.tasks.Go(func() { s.keepTime(ctx) })
	var err error
	select {
	case <-ctx.Done():
	case err = <-s.broken:
	case <-drain:
		s.drain()
		select {
		case <-ctx.Done():
		case err = <-s.broken:
		case <-s.drained:
		}
	}
	stop()
	s.close()
	s.tasks.Wait()
	return err
}

// refuse takes no new allocation.
func (s *turnServer) refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	s.core.Drain()
}

// drain takes no new connection and no new allocation.
func (s *turnServer) drain() {
	s.refuse()
	for _, l := range s.tcp {
		l.Close()
	}
	s.ended()
}

// ended says that there is one allocation less.
func (s *turnServer) ended() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining && s.core.Idle() {
		select {
		case s.drained <- struct{}{}:
		default: // it has been said
		}
	}
}

// close ends every allocation and closes every port and connection, which ends the goroutines on them.
func (s *turnServer) close() {
	h := s.newHand()
	s.mu.Lock()
	s.stopped = true
	for c := range s.streams {
		c.abandon(s.core)
	}
	s.core.Stop(&h.out)
	streams := slices.SortedFunc(maps.Keys(s.streams), func(a, b *stream) int { // in the same order every time
		return cmp.Or(a.client.Server.Compare(b.client.Server), a.client.Client.Compare(b.client.Client))
	})
	s.streams = nil
	s.mu.Unlock()
	h.act()
	for _, conn := range s.udp {
		conn.Close()
	}
	for _, g := range s.groups {
		g.Close()
	}
	for _, l := range s.tcp {
		l.Close()
	}
	for _, c := range streams {
		c.close()
	}
}

// failed says what an error of a port means: the end of all of them, unless they were closed.
func (s *turnServer) failed(proto string, port netip.AddrPort, err error) {
	s.mu.Lock()
	expected := s.stopped || s.draining && proto == "TCP"
	s.mu.Unlock()
	if expected {
		return
	}
	select {
	case s.broken <- fmt.Errorf("serve %s %v: %w", proto, port, err):
	default: // one is enough
	}
}

// accept serves the connections of a TCP port.
func (s *turnServer) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err == nil {
			s.tasks.Go(func() { s.serveStream(conn) })
			continue
		}
		if e, ok := err.(temporary); ok && e.Temporary() {
			time.Sleep(acceptPause)
			continue
		}
		s.failed("TCP", addrPort(l.Addr()), err)
		return
	}
}

// keepTime ticks the core when it is due.
func (s *turnServer) keepTime(ctx context.Context) {
	h := s.newHand()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		s.mu.Lock()
		if !s.stopped {
			s.core.Tick(&h.out, time.Now())
		}
		at, any := s.core.Deadline()
		s.armed = at
		s.mu.Unlock()
		h.act()
		s.ended() // a reserved port, say
		timer.Stop()
		if any {
			timer.Reset(time.Until(at))
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// arm wakes keepTime if the core has a deadline before the one that it waits for. s.mu is held.
func (s *turnServer) arm() {
	at, any := s.core.Deadline()
	if !any || !s.armed.IsZero() && !at.Before(s.armed) {
		return
	}
	s.armed = at
	select {
	case s.wake <- struct{}{}:
	default: // it has been woken
	}
}
