package sim

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/pion/transport/v3"
)

// Dial connects to a host and port, by name or address.
func (h *Host) Dial(network, address string) (net.Conn, error) {
	return h.DialContext(context.Background(), network, address)
}

// DialContext is Dial for a caller that may give up. A name's addresses of the family that comes first are tried one
// after the other, each for its part of the time that there is; those of the other family 300 ms later, beside
// them (RFC 8305). It is what package net does.
func (h *Host) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return h.dial(ctx, network, address, nil)
}

func (h *Host) dial(ctx context.Context, network, address string, local net.Addr) (net.Conn, error) {
	if err := known(network, "udp", "udp4", "udp6", "tcp", "tcp4", "tcp6"); err != nil {
		return nil, opError("dial", network, nil, nil, err)
	}
	if address == "" {
		return nil, opError("dial", network, nil, nil, errMissingAddress)
	}
	remotes, err := h.lookup(ctx, "dial", network, address)
	if err != nil {
		return nil, err
	}
	overTCP, isTCP := local.(*net.TCPAddr)
	overUDP, isUDP := local.(*net.UDPAddr)
	udp := strings.HasPrefix(network, "udp")
	if local != nil && (udp && !isUDP || !udp && !isTCP) {
		return nil, opError("dial", network, nil, nil, &net.AddrError{Err: "mismatched local address type", Addr: local.String()})
	}
	to := attempt(func(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
		return orNil(h.connect(ctx, network, overTCP, net.TCPAddrFromAddrPort(remote)))
	})
	if udp {
		to = func(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
			to := net.UDPAddrFromAddrPort(remote)
			if err := ctx.Err(); err != nil {
				return nil, opError("dial", network, local, to, gaveUp{err})
			}
			return orNil(h.DialUDP(network, overUDP, to))
		}
	}
	return to.race(ctx, remotes)
}

// orNil keeps a connection that there isn't from becoming one that isn't nil.
func orNil[C net.Conn](c C, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

// attempt is how to reach one address.
type attempt func(context.Context, netip.AddrPort) (net.Conn, error)

// fallbackDelay is how long the family that comes first has for itself, as in package net.
const fallbackDelay = 300 * time.Millisecond

// race tries the addresses of the first one's family and, if they take long or fail, the others beside them.
func (to attempt) race(ctx context.Context, remotes []netip.AddrPort) (net.Conn, error) {
	var first, other []netip.AddrPort
	for _, r := range remotes {
		if r.Addr().Is4() == remotes[0].Addr().Is4() {
			first = append(first, r)
		} else {
			other = append(other, r)
		}
	}
	if len(other) == 0 {
		return to.inTurn(ctx, first)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type outcome struct {
		conn  net.Conn
		err   error
		first bool
	}
	outcomes := make(chan outcome, 2)
	try := func(remotes []netip.AddrPort, isFirst bool) {
		conn, err := to.inTurn(ctx, remotes)
		outcomes <- outcome{conn, err, isFirst}
	}
	go try(first, true)
	timer := time.NewTimer(fallbackDelay)
	defer timer.Stop()
	begun, failed := 1, error(nil)
	for over := 0; ; {
		select {
		case <-timer.C:
		case o := <-outcomes:
			if o.err == nil {
				go func() { // the loser may have won too
					for range begun - over - 1 {
						if o := <-outcomes; o.err == nil {
							_ = o.conn.Close()
						}
					}
				}()
				return o.conn, nil
			}
			if o.first {
				failed = o.err // whichever of the two ends first
			}
			if over++; over == 2 {
				return nil, failed
			}
		}
		if begun == 1 {
			begun = 2
			go try(other, false)
		}
	}
}

// leastPart is what each of several addresses gets of the time, if there is as much.
const leastPart = 2 * time.Second

// inTurn tries one address after the other. The error is the first one's.
func (to attempt) inTurn(ctx context.Context, remotes []netip.AddrPort) (_ net.Conn, failed error) {
	for i, r := range remotes {
		part, cancel := ctx, context.CancelFunc(func() {})
		if end, ok := ctx.Deadline(); ok {
			left := time.Until(end)
			part, cancel = context.WithTimeout(ctx, max(left/time.Duration(len(remotes)-i), min(left, leastPart)))
		}
		conn, err := to(part, r)
		cancel()
		if err == nil {
			return conn, nil
		}
		if failed == nil {
			failed = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, failed
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
	if d.dialer.Timeout != 0 {
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

// preferIPv4 is which of several addresses stands for all, as in package net.
func preferIPv4(found []netip.AddrPort) netip.AddrPort {
	if i := slices.IndexFunc(found, func(a netip.AddrPort) bool { return a.Addr().Is4() }); i >= 0 {
		return found[i]
	}
	return found[0]
}
