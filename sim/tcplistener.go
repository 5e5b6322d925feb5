package sim

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/tcp"
)

// tcpListener accepts connections.
type tcpListener struct {
	host   *Host
	family family
	local  netip.AddrPort

	mu       sync.Mutex
	cond     sync.Cond
	queue    []*tcpSocket // connected, not yet accepted
	pending  int          // handshakes under way
	waiting  int
	closed   bool
	deadline deadline
}

// backlog bounds handshakes under way and connections that nobody has accepted, as Linux's
// somaxconn does.
const backlog = 4096

func (h *Host) listenTCP(f family, want netip.AddrPort) (*tcpListener, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	local, err := h.bind(firewall.TCP, f, want, func(a netip.AddrPort) bool { return taken(h, h.listeners, a, f) })
	if err != nil {
		return nil, err
	}
	l := &tcpListener{host: h, family: f, local: local}
	l.cond.L = &l.mu
	h.listeners[f.place(local)] = l
	return l, nil
}

// arrive takes a packet for a flow that doesn't exist; false: it is no SYN, and must be refused.
func (l *tcpListener) arrive(now time.Duration, p *Packet) bool {
	if p.TCP.Flags&(tcp.SYN|tcp.ACK|tcp.RST) != tcp.SYN {
		return false
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return false
	}
	if l.pending+len(l.queue) >= backlog {
		l.mu.Unlock()
		return true // dropped: the client will try again
	}
	l.pending++
	l.mu.Unlock()

	h := l.host
	h.mu.Lock()
	f := flow{p.Dst, p.Src}
	s := h.newTCP(f, tcp.Accept(h.tcpConfig(f), &p.TCP))
	h.mu.Unlock()
	s.listener = l
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pump(now)
	return true
}

// connected queues a connection whose handshake is complete; it reports whether Accept may have
// woken. The connection's lock is held.
func (l *tcpListener) connected(s *tcpSocket) bool {
	s.listener = nil
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending--
	if l.closed {
		s.closed = true
		s.conn.Abort()
		return false
	}
	l.queue = append(l.queue, s)
	l.cond.Signal()
	return l.waiting > 0
}

// gaveUp forgets a handshake that came to nothing.
func (l *tcpListener) gaveUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending--
}

func (l *tcpListener) accept() (*tcpSocket, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch {
		case l.closed:
			return nil, net.ErrClosed
		case l.deadline.passed():
			return nil, os.ErrDeadlineExceeded
		case len(l.queue) > 0:
			s := l.queue[0]
			l.queue = l.queue[1:]
			return s, nil
		}
		l.waiting++
		l.cond.Wait()
		l.waiting--
	}
}

// close stops listening and resets what nobody has accepted.
func (l *tcpListener) close() error {
	orphans, err := l.stop()
	for _, s := range orphans {
		s.mu.Lock()
		s.linger = true
		s.mu.Unlock()
		_ = s.close()
	}
	return err
}

// stop frees the port, before Accept says so to whoever may want it, and returns what nobody has accepted.
func (l *tcpListener) stop() (orphans []*tcpSocket, err error) {
	l.host.mu.Lock()
	defer l.host.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, net.ErrClosed
	}
	delete(l.host.listeners, l.family.place(l.local))
	l.closed = true
	orphans, l.queue = l.queue, nil
	l.deadline.stop()
	l.cond.Broadcast()
	return orphans, nil
}

func (l *tcpListener) setDeadline(at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return net.ErrClosed
	}
	l.deadline.set(at, &l.cond)
	return nil
}
