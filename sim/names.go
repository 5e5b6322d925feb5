package sim

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// ResolveIPAddr resolves a host name. Of several addresses it prefers IPv4, as package net does.
func (h *Host) ResolveIPAddr(network, address string) (*net.IPAddr, error) {
	name, _, _ := strings.Cut(network, ":")
	if err := known(name, "ip", "ip4", "ip6"); err != nil {
		return nil, err
	}
	found, err := h.lookupHost(context.Background(), familyOf(network), address)
	if err != nil {
		return nil, err
	}
	all := make([]netip.AddrPort, len(found))
	for i, a := range found {
		all[i] = netip.AddrPortFrom(a, 0)
	}
	return &net.IPAddr{IP: preferIPv4(all).Addr().AsSlice()}, nil
}

// ResolveUDPAddr resolves a host name and port, a number. Of several addresses it prefers IPv4, as package net does.
func (h *Host) ResolveUDPAddr(network, address string) (*net.UDPAddr, error) {
	a, err := h.resolveOne(network, address, "udp", "udp4", "udp6")
	if err != nil {
		return nil, err
	}
	return net.UDPAddrFromAddrPort(a), nil
}

// ResolveTCPAddr is ResolveUDPAddr for TCP.
func (h *Host) ResolveTCPAddr(network, address string) (*net.TCPAddr, error) {
	a, err := h.resolveOne(network, address, "tcp", "tcp4", "tcp6")
	if err != nil {
		return nil, err
	}
	return net.TCPAddrFromAddrPort(a), nil
}

func (h *Host) resolveOne(network, address string, networks ...string) (netip.AddrPort, error) {
	if err := known(network, networks...); err != nil {
		return netip.AddrPort{}, err
	}
	found, err := h.ends(context.Background(), network, address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return preferIPv4(found), nil
}

// lookup is what an address in words stands for, with the error of an operation.
func (h *Host) lookup(ctx context.Context, op, network, address string) ([]netip.AddrPort, error) {
	found, err := h.ends(ctx, network, address)
	if err != nil {
		return nil, opError(op, network, nil, nil, err)
	}
	return found, nil
}

func (h *Host) ends(ctx context.Context, network, address string) ([]netip.AddrPort, error) {
	var host, service string
	if address != "" {
		var err error
		if host, service, err = net.SplitHostPort(address); err != nil {
			return nil, err
		}
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil && service != "" {
		return nil, &net.AddrError{Err: "port is not a number from 0 to 65535", Addr: address}
	}
	addrs := []netip.Addr{{}}
	if host != "" {
		if addrs, err = h.lookupHost(ctx, familyOf(network), host); err != nil {
			return nil, err
		}
	}
	found := make([]netip.AddrPort, len(addrs))
	for i, a := range addrs {
		found[i] = netip.AddrPortFrom(a, uint16(port))
	}
	return found, nil
}

// lookupHost is the addresses of a name that are of a family.
func (h *Host) lookupHost(ctx context.Context, f family, name string) ([]netip.Addr, error) {
	all, err := h.addressesOf(ctx, name)
	if err != nil {
		return nil, err
	}
	var found []netip.Addr
	for _, a := range all {
		if a = a.Unmap(); f.has(a) {
			found = append(found, a)
		}
	}
	if len(found) == 0 {
		return nil, &net.AddrError{Err: "no suitable address found", Addr: name}
	}
	return found, nil
}

func (h *Host) addressesOf(ctx context.Context, name string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{a}, nil
	}
	if name == "localhost" {
		return []netip.Addr{loopback4, netip.IPv6Loopback()}, nil
	}
	var found []netip.Addr
	var err error
	if h.resolve != nil {
		found, err = h.resolve(ctx, name)
	}
	if err == nil && len(found) == 0 {
		err = &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return found, err
}
