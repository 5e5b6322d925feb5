package sim

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/pion/transport/v3"
)

// This file is the only one that knows pion's transport.Net: a later major of it is this file's
// change.

var _ transport.Net = (*Host)(nil)

// ListenPacket opens a UDP socket.
func (h *Host) ListenPacket(network, address string) (net.PacketConn, error) {
	if err := known(network, "udp", "udp4", "udp6"); err != nil {
		return nil, opError("listen", network, nil, nil, err)
	}
	local, err := h.lookup(context.Background(), "listen", network, address)
	if err != nil {
		return nil, err
	}
	return h.ListenUDP(network, net.UDPAddrFromAddrPort(preferIPv4(local)))
}

// ListenUDP opens a UDP socket.
func (h *Host) ListenUDP(network string, local *net.UDPAddr) (transport.UDPConn, error) {
	if local == nil {
		local = &net.UDPAddr{}
	}
	s, err := h.openUDP(network, local, netip.AddrPort{})
	if err != nil {
		return nil, opError("listen", network, nil, local, err)
	}
	return s, nil
}

// DialUDP opens a connected UDP socket.
func (h *Host) DialUDP(network string, local, remote *net.UDPAddr) (transport.UDPConn, error) {
	if remote == nil {
		return nil, opError("dial", network, udpOrNil(local), nil, errMissingAddress)
	}
	s, err := h.openUDP(network, local, familyOf(network).target(remote.AddrPort()))
	if err != nil {
		return nil, opError("dial", network, udpOrNil(local), remote, err)
	}
	return s, nil
}

func (h *Host) openUDP(network string, local *net.UDPAddr, remote netip.AddrPort) (transport.UDPConn, error) {
	if err := known(network, "udp", "udp4", "udp6"); err != nil {
		return nil, err
	}
	s, err := h.listenUDP(familyOf(network), addrPort(local), remote)
	if err != nil {
		return nil, err
	}
	s.conn.network = network
	return &s.conn, nil
}

// ListenTCP listens for TCP connections.
func (h *Host) ListenTCP(network string, local *net.TCPAddr) (transport.TCPListener, error) {
	if local == nil {
		local = &net.TCPAddr{}
	}
	if err := known(network, "tcp", "tcp4", "tcp6"); err != nil {
		return nil, opError("listen", network, nil, local, err)
	}
	l, err := h.listenTCP(familyOf(network), tcpAddrPort(local))
	if err != nil {
		return nil, opError("listen", network, nil, local, err)
	}
	return &listener{l, network}, nil
}

// DialTCP connects to a TCP port.
func (h *Host) DialTCP(network string, local, remote *net.TCPAddr) (transport.TCPConn, error) {
	if remote == nil {
		return nil, opError("dial", network, tcpOrNil(local), nil, errMissingAddress)
	}
	return h.connect(context.Background(), network, local, remote)
}

func (h *Host) connect(ctx context.Context, network string, local, remote *net.TCPAddr) (transport.TCPConn, error) {
	if err := known(network, "tcp", "tcp4", "tcp6"); err != nil {
		return nil, opError("dial", network, tcpOrNil(local), remote, err)
	}
	s, err := h.dialTCP(ctx, familyOf(network), tcpAddrPort(local), remote.AddrPort())
	if err != nil {
		return nil, opError("dial", network, tcpOrNil(local), remote, err)
	}
	return &tcpConn{s, network}, nil
}

// Interfaces lists the host's one network card.
func (h *Host) Interfaces() ([]*transport.Interface, error) {
	if h.nic == nil && len(h.addrs) == 0 {
		return nil, nil
	}
	card := transport.NewInterface(net.Interface{
		Index: 1, MTU: MTU, Name: "eth0", Flags: net.FlagUp | net.FlagBroadcast | net.FlagRunning | net.FlagMulticast,
	})
	for _, a := range h.addrs {
		card.AddAddress(&net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen()*3/4, a.BitLen())})
	}
	return []*transport.Interface{card}, nil
}

// InterfaceByIndex finds a network card.
func (h *Host) InterfaceByIndex(index int) (*transport.Interface, error) {
	return h.findInterface(func(i *transport.Interface) bool { return i.Index == index })
}

// InterfaceByName finds a network card.
func (h *Host) InterfaceByName(name string) (*transport.Interface, error) {
	return h.findInterface(func(i *transport.Interface) bool { return i.Name == name })
}

func (h *Host) findInterface(is func(*transport.Interface) bool) (*transport.Interface, error) {
	cards, err := h.Interfaces()
	if err != nil {
		return nil, err
	}
	for _, c := range cards {
		if is(c) {
			return c, nil
		}
	}
	return nil, transport.ErrInterfaceNotFound
}

func known(network string, names ...string) error {
	for _, n := range names {
		if n == network {
			return nil
		}
	}
	return net.UnknownNetworkError(network)
}

func addrPort(a *net.UDPAddr) netip.AddrPort {
	if a == nil {
		return netip.AddrPort{}
	}
	return plain(a.AddrPort())
}

func tcpAddrPort(a *net.TCPAddr) netip.AddrPort {
	if a == nil {
		return netip.AddrPort{}
	}
	return plain(a.AddrPort())
}

// plain is an address without the IPv6 mapping that package net gives IPv4, and without the zone of a link-local one: a
// host has one card.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// udpOrNil and tcpOrNil keep a nil pointer from becoming an address that isn't nil.
func udpOrNil(a *net.UDPAddr) net.Addr {
	if a == nil {
		return nil
	}
	return a
}

func tcpOrNil(a *net.TCPAddr) net.Addr {
	if a == nil {
		return nil
	}
	return a
}

// listener is a tcpListener as a transport.TCPListener.
type listener struct {
	l       *tcpListener
	network string
}

func (l *listener) Accept() (net.Conn, error) { return l.AcceptTCP() }

func (l *listener) AcceptTCP() (transport.TCPConn, error) {
	s, err := l.l.accept()
	if err != nil {
		return nil, opError("accept", l.network, nil, l.Addr(), err)
	}
	return &tcpConn{s, l.network}, nil
}

func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.l.local) }

func (l *listener) Close() error {
	if err := l.l.close(); err != nil {
		return opError("close", l.network, nil, l.Addr(), err)
	}
	return nil
}

func (l *listener) SetDeadline(t time.Time) error { return l.l.setDeadline(t) }
