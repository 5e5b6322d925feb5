package sim

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/tcp"
)

// tcpSocket is one end of a TCP connection: the state machine of package tcp, its lock, and the
// goroutines that wait for it.
type tcpSocket struct {
	host          *Host
	local, remote netip.AddrPort
	id            uint64
	listener      *tcpListener // that it came from, until it is accepted

	mu       sync.Mutex
	cond     sync.Cond
	conn     *tcp.Conn
	emit     func(tcp.Segment) // send, kept: a new one for each burst would be garbage
	now      time.Duration     // during a burst
	marked   bool
	sent     uint64
	planned  time.Duration // when a tick is planned; 0: none
	readers  int
	writers  int
	dialling bool
	closed   bool // by the application
	linger   bool // Close waits for nothing and resets
	read     deadline
	write    deadline
}

// newTCP registers a socket for a flow. h.mu is held.
func (h *Host) newTCP(f flow, conn *tcp.Conn) *tcpSocket {
	s := &tcpSocket{host: h, local: f.local, remote: f.remote, id: h.number(), conn: conn}
	s.cond.L = &s.mu
	s.emit = s.send
	h.tcp[f] = s
	return s
}

// tcpConfig is what a new connection begins with.
func (h *Host) tcpConfig(f flow) tcp.Config {
	return tcp.Config{ISS: h.sequence(f), MSS: MTU - ipHeader(f.remote.Addr()) - tcpHeader}
}

// sequence is where a connection's numbers begin: somewhere for each flow, and four microseconds later one
// further (RFC 6528), so that a new connection of an old flow begins beyond the old one's numbers.
func (h *Host) sequence(f flow) uint32 {
	return h.net.rand("connection "+f.local.String()+" "+f.remote.String()).Uint32() + uint32(h.net.now()/(4*time.Microsecond))
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// dialTCP connects, or says why it could not.
func (h *Host) dialTCP(ctx context.Context, f family, want, remote netip.AddrPort) (*tcpSocket, error) {
	remote = f.target(remote)
	if err := f.check(remote.Addr(), syscall.ENETUNREACH); err != nil {
		return nil, err
	}
	if err := h.reachable(remote.Addr()); err != nil {
		return nil, err
	}
	if remote.Addr().IsMulticast() || remote.Addr() == broadcast {
		return nil, syscall.ENETUNREACH // a connection has one other end
	}
	if !want.Addr().IsValid() || want.Addr().IsUnspecified() {
		want = netip.AddrPortFrom(h.source(remote.Addr()), want.Port())
	}
	if want.Addr().Unmap().Is4() != remote.Addr().Is4() {
		return nil, syscall.ENETUNREACH
	}
	h.mu.Lock()
	local, err := h.bind(firewall.TCP, f, want, func(a netip.AddrPort) bool {
		return h.tcp[flow{a, remote}] != nil || socketFor(h.listeners, a) != nil
	})
	if err != nil {
		h.mu.Unlock()
		return nil, err
	}
	s := h.newTCP(flow{local, remote}, tcp.Open(h.tcpConfig(flow{local, remote})))
	h.mu.Unlock()

	wake := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.cond.Broadcast()
	}
	defer context.AfterFunc(ctx, wake)()
	over := h.net.over // from then on nobody tries again, nor gives up
	defer context.AfterFunc(over, wake)()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialling = true
	s.mark()
	for !s.conn.Connected() && s.conn.State() != tcp.Closed && ctx.Err() == nil && over.Err() == nil {
		s.cond.Wait()
	}
	s.dialling = false
	if s.conn.Connected() {
		return s, nil
	}
	if err = s.conn.Err(); err == nil && ctx.Err() != nil {
		err = gaveUp{ctx.Err()}
	} else if err == nil {
		err = syscall.ENETDOWN
	}
	s.closed = true
	s.abort()
	s.mark()
	return nil, err
}

func (s *tcpSocket) order() uint64 { return s.id }

// mark tells the loop that there is something to send. s.mu is held.
func (s *tcpSocket) mark() {
	if !s.marked {
		s.marked = true
		s.host.net.mark(s)
	}
}

func (s *tcpSocket) flush(now time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marked = false
	s.pump(now)
	return s.wake()
}

// arrive takes a segment. It has the network's clock, not the time for which the event was planned: in real
// time the loop may be late, and a timer that begins in the past runs out too early. If it wakes the application, what must be sent waits until that has run: an
// answer then carries the acknowledgement.
func (s *tcpSocket) arrive(seg *tcp.Segment) (woke bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.host.net.now()
	was := s.conn.Connected()
	s.conn.Arrive(now, seg)
	if !was && s.conn.Connected() && s.listener != nil {
		woke = s.listener.connected(s)
	}
	if s.wake() || woke {
		s.mark()
		return true
	}
	if !s.marked {
		s.pump(now)
	}
	return false
}

func (s *tcpSocket) tick(time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.host.net.now()
	s.planned = 0
	s.conn.Tick(now)
	s.pump(now)
	return s.wake()
}

// unreachable takes an ICMP error: it ends an attempt to connect, and is only a hint afterwards
// (RFC 5927, 5.2).
func (s *tcpSocket) unreachable(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn.Connected() {
		return false
	}
	s.conn.Fail(err)
	s.mark()
	return s.wake()
}

// tooBig takes the news that a packet was longer than mtu, somewhere on its way. One that has the least
// MTU that there is, or says nothing, isn't believed (RFC 5927, 7.2).
func (s *tcpSocket) tooBig(now time.Duration, mtu int) {
	least := 576
	if s.remote.Addr().Is6() {
		least = 1280
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn.SetMSS(max(mtu, least) - ipHeader(s.remote.Addr()) - tcpHeader)
	s.pump(now)
}

// pump sends what may be sent and plans the next tick. Only the loop calls it; s.mu is held.
func (s *tcpSocket) pump(now time.Duration) {
	s.now = now
	s.conn.Output(now, s.emit)
	// A tick that is planned too late is useless; one planned too early finds nothing due, and plans
	// the next.
	if at, ok := s.conn.Deadline(); ok && (s.planned == 0 || at < s.planned) {
		s.planned = at
		s.host.net.plan(event{at: at, flow: s.id, number: timerNumber, timer: s})
	}
	if s.conn.State() == tcp.Closed {
		if s.listener != nil {
			s.listener.gaveUp()
			s.listener = nil
		}
		s.forget()
	}
}

func (s *tcpSocket) send(seg tcp.Segment) {
	s.sent++
	s.host.send(s.now, &Packet{
		Proto: firewall.TCP, Src: s.local, Dst: s.remote, TTL: initialTTL, TCP: seg, journey: journey{flow: s.id, number: s.sent},
	})
}

// yields tells whether the connection, over but for TIME-WAIT, makes room for a new one, and makes it.
func (s *tcpSocket) yields(seg *tcp.Segment) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.conn.Reusable(seg) {
		return false
	}
	s.conn.Fail(nil)
	s.forget()
	return true
}

// forget frees the flow for the next connection.
func (s *tcpSocket) forget() {
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	if f := (flow{s.local, s.remote}); s.host.tcp[f] == s {
		delete(s.host.tcp, f)
	}
}

// wake wakes those whose condition holds; it reports whether there were any. s.mu is held.
func (s *tcpSocket) wake() bool {
	over := s.conn.State() == tcp.Closed
	if s.readers > 0 && (over || s.conn.Readable()) ||
		s.writers > 0 && (over || s.conn.Writable()) ||
		s.dialling && (over || s.conn.Connected()) {
		s.cond.Broadcast()
		return true
	}
	return false
}

func (s *tcpSocket) readBytes(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.closed {
			return 0, net.ErrClosed
		}
		if len(p) == 0 {
			return 0, nil
		}
		if s.read.passed() {
			return 0, os.ErrDeadlineExceeded
		}
		n, err := s.conn.Read(p)
		if s.conn.Owes() {
			s.mark() // a window update
		}
		if n > 0 || err != nil {
			return n, err
		}
		if s.conn.State() == tcp.Closed {
			return 0, net.ErrClosed
		}
		s.readers++
		s.cond.Wait()
		s.readers--
	}
}

func (s *tcpSocket) writeBytes(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	written := 0
	for {
		if s.closed {
			return written, net.ErrClosed
		}
		if s.write.passed() {
			return written, os.ErrDeadlineExceeded
		}
		n, err := s.conn.Write(p[written:])
		written += n
		if n > 0 {
			s.mark()
		}
		if err != nil || written == len(p) {
			return written, err
		}
		s.writers++
		s.cond.Wait()
		s.writers--
	}
}

// close ends both directions; what is queued still goes out.
func (s *tcpSocket) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.closed = true
	s.read.stop()
	s.write.stop()
	if s.linger {
		s.abort()
	} else {
		s.conn.Close(s.host.net.now())
	}
	s.mark()
	s.cond.Broadcast()
	return nil
}

// abort ends the connection, whose ports are free from now on. s.mu is held.
func (s *tcpSocket) abort() {
	s.conn.Abort()
	s.forget()
}

// shut ends one direction, if there is one.
func (s *tcpSocket) shut(direction func(c *tcp.Conn)) (err error) {
	closed := s.do(func(c *tcp.Conn) {
		if c.State() == tcp.Closed || c.State() == tcp.TimeWait {
			err = syscall.ENOTCONN
			return
		}
		direction(c)
	})
	return cmp.Or(closed, err)
}

// do changes the connection for the application.
func (s *tcpSocket) do(change func(c *tcp.Conn)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	change(s.conn)
	s.mark()
	s.cond.Broadcast()
	return nil
}

func (s *tcpSocket) setDeadline(d *deadline, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	d.set(at, &s.cond)
	return nil
}
