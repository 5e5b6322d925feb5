package relay

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/transport/v3"
)

// doors counts a node's TCP connections, whatever they have said so far, so that nobody can fill it by connecting:
// Limits.Connections in all, Limits.SourceConnections of one address.
type doors struct {
	cloud   *Cloud
	node    string
	purpose string

	mu      sync.Mutex
	open    int
	sources map[netip.Addr]int
	refused int       // since it was told
	told    time.Time // at most once a second: whoever floods a port must not flood the log
}

// listenTCP listens at an address, and where it really listens. A connection beyond a limit is closed before a byte
// is read from it.
func (d *doors) listenTCP(n transport.Net, at netip.AddrPort) (net.Listener, netip.AddrPort, error) {
	l, at, err := listenTCP(n, at)
	if err != nil {
		return nil, at, err
	}
	return &guarded{l, d}, at, nil
}

func (c *Cloud) doors(node, purpose string) *doors {
	return &doors{cloud: c, node: node, purpose: purpose, sources: make(map[netip.Addr]int)}
}

// enter says whether a connection may stay.
func (d *doors) enter(from, to netip.AddrPort) bool {
	l := d.cloud.cfg.Limits
	d.mu.Lock()
	if (l.Connections < 0 || d.open < l.Connections) && (l.SourceConnections < 0 || d.sources[from.Addr()] < l.SourceConnections) {
		d.open++
		d.sources[from.Addr()]++
		d.mu.Unlock()
		return true
	}
	d.mu.Unlock()
	d.tell(from, to, "too many are open, of this address or in all")
	return false
}

// tell says that a connection can't be had.
func (d *doors) tell(from, to netip.AddrPort, why string) {
	d.mu.Lock()
	d.refused++
	refused, now := d.refused, time.Now()
	tell := now.Sub(d.told) >= time.Second
	if tell {
		d.refused, d.told = 0, now
	}
	d.mu.Unlock()
	if tell {
		d.cloud.cfg.Log(Event{
			Name: EventConnectionRefused, Node: d.node, Purpose: d.purpose, Proto: "TCP", From: from, To: to,
			Count: refused, Code: CodeCapacity,
			Detail: fmt.Sprintf("%d connections since this was last told: %s", refused, why),
		})
	}
}

func (d *doors) leave(from netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open--
	if d.sources[from]--; d.sources[from] == 0 {
		delete(d.sources, from)
	}
}

type guarded struct {
	net.Listener
	doors *doors
}

// temporary is an error of Accept that may not come again: no file to spare, as net/http sees it too.
type temporary interface {
	error
	Temporary() bool
}

// Accept is the next connection that may stay.
func (g *guarded) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if e, ok := err.(temporary); ok && e.Temporary() {
			g.doors.tell(netip.AddrPort{}, addrPort(g.Addr()), err.Error()) // or nobody would know why clients wait
		}
		if err != nil {
			return nil, err
		}
		from := addrPort(conn.RemoteAddr())
		if !g.doors.enter(from, addrPort(conn.LocalAddr())) {
			conn.Close()
			continue
		}
		return &counted{Conn: conn, leave: sync.OnceFunc(func() { g.doors.leave(from.Addr()) })}, nil
	}
}

// counted is a connection that is counted until it is closed.
type counted struct {
	net.Conn
	leave func()
}

func (c *counted) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
