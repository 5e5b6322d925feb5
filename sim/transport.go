package sim

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/pion/transport/v3"

	"github.com/proxyspec/proxyspec/sim/tcp"
)

// This file is the only one that knows pion's transport.Net: a later major of it is this file's
// change. DialContext is an addition, for callers that must be able to give up.

var _ transport.Net = (*Host)(nil)

// ListenPacket opens a UDP socket.
func (h *Host) ListenPacket(network, address string) (net.PacketConn, error) {
	local, err := h.ResolveUDPAddr(network, address)
	if err != nil {
		return nil, err
	}
	return h.ListenUDP(network, local)
}

// ListenUDP opens a UDP socket.
func (h *Host) ListenUDP(network string, local *net.UDPAddr) (transport.UDPConn, error) {
	return h.openUDP("listen", network, local, nil)
}

// DialUDP opens a connected UDP socket.
func (h *Host) DialUDP(network string, local, remote *net.UDPAddr) (transport.UDPConn, error) {
	if remote == nil {
		return nil, opError("dial", network, udpOrNil(local), nil, fmt.Errorf("missing address"))
	}
	return h.openUDP("dial", network, local, remote)
}

func (h *Host) openUDP(op, network string, local, remote *net.UDPAddr) (transport.UDPConn, error) {
	if err := known(network, "udp", "udp4"); err != nil {
		return nil, opError(op, network, udpOrNil(local), udpOrNil(remote), err)
	}
	s, err := h.listenUDP(addrPort(local), addrPort(remote))
	if err != nil {
		return nil, opError(op, network, udpOrNil(local), udpOrNil(remote), err)
	}
	return &udpConn{s}, nil
}

// ListenTCP listens for TCP connections.
func (h *Host) ListenTCP(network string, local *net.TCPAddr) (transport.TCPListener, error) {
	if err := known(network, "tcp", "tcp4"); err != nil {
		return nil, opError("listen", network, nil, tcpOrNil(local), err)
	}
	l, err := h.listenTCP(tcpAddrPort(local))
	if err != nil {
		return nil, opError("listen", network, nil, tcpOrNil(local), err)
	}
	return &listener{l}, nil
}

// DialTCP connects to a TCP port.
func (h *Host) DialTCP(network string, local, remote *net.TCPAddr) (transport.TCPConn, error) {
	if remote == nil {
		return nil, opError("dial", network, tcpOrNil(local), nil, fmt.Errorf("missing address"))
	}
	return h.connect(context.Background(), network, tcpAddrPort(local), tcpAddrPort(remote))
}

func (h *Host) connect(ctx context.Context, network string, local, remote netip.AddrPort) (transport.TCPConn, error) {
	to := net.TCPAddrFromAddrPort(remote)
	if err := known(network, "tcp", "tcp4"); err != nil {
		return nil, opError("dial", network, nil, to, err)
	}
	s, err := h.dialTCP(ctx, local, remote)
	if err != nil {
		return nil, opError("dial", network, nil, to, err)
	}
	return &tcpConn{s}, nil
}

// Dial connects to a host and port, by name or address.
func (h *Host) Dial(network, address string) (net.Conn, error) {
	return h.DialContext(context.Background(), network, address)
}

// DialContext is Dial for a caller that may give up. Of several addresses the first that answers is
// taken.
func (h *Host) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return h.dial(ctx, network, address, nil)
}

func (h *Host) dial(ctx context.Context, network, address string, local net.Addr) (net.Conn, error) {
	remotes, err := h.lookup(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(network, "udp") {
		from, _ := local.(*net.UDPAddr)
		return h.DialUDP(network, from, net.UDPAddrFromAddrPort(remotes[0]))
	}
	from, _ := local.(*net.TCPAddr)
	for _, remote := range remotes {
		var conn net.Conn
		if conn, err = h.connect(ctx, network, tcpAddrPort(from), remote); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

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

// Interfaces lists the host's one network card.
func (h *Host) Interfaces() ([]*transport.Interface, error) {
	if h.nic == nil && len(h.addrs) == 0 {
		return nil, nil
	}
	card := transport.NewInterface(net.Interface{
		Index: 1, MTU: MTU, Name: "eth0", Flags: net.FlagUp | net.FlagBroadcast | net.FlagRunning | net.FlagMulticast,
	})
	for _, a := range h.addrs {
		card.AddAddress(&net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(24, 32)})
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

// CreateDialer makes a dialer with d's timeout, deadline and local address.
func (h *Host) CreateDialer(d *net.Dialer) transport.Dialer { return dialer{h, d} }

type dialer struct {
	host   *Host
	dialer *net.Dialer
}

func (d dialer) Dial(network, address string) (net.Conn, error) {
	ctx := context.Background()
	if d.dialer == nil {
		return d.host.DialContext(ctx, network, address)
	}
	if d.dialer.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.dialer.Timeout)
		defer cancel()
	}
	if !d.dialer.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, d.dialer.Deadline)
		defer cancel()
	}
	return d.host.dial(ctx, network, address, d.dialer.LocalAddr)
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

// plain is an address without the IPv6 mapping that package net gives IPv4.
func plain(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

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

// udpConn is a udpSocket as a transport.UDPConn.
type udpConn struct{ s *udpSocket }

func (c *udpConn) Close() error        { return c.wrap("close", c.s.close()) }
func (c *udpConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.s.local) }

func (c *udpConn) RemoteAddr() net.Addr {
	if !c.s.remote.IsValid() {
		return nil
	}
	return net.UDPAddrFromAddrPort(c.s.remote)
}

func (c *udpConn) SetReadDeadline(t time.Time) error {
	return c.wrap("set", c.s.setDeadline(&c.s.read, t))
}

func (c *udpConn) SetWriteDeadline(t time.Time) error {
	return c.wrap("set", c.s.setDeadline(&c.s.write, t))
}

func (c *udpConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *udpConn) SetReadBuffer(bytes int) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.limit = bytes
	return nil
}

// SetWriteBuffer does nothing: what is written leaves at once.
func (c *udpConn) SetWriteBuffer(int) error { return nil }

func (c *udpConn) Read(p []byte) (int, error) {
	n, _, err := c.s.readFrom(p)
	return n, c.wrap("read", err)
}

func (c *udpConn) ReadFromUDP(p []byte) (int, *net.UDPAddr, error) {
	n, from, err := c.s.readFrom(p)
	if err != nil {
		return n, nil, c.wrap("read", err)
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

func (c *udpConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDP(p)
	if err != nil {
		return n, nil, err
	}
	return n, from, nil
}

func (c *udpConn) ReadMsgUDP(p, _ []byte) (n, oobn, flags int, addr *net.UDPAddr, err error) {
	n, addr, err = c.ReadFromUDP(p)
	return n, 0, 0, addr, err
}

func (c *udpConn) Write(p []byte) (int, error) {
	if !c.s.remote.IsValid() {
		return 0, c.wrap("write", fmt.Errorf("not connected: use WriteTo"))
	}
	n, err := c.s.writeTo(p, c.s.remote)
	return n, c.wrap("write", err)
}

func (c *udpConn) WriteToUDP(p []byte, to *net.UDPAddr) (int, error) {
	if c.s.remote.IsValid() {
		return 0, c.wrap("write", net.ErrWriteToConnected)
	}
	if to == nil {
		return 0, c.wrap("write", fmt.Errorf("missing address"))
	}
	n, err := c.s.writeTo(p, addrPort(to))
	if err != nil {
		return n, opError("write", "udp", c.LocalAddr(), to, err)
	}
	return n, nil
}

func (c *udpConn) WriteTo(p []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, c.wrap("write", transport.ErrNotUDPAddress)
	}
	return c.WriteToUDP(p, udp)
}

func (c *udpConn) WriteMsgUDP(p, _ []byte, to *net.UDPAddr) (n, oobn int, err error) {
	if to == nil {
		n, err = c.Write(p)
	} else {
		n, err = c.WriteToUDP(p, to)
	}
	return n, 0, err
}

func (c *udpConn) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return opError(op, "udp", c.LocalAddr(), c.RemoteAddr(), err)
}

// tcpConn is a tcpSocket as a transport.TCPConn.
type tcpConn struct{ s *tcpSocket }

func (c *tcpConn) Read(p []byte) (int, error) {
	n, err := c.s.readBytes(p)
	if err == io.EOF {
		return n, io.EOF // never wrapped, as package net has it
	}
	return n, c.wrap("read", err)
}

func (c *tcpConn) Write(p []byte) (int, error) {
	n, err := c.s.writeBytes(p)
	return n, c.wrap("write", err)
}

func (c *tcpConn) Close() error         { return c.wrap("close", c.s.close()) }
func (c *tcpConn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.s.local) }
func (c *tcpConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.s.remote) }

func (c *tcpConn) SetReadDeadline(t time.Time) error {
	return c.wrap("set", c.s.setDeadline(&c.s.read, t))
}

func (c *tcpConn) SetWriteDeadline(t time.Time) error {
	return c.wrap("set", c.s.setDeadline(&c.s.write, t))
}

func (c *tcpConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *tcpConn) CloseRead() error  { return c.wrap("close", c.s.do((*tcp.Conn).CloseRead)) }
func (c *tcpConn) CloseWrite() error { return c.wrap("close", c.s.do((*tcp.Conn).CloseWrite)) }

func (c *tcpConn) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{c}, r)
}

func (c *tcpConn) SetLinger(sec int) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.linger = sec == 0
	return nil
}

// defaultKeepAlive is what package net uses when a program asks for no period of its own.
const defaultKeepAlive = 15 * time.Second

func (c *tcpConn) SetKeepAlive(on bool) error {
	if !on {
		return c.SetKeepAlivePeriod(0)
	}
	return c.SetKeepAlivePeriod(defaultKeepAlive)
}

func (c *tcpConn) SetKeepAlivePeriod(d time.Duration) error {
	return c.wrap("set", c.s.do(func(t *tcp.Conn) { t.SetKeepAlive(c.s.host.net.now(), d) }))
}

// SetNoDelay does nothing: data is never held back to fill a segment.
func (c *tcpConn) SetNoDelay(bool) error { return nil }

// SetWriteBuffer bounds what Write takes without waiting; without it Write never waits.
func (c *tcpConn) SetWriteBuffer(bytes int) error {
	return c.wrap("set", c.s.do(func(t *tcp.Conn) { t.SetSendBuffer(bytes) }))
}

func (c *tcpConn) SetReadBuffer(bytes int) error {
	return c.wrap("set", c.s.do(func(t *tcp.Conn) { t.SetReceiveBuffer(bytes) }))
}

func (c *tcpConn) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return opError(op, "tcp", c.LocalAddr(), c.RemoteAddr(), err)
}

// listener is a tcpListener as a transport.TCPListener.
type listener struct{ l *tcpListener }

func (l *listener) Accept() (net.Conn, error) { return l.AcceptTCP() }

func (l *listener) AcceptTCP() (transport.TCPConn, error) {
	s, err := l.l.accept()
	if err != nil {
		return nil, opError("accept", "tcp", nil, l.Addr(), err)
	}
	return &tcpConn{s}, nil
}

func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.l.local) }

func (l *listener) Close() error {
	if err := l.l.close(); err != nil {
		return opError("close", "tcp", nil, l.Addr(), err)
	}
	return nil
}

func (l *listener) SetDeadline(t time.Time) error { return l.l.setDeadline(t) }
