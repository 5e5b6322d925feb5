package dns

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	wire "github.com/miekg/dns"
	"github.com/pion/transport/v3"
)

// Resolver looks names up at one server. Its fields must not change once it is in use; Lookup may be
// called by many goroutines at once.
type Resolver struct {
	Net    transport.Net
	Server netip.AddrPort

	// IDs gives two bytes for each question. Default: crypto/rand.
	IDs io.Reader

	// Timeout is how long to wait for one answer. Default 5 s, as in resolv.conf.
	Timeout time.Duration

	// Order is the versions of IP for which addresses are asked, one after the other; what the first has
	// comes first. Default: 4 alone, as for a host that has no IPv6 (RFC 3493's AI_ADDRCONFIG).
	Order []Version

	// Attempts is how often to ask. Default 2, as in resolv.conf.
	Attempts int

	mu sync.Mutex // guards IDs
}

// Version is a version of IP.
type Version uint8

// The versions whose addresses names have.
const (
	IPv4 Version = 4 // A
	IPv6 Version = 6 // AAAA
)

func (v Version) question() uint16 {
	if v == IPv6 {
		return wire.TypeAAAA
	}
	return wire.TypeA
}

// Errors inside a *net.DNSError, in package net's words.
var (
	errNoSuchHost  = errors.New("no such host")
	errMisbehaving = errors.New("server misbehaving")
)

// Lookup is the addresses of a host, at least one, in the server's order. A name that is an address is its
// own answer. If one version of IP has addresses, it is no matter what became of the question for the
// other. The error is a *net.DNSError, with IsNotFound, IsTimeout or IsTemporary set.
func (r *Resolver) Lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{addr}, nil
	}
	if !isName(name) {
		return nil, r.fail(name, errNoSuchHost)
	}
	if r.Net == nil || !r.Server.IsValid() {
		return nil, r.fail(name, errors.New("the resolver needs a Net and a Server"))
	}
	order := r.Order
	if len(order) == 0 {
		order = []Version{IPv4}
	}
	var found []netip.Addr
	var failed error
	for _, v := range order {
		addrs, err := r.resolve(ctx, name, v)
		found = append(found, addrs...)
		if failed == nil || errors.Is(failed, errNoSuchHost) && err != nil {
			failed = err // silence may hide an address, so it says more than that there is none
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	return nil, r.fail(name, failed)
}

// resolve asks for the addresses of one version, as often as it takes.
func (r *Resolver) resolve(ctx context.Context, name string, v Version) ([]netip.Addr, error) {
	attempts := r.Attempts
	if attempts <= 0 {
		attempts = 2
	}
	var err error
	for range attempts {
		if ctx.Err() != nil {
			break
		}
		var addrs []netip.Addr
		if addrs, err = r.follow(ctx, name, v); err == nil || errors.Is(err, errNoSuchHost) {
			return addrs, err
		}
	}
	if ctx.Err() != nil {
		err = ctx.Err() // the reason for whatever happened to the connection
	}
	return nil, err
}

// follow asks for a name, and for what it stands for if the server leaves that to us.
func (r *Resolver) follow(ctx context.Context, name string, v Version) ([]netip.Addr, error) {
	for range mostAliases {
		reply, err := r.ask(ctx, name, v)
		if err != nil {
			return nil, err
		}
		end := aliasOf(reply, name)
		if addrs := addresses(reply, end); len(addrs) > 0 {
			return addrs, nil
		}
		if end == wire.CanonicalName(name) {
			return nil, errNoSuchHost
		}
		name = end
	}
	return nil, fmt.Errorf("%w: more than %d aliases one after the other", errMisbehaving, mostAliases)
}

// aliasOf is the name at the end of the chain that an answer has for a name.
func aliasOf(reply *wire.Msg, name string) string {
	name = wire.CanonicalName(name)
	for range mostAliases {
		next := ""
		for _, record := range reply.Answer {
			if c, ok := record.(*wire.CNAME); ok && wire.CanonicalName(c.Hdr.Name) == name {
				next = wire.CanonicalName(c.Target)
			}
		}
		if next == "" {
			break
		}
		name = next
	}
	return name
}

// addresses is what an answer has for a name.
func addresses(reply *wire.Msg, name string) (addrs []netip.Addr) {
	for _, record := range reply.Answer {
		if wire.CanonicalName(record.Header().Name) != name {
			continue
		}
		var addr netip.Addr
		switch record := record.(type) {
		case *wire.A:
			addr, _ = netip.AddrFromSlice(record.A.To4())
		case *wire.AAAA:
			addr, _ = netip.AddrFromSlice(record.AAAA.To16())
		}
		if addr.IsValid() {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

// ask makes one attempt: by UDP, then by TCP if the answer is too long for that.
func (r *Resolver) ask(ctx context.Context, name string, v Version) (*wire.Msg, error) {
	query, err := r.query(name, v)
	if err != nil {
		return nil, err
	}
	reply, err := r.askUDP(ctx, query)
	if err == nil && reply.Truncated {
		reply, err = r.askTCP(ctx, query)
	}
	if err != nil {
		return nil, err
	}
	switch reply.Rcode {
	case wire.RcodeSuccess:
		return reply, nil
	case wire.RcodeNameError:
		return nil, errNoSuchHost
	}
	return nil, fmt.Errorf("%w: %s", errMisbehaving, wire.RcodeToString[reply.Rcode])
}

// query is a question with a fresh ID, so that the late answer to an earlier one isn't taken for its own.
func (r *Resolver) query(name string, v Version) (*wire.Msg, error) {
	ids := r.IDs
	if ids == nil {
		ids = rand.Reader
	}
	var id [2]byte
	r.mu.Lock()
	_, err := io.ReadFull(ids, id[:])
	r.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("draw a query ID: %w", err)
	}
	return &wire.Msg{
		MsgHdr:   wire.MsgHdr{Id: binary.BigEndian.Uint16(id[:]), RecursionDesired: true},
		Question: []wire.Question{{Name: wire.Fqdn(name), Qtype: v.question(), Qclass: wire.ClassINET}},
	}, nil
}

func (r *Resolver) askUDP(ctx context.Context, query *wire.Msg) (*wire.Msg, error) {
	packed, err := query.Pack()
	if err != nil {
		return nil, err
	}
	conn, err := r.Net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(r.Server))
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	release, err := r.limit(ctx, conn)
	if err != nil {
		return nil, err
	}
	defer release()
	if _, err := conn.Write(packed); err != nil {
		return nil, err
	}
	buffer := buffers.Get().(*[wire.MaxMsgSize]byte)
	defer buffers.Put(buffer)
	buf := buffer[:]
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		reply := new(wire.Msg)
		if reply.Unpack(buf[:n]) == nil && answers(query, reply) {
			return reply, nil
		}
		// Somebody else's answer, or garbage: ours may still come.
	}
}

func (r *Resolver) askTCP(ctx context.Context, query *wire.Msg) (*wire.Msg, error) {
	dialer := r.Net.CreateDialer(&net.Dialer{Timeout: r.timeout()})
	conn, err := dialer.Dial("tcp", r.Server.String())
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	release, err := r.limit(ctx, conn)
	if err != nil {
		return nil, err
	}
	defer release()
	framed := wire.Conn{Conn: conn}
	if err := framed.WriteMsg(query); err != nil {
		return nil, err
	}
	reply, err := framed.ReadMsg()
	if err != nil {
		return nil, err
	}
	if !answers(query, reply) {
		return nil, fmt.Errorf("%w: it answers another question", errMisbehaving)
	}
	return reply, nil
}

// limit bounds what happens on a connection by the timeout and by ctx, until release.
func (r *Resolver) limit(ctx context.Context, conn interface{ SetDeadline(time.Time) error }) (release func(), err error) {
	if err := conn.SetDeadline(time.Now().Add(r.timeout())); err != nil {
		return nil, err
	}
	return onDone(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }), nil
}

func (r *Resolver) timeout() time.Duration {
	if r.Timeout > 0 {
		return r.Timeout
	}
	return 5 * time.Second
}

// answers tells whether a reply is to this very question. RFC 5452, section 9.1.
func answers(query, reply *wire.Msg) bool {
	if !reply.Response || reply.Id != query.Id || len(reply.Question) != 1 {
		return false
	}
	q, a := query.Question[0], reply.Question[0]
	return a.Qtype == q.Qtype && a.Qclass == q.Qclass && strings.EqualFold(a.Name, q.Name)
}

// fail writes an error as package net does.
func (r *Resolver) fail(name string, err error) *net.DNSError {
	e := &net.DNSError{UnwrapErr: err, Err: err.Error(), Name: name, Server: r.Server.String()}
	var timeout net.Error
	switch {
	case errors.Is(err, errNoSuchHost):
		e.IsNotFound = true
	case errors.Is(err, errMisbehaving):
		e.IsTemporary = true
	case errors.As(err, &timeout) && timeout.Timeout():
		e.Err, e.IsTimeout, e.IsTemporary = "i/o timeout", true, true
	}
	return e
}
