package check

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/pion/stun/v3"
)

// Reach says whether the rows can tell anything about a target, and if not, what to do: against a server that
// doesn't answer, every row that expects silence would pass, and with a wrong password nearly every other would fail.
func Reach(t Target) error {
	var fault error
	r := Row{run: func(p *probe) { fault = p.reach() }}.Run(t)
	if fault == nil && r.Outcome != Pass {
		fault = errors.New(r.Got)
	}
	return fault
}

func (p *probe) reach() error {
	conn, err := p.target.Dial()
	if err != nil {
		return dialFault(err)
	}
	defer conn.Close()
	c := &client{probe: p, conn: conn, stream: p.target.Stream, user: p.target.User}
	asked := c.build(request(stun.MethodAllocate), requestedTransport(udp))
	m := c.ask(asked)
	if m == nil {
		return c.silence(asked)
	}
	if err := redirected(m); err != nil {
		return err
	}
	if codeOf(m) != stun.CodeUnauthorized {
		c.realm = []byte{} // so that release deletes what there is
		c.release()
		return fmt.Errorf("it answers an Allocate without credentials with %s, not with 401: the rows are for servers with long-term credentials (RFC 8489 §9.2)", describe(m))
	}
	if c.learn(m); len(c.realm) == 0 || len(c.nonce) == 0 {
		return errors.New("its 401 has no REALM or no NONCE: nobody can authenticate")
	}
	m = c.do(stun.MethodAllocate, requestedTransport(udp))
	if err := c.refused(m); err != nil {
		return err
	}
	defer c.release()
	if p.target.Other.Username != "" {
		other := p.clientAs(p.target.Other)
		other.challenge()
		got := other.do(stun.MethodAllocate, requestedTransport(udp))
		if err := other.refused(got); err != nil && codeOf(got) != stun.CodeAllocQuotaReached {
			return err
		}
	}
	seen, _ := xorAddress(m, stun.AttrXORMappedAddress)
	return c.reachPeers(seen.Addr())
}

// refused says why an Allocate with credentials wasn't granted, if it wasn't.
func (c *client) refused(m *stun.Message) error {
	if err := redirected(m); err != nil {
		return err
	}
	switch {
	case (codeOf(m) == stun.CodeUnauthorized || codeOf(m) == stun.CodeBadRequest) && len(c.algorithms) > 0 && !c.offers(algorithmMD5):
		return errors.New("it takes no passwords by MD5 (PASSWORD-ALGORITHMS in its 401): the rows name no algorithm, which means MD5 (RFC 8489 §9.2.4), so they can't tell anything of it; offer MD5 as well for the check")
	case codeOf(m) == stun.CodeUnauthorized:
		return fmt.Errorf("it refuses %s's password in the realm %q: give the credentials of a user who may allocate", c.user.Username, c.realm)
	case m == nil || m.Type.Class != stun.ClassSuccessResponse:
		return fmt.Errorf("%s can't allocate: it answers with %s; is the password right?", c.user.Username, describe(m))
	}
	return nil
}

// redirected says where a server sends its clients, if it does (RFC 8656, section 7.2).
func redirected(m *stun.Message) error {
	if codeOf(m) != stun.CodeTryAlternate {
		return nil
	}
	var to stun.AlternateServer
	if to.GetFrom(m) != nil {
		return errors.New("it sends its clients to another server (300), but doesn't say to which: its answer has no ALTERNATE-SERVER")
	}
	return fmt.Errorf("it sends its clients to another server (300): check %v", (&net.UDPAddr{IP: to.IP, Port: to.Port}).AddrPort())
}

// reachPeers finds out whether the server may relay to the peers, and where the server sees this machine at another
// address, whether it can: behind a NAT the fault may not be the server's.
func (c *client) reachPeers(seen netip.Addr) error {
	for _, open := range c.probe.target.Peers {
		conn, err := open()
		if err != nil {
			return fmt.Errorf("no socket for a peer: %w: peers must be addresses of this machine", err)
		}
		defer conn.Close()
		at := conn.LocalAddr().(*net.UDPAddr).AddrPort()
		to := &peer{probe: c.probe, conn: conn, at: netip.AddrPortFrom(at.Addr().Unmap(), at.Port())}
		if m := c.do(stun.MethodCreatePermission, peerAddress(to.at)); m == nil || m.Type.Class != stun.ClassSuccessResponse {
			return fmt.Errorf("it won't relay to the peer %v (%s): name addresses of this machine that it may relay to, or allow these in its configuration",
				to.at.Addr(), describe(m))
		}
		if seen != to.at.Addr() && !c.reachesAtAll(to) {
			return fmt.Errorf("nothing that it relays reaches the peer %v, and it sees this machine as %v: name addresses of this machine that it can reach, not ones behind a NAT or firewall",
				to.at.Addr(), seen)
		}
	}
	return nil
}

func (c *client) reachesAtAll(to *peer) bool {
	for range 3 {
		c.sendTo(to.at, pattern(20))
		if got, _ := to.receive(c.probe.target.Answer / 3); got != nil {
			return true
		}
	}
	return false
}

func dialFault(err error) error {
	timeout, ok := err.(net.Error)
	var invalid x509.CertificateInvalidError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("nobody listens there: connection refused")
	case ok && timeout.Timeout(), strings.Contains(err.Error(), "deadline exceeded"):
		return errors.New("no connection in time: is the port right, does it speak this transport, does a firewall drop it?")
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET): // TCP has a connection by then
		return fmt.Errorf("it closed the connection during the TLS handshake (%w): does it speak TLS there?", err)
	case strings.Contains(err.Error(), "first record does not look like a TLS handshake"):
		return errors.New("it doesn't speak TLS there")
	case errors.As(err, new(x509.HostnameError)):
		return fmt.Errorf("its certificate is for others (%w): name the server as its certificate does, or give --insecure", errors.Unwrap(err))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("its certificate isn't valid now (%w): renew it, or set the clock, or give --insecure", errors.Unwrap(err))
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return fmt.Errorf("its certificate isn't trusted (%w): give --ca FILE with the authority that it is from, or --insecure", errors.Unwrap(err))
	}
	return err
}

// silence says what a server did that gave no answer.
func (c *client) silence(request *stun.Message) error {
	if c.stream && len(c.held) == 0 && isTimeout(c.broken) {
		_, _ = c.conn.Write([]byte("\r\n\r\n")) // whoever waits for the end of a line says now what it is
		c.receiveNew(time.Now().Add(c.probe.target.Quiet))
	}
	heard := c.held
	if len(c.pending) > 0 {
		heard = c.pending[0]
	}
	m := &stun.Message{Raw: heard}
	switch {
	case m.Decode() == nil:
		return fmt.Errorf("its answer isn't one to the request, and no client would take it: %s, with type %#04x and transaction ID %x, and not 0x0103 or 0x0113 and the request's %x (RFC 8489 §6.3)",
			describe(m), binary.BigEndian.Uint16(heard), m.TransactionID, request.TransactionID)
	case len(heard) > 0:
		return fmt.Errorf("it doesn't speak TURN there: it answers with %.40q", heard)
	case errors.Is(c.broken, syscall.ECONNREFUSED):
		return errors.New("nobody listens there: the port is unreachable")
	case c.broken != nil && !isTimeout(c.broken):
		return fmt.Errorf("it closed the connection without an answer (%v): does it speak TURN, and over this transport?", c.broken)
	}
	return fmt.Errorf("no answer within %v: is it a TURN server's port, and does a firewall let this through?", c.probe.target.Answer)
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}
