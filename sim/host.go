package sim

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// Host is a computer on the network. It is a transport.Net: code that takes its sockets from one
// runs on the host unmodified.
type Host struct {
	net   *Network
	nic   *nic
	lo    *nic  // where its packets to itself arrive
	taps  *taps // nil: nobody watches
	addrs []netip.Addr
	name  string
	index uint64
	sent  uint64 // packets that no socket sent

	// resolve turns a name into addresses; nil: the host knows no name.
	resolve Resolver

	mu        sync.Mutex
	made      uint64                        // sockets so far
	udp       map[netip.AddrPort]*udpSocket // by their places
	listeners map[netip.AddrPort]*tcpListener
	tcp       map[flow]*tcpSocket
	lastPort  map[firewall.Proto]uint16
	pings     map[uint16]*ping
	lastPing  uint16
}

// Resolver looks a name up.
type Resolver func(ctx context.Context, name string) ([]netip.Addr, error)

// flow is a connection as one of its ends sees it.
type flow struct{ local, remote netip.AddrPort }

// The dynamic ports of RFC 6335, section 6.
const firstEphemeral, lastEphemeral = 49152, 65535

func newHost(n *Network, name string, addrs []netip.Addr, index uint64) *Host {
	h := &Host{
		net: n, name: name, index: index, addrs: slices.Clone(addrs),
		udp:       map[netip.AddrPort]*udpSocket{},
		listeners: map[netip.AddrPort]*tcpListener{},
		tcp:       map[flow]*tcpSocket{},
		lastPort:  map[firewall.Proto]uint16{},
	}
	h.lo = &nic{node: h, net: n}
	h.lo.peer = h.lo
	return h
}

// Name is the host's name.
func (h *Host) Name() string { return h.name }

// Addr is the host's first address.
func (h *Host) Addr() netip.Addr { return h.addrs[0] }

// ResolveWith sets how the host looks names up. Set it before the host is used.
func (h *Host) ResolveWith(r Resolver) { h.resolve = r }

// Tap has f called for every packet that reaches the host or leaves it, on the loop's goroutine: f
// must not wait for the network.
func (h *Host) Tap(f func(Sighting)) { h.watch(lent(f)) }

func (h *Host) watch(f func(*Sighting)) {
	h.taps = h.taps.with(f)
	h.taps.last.Node = h.name
}

// see shows a packet to those who watch the host. There are some.
func (h *Host) see(now time.Duration, p *Packet, out bool) {
	s := &h.taps.last
	s.At, s.Out, s.Packet = now, out, p
	h.taps.show(s)
}

func (h *Host) label() string     { return h.name }
func (h *Host) network() *Network { return h.net }

func (h *Host) prefixes() []netip.Prefix {
	out := make([]netip.Prefix, len(h.addrs))
	for i, a := range h.addrs {
		out[i] = netip.PrefixFrom(a, a.BitLen())
	}
	return out
}

// attached takes the first link as the way out; what a host with several should choose is not
// decided yet, so a second is a mistake of the program.
func (h *Host) attached(c *nic, _ []netip.Prefix) {
	if h.nic != nil {
		panic(fmt.Sprintf("sim: host %s has a link already", h.name))
	}
	h.nic = c
}

func (h *Host) owns(a netip.Addr) bool { return a.IsLoopback() || slices.Contains(h.addrs, a) }

// reachable tells whether the host could send there at all.
func (h *Host) reachable(a netip.Addr) error {
	switch {
	case !a.IsValid():
		return syscall.EINVAL
	case h.owns(a):
		return nil
	case h.nic == nil || !h.source(a).IsValid():
		return syscall.ENETUNREACH // without an address of that family, too, as where a kernel has no route for it
	}
	return nil
}

// source is the address from which the host speaks to another: its first of that family.
func (h *Host) source(to netip.Addr) netip.Addr {
	if to.IsLoopback() {
		return to
	}
	for _, a := range h.addrs {
		if a.Is4() == to.Is4() {
			return a
		}
	}
	return netip.Addr{}
}

// send puts a packet on its way. Only the loop calls it.
func (h *Host) send(now time.Duration, p *Packet) {
	if p.flow == 0 {
		h.sent++
		p.flow, p.number = h.index<<32, h.sent
	}
	own := h.owns(p.Dst.Addr())
	if h.nic == nil && !own {
		p.free()
		return
	}
	h.net.books.Sent++
	if own {
		h.lo.deliver(now, now, p)
		return
	}
	if h.taps != nil {
		h.see(now, p, true)
	}
	h.nic.send(now, p)
}

// arrive takes a packet from the link.
func (h *Host) arrive(now time.Duration, p *Packet, in *nic) bool {
	h.net.books.Arrived++
	if in == h.lo {
		return h.deliver(now, p)
	}
	w := p.arrived()
	if h.taps != nil {
		h.see(now, p, false)
	}
	if w != nil && w.socket != nil {
		if woke, open := w.socket.arrive(p); open {
			return woke
		}
	}
	if !slices.Contains(h.addrs, p.Dst.Addr()) {
		p.free() // a host doesn't forward
		return false
	}
	if w != nil {
		w.socket, w.unseen = h.receiver(p), h.taps == nil
	}
	return h.deliver(now, p)
}

// deliver hands a packet to the socket it is for, or answers that there is none.
func (h *Host) deliver(now time.Duration, p *Packet) (woke bool) {
	switch {
	case p.damaged:
		p.free() // the checksum is wrong
		return false
	case p.Proto == firewall.UDP:
		return h.deliverUDP(now, p)
	case p.Proto == firewall.TCP:
		return h.deliverTCP(now, p)
	case p.ICMP != nil:
		return h.deliverICMP(now, p)
	}
	return false
}

// receiver is the socket that takes a UDP packet.
func (h *Host) receiver(p *Packet) *udpSocket {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := socketFor(h.udp, p.Dst); s != nil && s.wants(p.Src) {
		return s
	}
	return nil
}

func (h *Host) deliverUDP(now time.Duration, p *Packet) bool {
	if s := h.receiver(p); s != nil {
		if woke, open := s.arrive(p); open {
			return woke
		}
	}
	answer := p.complaint(p.Dst.Addr(), portUnreachable)
	p.free()
	if answer != nil {
		h.send(now, answer)
	}
	return false
}

func (h *Host) deliverTCP(now time.Duration, p *Packet) bool {
	h.mu.Lock()
	s := h.tcp[flow{p.Dst, p.Src}]
	l := socketFor(h.listeners, p.Dst)
	h.mu.Unlock()
	if s != nil && !(l != nil && s.yields(&p.TCP)) {
		return s.arrive(&p.TCP)
	}
	if l != nil && l.arrive(now, p) {
		return false // a SYN wakes nobody: Accept waits for the handshake's end
	}
	if answer := p.refusal(); answer != nil {
		h.send(now, answer)
	}
	return false
}

// deliverICMP answers an echo, and tells the socket that sent it what became of a packet.
func (h *Host) deliverICMP(now time.Duration, p *Packet) bool {
	kind := p.ICMP.kind(p.Src.Addr().Is4())
	if answer := p.echo(); answer != nil {
		h.send(now, answer)
		return false
	}
	about := p.ICMP.About
	if kind == echoReply || about != nil && isICMP(about.Proto) {
		return h.echoed(p)
	}
	if about == nil {
		return false
	}
	hard, err := p.ICMP.errno(p.Src.Addr().Is4())
	h.mu.Lock()
	u := socketFor(h.udp, about.Src)
	t := h.tcp[flow{about.Src, about.Dst}]
	h.mu.Unlock()
	switch {
	case about.Proto == firewall.UDP && u != nil && hard:
		return u.unreachable(about.Dst, err)
	case about.Proto == firewall.TCP && t != nil && kind == tooBig:
		t.tooBig(now, int(p.ICMP.Rest&0xffff))
	case about.Proto == firewall.TCP && t != nil && err != nil:
		return t.unreachable(err)
	}
	return false
}

// bind chooses the local address of a new socket. h.mu is held.
func (h *Host) bind(proto firewall.Proto, f family, want netip.AddrPort, taken func(netip.AddrPort) bool) (netip.AddrPort, error) {
	addr := want.Addr().Unmap()
	if !addr.IsValid() || addr.IsUnspecified() {
		addr = f.unspecified()
	} else if err := f.check(addr, syscall.EINVAL); err != nil {
		return netip.AddrPort{}, called("bind", err)
	} else if !h.owns(addr) {
		return netip.AddrPort{}, called("bind", syscall.EADDRNOTAVAIL)
	}
	if want.Port() != 0 {
		local := netip.AddrPortFrom(addr, want.Port())
		if taken(local) {
			return netip.AddrPort{}, called("bind", syscall.EADDRINUSE)
		}
		return local, nil
	}
	for range lastEphemeral - firstEphemeral + 1 {
		port := h.lastPort[proto] + 1
		if port < firstEphemeral {
			port = firstEphemeral // also after the counter has run over
		}
		h.lastPort[proto] = port
		if local := netip.AddrPortFrom(addr, port); !taken(local) {
			return local, nil
		}
	}
	return netip.AddrPort{}, syscall.EADDRNOTAVAIL
}

// number gives a new socket its place in the order of sockets. h.mu is held.
func (h *Host) number() uint64 {
	h.made++
	return h.index<<32 | h.made
}
