package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/relay/check"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

// relayTarget is one of a server's addresses, on real sockets.
type relayTarget struct {
	check.Target
	at    netip.AddrPort
	fault error // there is no way to it
	held  []io.Closer
}

// reach is the first of the server's addresses that can be checked: a name may have one that is out of order, or one for
// another network.
func (o relayOrder) reach(ctx context.Context) (*relayTarget, error) {
	targets, err := o.targets(ctx)
	if err != nil {
		return nil, err
	}
	var faults []string
	for _, t := range targets {
		err := t.fault
		if err == nil {
			err = check.Reach(t.Target)
		}
		if err == nil {
			return t, nil
		}
		t.close()
		fault := printable(err.Error())
		if len(targets) > 1 {
			fault = fmt.Sprintf("at %v %s", t.at.Addr(), fault)
		}
		faults = append(faults, fault)
	}
	return nil, &exit{code: result.ExitFault, err: fmt.Errorf("%s over %s can't be checked: %s", o.server, o.transport, strings.Join(faults, "; "))}
}

func (t *relayTarget) close() {
	for _, c := range t.held {
		_ = c.Close()
	}
}

// targets reads what the user asks for, one for each of the server's addresses. Nothing is sent before it is all right.
func (o relayOrder) targets(ctx context.Context) (all []*relayTarget, err error) {
	t := check.Target{
		Stream: o.transport != "udp", Quota: o.quota, Answer: o.answer, Quiet: o.quiet,
		Lossy: true, // peers speak UDP whatever the transport is
	}
	switch {
	case o.transport != "udp" && o.transport != "tcp" && o.transport != "tls":
		return nil, usage(fmt.Errorf("--transport must be udp, tcp or tls, not %q", o.transport))
	case o.quota < 0:
		return nil, usage(fmt.Errorf("--quota must not be negative, but is %d", o.quota))
	case o.answer <= 0 || o.quiet <= 0:
		return nil, usage(errors.New("--answer and --quiet must be more than nothing"))
	}
	if t.User, err = credentials("--user", o.user); err != nil {
		return nil, err
	}
	if o.other != "" {
		if t.Other, err = credentials("--other", o.other); err != nil {
			return nil, err
		}
		if t.Other.Username == t.User.Username {
			return nil, usage(fmt.Errorf("--other must be another user than --user's %s: the rows are about the two of them", t.User.Username))
		}
	}
	servers, host, err := o.resolve(ctx)
	if err != nil {
		return nil, err
	}
	if t.Forbidden, err = addresses("--forbidden", o.forbid); err != nil {
		return nil, err
	}
	peers, err := addresses("--peer", o.peers)
	if err != nil {
		return nil, err
	}
	secure, err := o.tls(host)
	if err != nil {
		return nil, err
	}
	for _, server := range servers {
		at := &relayTarget{Target: t, at: server}
		at.Dial = func() (net.Conn, error) { return at.dial(o.transport, server.String(), secure) }
		ips := peers
		if ips == nil {
			ips, at.fault = towards(server)
		}
		for _, ip := range ips {
			if slices.Contains(t.Forbidden, ip) {
				return nil, usage(fmt.Errorf("--forbidden %v is a --peer, too: name peers that the server may relay to, and others that it must refuse", ip))
			}
			at.Peers = append(at.Peers, func() (net.PacketConn, error) {
				return net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
			})
		}
		all = append(all, at)
	}
	return all, nil
}

// dial connects to the server. UDP ports stay taken until the check is over: a server may remember a 5-tuple for a
// while after its allocation was deleted, and the next row would meet it.
func (t *relayTarget) dial(transport, server string, secure *tls.Config) (net.Conn, error) {
	d := &net.Dialer{Timeout: 5 * time.Second}
	switch transport {
	case "udp":
		conn, err := d.Dial("udp", server)
		if err != nil {
			return nil, err
		}
		t.held = append(t.held, conn)
		return heldConn{conn}, nil
	case "tls":
		return tls.DialWithDialer(d, "tcp", server, secure)
	}
	return d.Dial("tcp", server)
}

type heldConn struct{ net.Conn }

func (heldConn) Close() error { return nil }

func credentials(flag, text string) (check.Credentials, error) {
	// The username of time-limited credentials has a colon, too: the last one is ours.
	i := strings.LastIndexByte(text, ':')
	if i <= 0 {
		return check.Credentials{}, usage(fmt.Errorf("%s must be USER:PASSWORD", flag))
	}
	return check.Credentials{Username: text[:i], Password: text[i+1:]}, nil
}

func addresses(flag string, texts []string) (all []netip.Addr, err error) {
	for _, text := range texts {
		ip, err := netip.ParseAddr(text)
		if err != nil || !ip.Is4() {
			return nil, usage(fmt.Errorf("%s must be an IPv4 address, not %q", flag, text))
		}
		all = append(all, ip)
	}
	return all, nil
}

// resolve finds the server's addresses, and refuses those of the document: they belong to third parties who have
// not asked to be checked.
func (o relayOrder) resolve(ctx context.Context) (at []netip.AddrPort, host string, err error) {
	host, port, err := net.SplitHostPort(o.server)
	if err != nil || host == "" || strings.Contains(host, ":") && !strings.HasPrefix(o.server, "[") {
		return at, host, usage(fmt.Errorf("the server must be HOST:PORT, such as turn.example.org:3478, not %q", o.server))
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "udp", port)
	if err != nil {
		return at, host, usage(fmt.Errorf("%q is not a port", port))
	}
	if ip, err := netip.ParseAddr(host); err == nil && !ip.Unmap().Is4() {
		return at, host, usage(fmt.Errorf("%v is an IPv6 address, and the rows are about IPv4 only: give an IPv4 address or a name that has one", ip))
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
	if err != nil || len(ips) == 0 {
		return at, host, &exit{code: result.ExitFault, err: fmt.Errorf("find %s: %w", host, err)}
	}
	for _, ip := range ips {
		ip = ip.Unmap()
		if why := documented(ip); why != "" {
			return nil, host, usage(errors.New(why))
		}
		if ip.IsMulticast() || ip == broadcast {
			return nil, host, usage(fmt.Errorf("%v is everybody's address: give a server's own", ip))
		}
		at = append(at, netip.AddrPortFrom(ip, uint16(number)))
	}
	return at, host, nil
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// documented says why an address must not be used on real sockets, and is "" where it may.
func documented(ip netip.Addr) string {
	for _, rule := range firewall.Whitelist().Rules {
		for _, p := range rule.Destinations {
			if p.Contains(ip) {
				return fmt.Sprintf("%v is one of the document's addresses (row %s): it is somebody else's, and is only ever simulated", ip, rule.ID)
			}
		}
	}
	return ""
}

// towards is the address of this machine that reaches the server.
func towards(server netip.AddrPort) ([]netip.Addr, error) {
	conn, err := net.Dial("udp", server.String()) // which sends nothing
	if err != nil {
		return nil, fmt.Errorf("reach %v: %w", server, err)
	}
	defer conn.Close()
	return []netip.Addr{conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()}, nil
}

func (o relayOrder) tls(host string) (*tls.Config, error) {
	cfg := &tls.Config{ServerName: host, InsecureSkipVerify: o.insecure}
	if o.authority == "" {
		return cfg, nil
	}
	text, err := os.ReadFile(o.authority)
	if err != nil {
		return nil, usage(fmt.Errorf("--ca: %w", err))
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM(text) {
		return nil, usage(fmt.Errorf("--ca %s has no certificate", o.authority))
	}
	return cfg, nil
}
