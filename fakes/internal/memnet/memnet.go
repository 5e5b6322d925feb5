// Package memnet is the smallest network that the fakes' own tests need in virtual time: hosts with one
// IPv4 address each, TCP streams and UDP packets between them that take no time and are never lost, and a
// way to block and to cut. Every wait is one that testing/synctest sees.
//
// It is for tests only and no likeness of a real network: that is sim. A method of transport.Net that it
// doesn't need panics.
package memnet

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/pion/transport/v3"
)

// Network is a set of hosts.
type Network struct {
	mu      sync.Mutex
	port    uint16 // the last one that was given out
	blocked func(network string, from, to netip.AddrPort) bool
	streams map[netip.AddrPort]*listener
	packets map[netip.AddrPort]*packetConn
	conns   []*stream
}

// New makes a network without hosts.
func New() *Network {
	return &Network{
		port:    40000,
		blocked: func(string, netip.AddrPort, netip.AddrPort) bool { return false },
		streams: map[netip.AddrPort]*listener{}, packets: map[netip.AddrPort]*packetConn{},
	}
}

// Block swallows every packet and every new TCP connection for which blocked says so ("udp" or "tcp"). What
// is connected stays so.
func (n *Network) Block(blocked func(network string, from, to netip.AddrPort) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.blocked = blocked
}

// Cut breaks every TCP connection with a host, as a reset does at both ends.
func (n *Network) Cut(host netip.Addr) {
	n.mu.Lock()
	conns := n.conns
	n.mu.Unlock()
	for _, c := range conns {
		if c.local.Addr() == host || c.remote.Addr() == host {
			c.in.end(syscall.ECONNRESET)
			c.out.end(syscall.ECONNRESET)
		}
	}
}

// Partition makes what a host's TCP connections carry vanish, without a word to either end.
func (n *Network) Partition(host netip.Addr) {
	n.mu.Lock()
	conns := n.conns
	n.mu.Unlock()
	for _, c := range conns {
		if c.local.Addr() == host || c.remote.Addr() == host {
			c.in.silence()
			c.out.silence()
		}
	}
}

// Host is a host of this address.
func (n *Network) Host(addr netip.Addr) *Host { return &Host{n: n, addr: addr} }

// Host is a transport.Net.
type Host struct {
	transport.Net // nil: what is missing panics
	n             *Network
	addr          netip.Addr
}

// bind is a local address. Port 0 takes a free one. The caller holds n.mu.
func (h *Host) bind(port int) netip.AddrPort {
	if port == 0 {
		h.n.port++
		port = int(h.n.port)
	}
	return netip.AddrPortFrom(h.addr, uint16(port))
}

func (h *Host) ListenTCP(_ string, at *net.TCPAddr) (transport.TCPListener, error) {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	l := &listener{n: h.n, addr: h.bind(at.Port), incoming: make(chan *stream, 100), done: make(chan struct{})}
	if h.n.streams[l.addr] != nil {
		return nil, syscall.EADDRINUSE
	}
	h.n.streams[l.addr] = l
	return l, nil
}

// DialContext connects to an address, never to a name.
func (h *Host) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	h.n.mu.Lock()
	from := h.bind(0)
	l, blocked := h.n.streams[to], h.n.blocked("tcp", from, to)
	h.n.mu.Unlock()
	if blocked {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(to), Err: context.Cause(ctx)}
	}
	if l == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(to), Err: syscall.ECONNREFUSED}
	}
	there, back := newPipe(), newPipe()
	near := &stream{in: back, out: there, local: from, remote: to}
	far := &stream{in: there, out: back, local: to, remote: from}
	h.n.mu.Lock()
	h.n.conns = append(h.n.conns, near)
	h.n.mu.Unlock()
	select {
	case l.incoming <- far:
		return near, nil
	case <-l.done:
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
}

func (h *Host) Dial(network, address string) (net.Conn, error) {
	return h.DialContext(context.Background(), network, address)
}

func (h *Host) DialTCP(network string, _, to *net.TCPAddr) (transport.TCPConn, error) {
	c, err := h.Dial(network, to.String())
	if err != nil {
		return nil, err
	}
	return c.(*stream), nil
}

// CreateDialer makes a dialer that knows d's timeout.
func (h *Host) CreateDialer(d *net.Dialer) transport.Dialer { return dialer{h, d} }

type dialer struct {
	h *Host
	d *net.Dialer
}

func (d dialer) Dial(network, address string) (net.Conn, error) {
	ctx, cancel := context.Background(), func() {}
	if d.d != nil && d.d.Timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, d.d.Timeout)
	}
	defer cancel()
	return d.h.DialContext(ctx, network, address)
}

func (h *Host) ListenUDP(_ string, at *net.UDPAddr) (transport.UDPConn, error) {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	port := 0
	if at != nil {
		port = at.Port
	}
	c := &packetConn{n: h.n, addr: h.bind(port), incoming: make(chan packet, 1000), done: make(chan struct{})}
	if h.n.packets[c.addr] != nil {
		return nil, syscall.EADDRINUSE
	}
	h.n.packets[c.addr] = c
	return c, nil
}

func (h *Host) ListenPacket(network, address string) (net.PacketConn, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	return h.ListenUDP(network, net.UDPAddrFromAddrPort(at))
}

func (h *Host) ResolveUDPAddr(network, address string) (*net.UDPAddr, error) {
	return net.ResolveUDPAddr(network, address) // an address, never a name
}

func (h *Host) ResolveTCPAddr(network, address string) (*net.TCPAddr, error) {
	return net.ResolveTCPAddr(network, address) // likewise
}

func (h *Host) Interfaces() ([]*transport.Interface, error) {
	card := transport.NewInterface(net.Interface{Index: 1, MTU: 1500, Name: "eth0", Flags: net.FlagUp})
	card.AddAddress(&net.IPNet{IP: h.addr.AsSlice(), Mask: net.CIDRMask(24, 32)})
	return []*transport.Interface{card}, nil
}
