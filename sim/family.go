package sim

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// family is the versions of IP that a socket speaks, as the name of its network says: "udp4", "tcp6", "udp".
type family uint8

const (
	both family = iota
	four
	six
)

var loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})

func familyOf(network string) family {
	network, _, _ = strings.Cut(network, ":") // of "ip4:icmp"
	switch {
	case strings.HasSuffix(network, "4"):
		return four
	case strings.HasSuffix(network, "6"):
		return six
	}
	return both
}

func (f family) has(a netip.Addr) bool { return f == both || (f == four) == a.Is4() }

// fits is package net's error of an address for which a socket of IPv4 has no place.
func (f family) fits(a netip.Addr) error {
	if f == four && !a.Is4() {
		return &net.AddrError{Err: "non-IPv4 address", Addr: a.String()}
	}
	return nil
}

// check is the error of an address that the family doesn't have. A socket of IPv6 has a place for IPv4, too, and it is the
// kernel that says no.
func (f family) check(a netip.Addr, kernel syscall.Errno) error {
	if err := f.fits(a); err != nil || f.has(a) {
		return err
	}
	return kernel
}

// unspecified is the local address of a socket that has none: IPv4's also stands for both.
func (f family) unspecified() netip.Addr {
	if f == six {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// target is where a packet goes that a program sends to an address: without one it is for the host itself, as in
// package net.
func (f family) target(to netip.AddrPort) netip.AddrPort {
	to = plain(to)
	a := to.Addr()
	switch {
	case a == netip.IPv6Unspecified(), !a.IsValid() && f == six:
		a = netip.IPv6Loopback()
	case a == netip.IPv4Unspecified(), !a.IsValid():
		a = loopback4
	}
	return netip.AddrPortFrom(a, to.Port())
}

// place is where a host keeps a socket. The address of one that takes packets of both families is the zero value.
func (f family) place(local netip.AddrPort) netip.AddrPort {
	if f == both && local.Addr().IsUnspecified() {
		return netip.AddrPortFrom(netip.Addr{}, local.Port())
	}
	return local
}

// places are where sockets may be that take packets to an address, the most particular first.
func places(to netip.AddrPort) [3]netip.AddrPort {
	unspecified := netip.IPv4Unspecified()
	if !to.Addr().Is4() {
		unspecified = netip.IPv6Unspecified()
	}
	return [...]netip.AddrPort{to, netip.AddrPortFrom(netip.Addr{}, to.Port()), netip.AddrPortFrom(unspecified, to.Port())}
}

// socketFor is the socket that takes packets to an address; the zero value if there is none.
func socketFor[S comparable](sockets map[netip.AddrPort]S, to netip.AddrPort) (s S) {
	for _, at := range places(to) {
		if s := sockets[at]; s != *new(S) {
			return s
		}
	}
	return s
}

// taken tells whether a new socket would take packets from another one's. h.mu is held.
func taken[S comparable](h *Host, sockets map[netip.AddrPort]S, local netip.AddrPort, f family) bool {
	if !local.Addr().IsUnspecified() {
		return socketFor(sockets, local) != *new(S)
	}
	own := append(slices.Clone(h.addrs), netip.IPv4Unspecified(), netip.IPv6Unspecified(), loopback4, netip.IPv6Loopback())
	return slices.ContainsFunc(own, func(a netip.Addr) bool {
		return f.has(a) && socketFor(sockets, netip.AddrPortFrom(a, local.Port())) != *new(S)
	})
}
