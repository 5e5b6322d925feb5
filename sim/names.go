package sim

import (
	"context"
	"net"
	"net/netip"
	"strconv"
)

// ResolveIPAddr resolves a host name.
func (h *Host) ResolveIPAddr(network, address string) (*net.IPAddr, error) {
	found, err := h.lookupHost(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	return &net.IPAddr{IP: found[0].AsSlice()}, nil
}

// ResolveUDPAddr resolves a host name and port.
func (h *Host) ResolveUDPAddr(network, address string) (*net.UDPAddr, error) {
	found, err := h.lookup(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	return net.UDPAddrFromAddrPort(found[0]), nil
}

// ResolveTCPAddr resolves a host name and port.
func (h *Host) ResolveTCPAddr(network, address string) (*net.TCPAddr, error) {
	found, err := h.lookup(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	return net.TCPAddrFromAddrPort(found[0]), nil
}

func (h *Host) lookup(ctx context.Context, network, address string) ([]netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, opError("dial", network, nil, nil, err)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil && service != "" {
		return nil, opError("dial", network, nil, nil, &net.AddrError{Err: "port is not a number from 0 to 65535", Addr: address})
	}
	addrs := []netip.Addr{netip.IPv4Unspecified()}
	if host != "" {
		if addrs, err = h.lookupHost(ctx, network, host); err != nil {
			return nil, err
		}
	}
	found := make([]netip.AddrPort, len(addrs))
	for i, a := range addrs {
		found[i] = netip.AddrPortFrom(a, uint16(port))
	}
	return found, nil
}

func (h *Host) lookupHost(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	if h.resolve == nil {
		return nil, opError("dial", network, nil, nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true})
	}
	found, err := h.resolve(ctx, host)
	if err == nil && len(found) == 0 {
		err = &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if err != nil {
		return nil, opError("dial", network, nil, nil, err)
	}
	return found, nil
}
