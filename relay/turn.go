package relay

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/proxyspec/proxyspec/relay/turn"
)

// acceptPause is how long a TCP port rests when its system has no file to spare for a connection.
const acceptPause = 100 * time.Millisecond

// largestPacket is the longest datagram that is read from a UDP port: the longest there is.
const largestPacket = 64 << 10

// turnServer is the sockets around relay/turn, which decides everything: it speaks TURN (RFC 8656) on all ports
// of a relay. Each port, connection and relayed transport address has a goroutine that reads from it, tells
// the core, and carries out what the core says; another one waits for the core's next deadline. The core is
// locked while it thinks, never during I/O.
type turnServer struct {
	media *media
	udp   []*packetConn
	tcp   []net.Listener

	tasks  sync.WaitGroup // one for every goroutine
	broken chan error     // capacity 1: a port failed
	wake   chan struct{}  // capacity 1: the core has an earlier deadline

	mu      sync.Mutex
	core    *turn.Server
	armed   time.Time // when the core is ticked next; zero: not at all
	stopped bool
	ports   *rand.Rand // for relayed transport addresses
	streams map[*stream]bool
}

func newTURNServer(m *media) (*turnServer, error) {
	// Nonces survive a restart; ports and tokens are drawn anew, and nobody without the secret can tell which.
	derive := func(what string) []byte { return signClaims(m.cloud.cfg.Secret, []byte(what+" of "+m.name)) }
	random := rand.NewChaCha8([32]byte(derive(fmt.Sprint("ports at ", time.Now().UnixNano()))))
	core, err := turn.New(m.config(derive("nonces"), random))
	if err != nil {
		return nil, err
	}
	return &turnServer{
		media: m, core: core, ports: rand.New(random),
		broken: make(chan error, 1), wake: make(chan struct{}, 1), streams: make(map[*stream]bool),
	}, nil
}

func (s *turnServer) listenUDP(at netip.AddrPort) (netip.AddrPort, error) {
	conn, err := openUDP(s.media.net, at)
	if err != nil {
		return netip.AddrPort{}, err
	}
	s.udp = append(s.udp, conn)
	return conn.local, nil
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
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for _, conn := range s.udp {
		s.tasks.Go(func() { s.servePackets(conn) })
	}
	for _, l := range s.tcp {
		s.tasks.Go(func() { s.accept(l) })
	}
	s.tasks.Go(func() { s.keepTime(ctx) })
	var err error
	select {
	case <-ctx.Done():
	case err = <-s.broken:
	}
	stop()
	s.close()
	s.tasks.Wait()
	return err
}

// close ends every allocation and closes every port and connection, which ends the goroutines on them.
func (s *turnServer) close() {
	var out turn.Output
	s.mu.Lock()
	s.stopped = true
	s.core.Stop(&out)
	streams := slices.SortedFunc(maps.Keys(s.streams), func(a, b *stream) int { // in the same order every time
		return cmp.Or(a.client.Server.Compare(b.client.Server), a.client.Client.Compare(b.client.Client))
	})
	s.streams = nil
	s.mu.Unlock()
	s.act(&out)
	for _, conn := range s.udp {
		conn.Close()
	}
	for _, l := range s.tcp {
		l.Close()
	}
	for _, c := range streams {
		c.conn.Close()
	}
}

// failed says what an error of a port means: the end of all of them, unless they were closed.
func (s *turnServer) failed(proto string, port netip.AddrPort, err error) {
	s.mu.Lock()
	stopped := s.stopped
	s.mu.Unlock()
	if stopped {
		return
	}
	select {
	case s.broken <- fmt.Errorf("serve %s %v: %w", proto, port, err):
	default: // one is enough
	}
}

// servePackets hands what arrives at a UDP port to the core.
func (s *turnServer) servePackets(conn *packetConn) {
	var out turn.Output
	buf := make([]byte, largestPacket)
	client := turn.Client{FiveTuple: turn.FiveTuple{Server: conn.local}, Via: conn}
	for {
		n, from, err := conn.read(buf)
		if err != nil {
			s.failed("UDP", conn.local, err)
			return
		}
		client.Client = from
		s.fromClient(&out, client, buf[:n])
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

// temporary is an error of Accept that may not come again: no file to spare, as net/http sees it too.
type temporary interface {
	error
	Temporary() bool
}

// keepTime ticks the core when it is due.
func (s *turnServer) keepTime(ctx context.Context) {
	var out turn.Output
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		s.mu.Lock()
		if !s.stopped {
			s.core.Tick(&out, time.Now())
		}
		at, any := s.core.Deadline()
		s.armed = at
		s.mu.Unlock()
		s.act(&out)
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

// fromClient handles one message of a client.
func (s *turnServer) fromClient(out *turn.Output, c turn.Client, message []byte) {
	s.mu.Lock()
	if !s.stopped {
		s.core.FromClient(out, time.Now(), c, message)
		s.arm()
	}
	s.mu.Unlock()
	s.act(out)
}

// fromPeer handles one datagram of a peer.
func (s *turnServer) fromPeer(out *turn.Output, socket *turn.Socket, peer netip.AddrPort, payload []byte) {
	s.mu.Lock()
	s.core.FromPeer(out, time.Now(), socket, peer, payload)
	s.mu.Unlock()
	s.act(out)
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

// act carries out what the core said, in its order: so an event is in the log before anyone else can know.
func (s *turnServer) act(out *turn.Output) {
	for i := 0; i < len(out.Actions); i++ { // opening a socket adds more
		a := &out.Actions[i]
		s.media.log(a)
		switch a.Kind {
		case turn.Open:
			s.open(out, *a)
		case turn.Close:
			a.Socket.Owner.(*relayedConn).conn.Close()
		case turn.ToPeer:
			if _, err := a.Socket.Owner.(*relayedConn).conn.write(a.Payload, a.Peer); err != nil {
				s.undelivered(a)
			}
		case turn.ToClient:
			if !s.toClient(a) && a.Data {
				s.undelivered(a)
			}
		case turn.Created:
			if c, ok := a.Client.Via.(*stream); ok {
				c.allocated(true)
			}
			relayed := a.Socket.Owner.(*relayedConn)
			s.tasks.Go(func() { s.serveRelayed(relayed) })
		case turn.Deleted:
			if c, ok := a.Client.Via.(*stream); ok {
				c.allocated(false)
			}
		}
	}
	out.Reset()
}

func (s *turnServer) toClient(a *turn.Action) bool {
	switch via := a.Client.Via.(type) {
	case *packetConn:
		_, err := via.write(a.Payload, a.Client.Client)
		return err == nil
	case *stream:
		return via.send(a.Payload, a.Data)
	}
	return false
}

func (s *turnServer) undelivered(a *turn.Action) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.core.Undelivered(*a)
}

// open opens the sockets of relayed transport addresses, and tells the core.
func (s *turnServer) open(out *turn.Output, a turn.Action) {
	at, err := s.openPorts(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.core.NotOpened(out, a.Client.FiveTuple, a.Socket, err)
		return
	}
	s.core.Opened(out, time.Now(), a.Client.FiveTuple, a.Socket, at)
	s.arm()
}
