package dns_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	wire "github.com/miekg/dns"
	"github.com/pion/transport/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/dns"
)

// script is a network with one name server that does as it is told. Each socket is a pipe, each message
// one Write. It lives in a bubble: five seconds are over at once.
type script struct {
	transport.Net
	udp, tcp func(n int, query *wire.Msg) []any // what the n-th question is answered with: a *wire.Msg, []byte, or a time to wait
	refuse   error                              // what opening a UDP socket fails with

	mu      sync.Mutex
	queries []string // "udp 0001 at 0s"
	begin   time.Time
	serving sync.WaitGroup
}

// udpConn makes a socket of a pipe. The resolver needs no more of it.
type udpConn struct {
	transport.UDPConn
	net.Conn
}

func (c udpConn) Read(b []byte) (int, error)         { return c.Conn.Read(b) }
func (c udpConn) Write(b []byte) (int, error)        { return c.Conn.Write(b) }
func (c udpConn) Close() error                       { return c.Conn.Close() }
func (c udpConn) SetDeadline(t time.Time) error      { return c.Conn.SetDeadline(t) }
func (c udpConn) SetReadDeadline(t time.Time) error  { return c.Conn.SetReadDeadline(t) }
func (c udpConn) SetWriteDeadline(t time.Time) error { return c.Conn.SetWriteDeadline(t) }
func (c udpConn) LocalAddr() net.Addr                { return c.Conn.LocalAddr() }
func (c udpConn) RemoteAddr() net.Addr               { return c.Conn.RemoteAddr() }

func (s *script) DialUDP(string, *net.UDPAddr, *net.UDPAddr) (transport.UDPConn, error) {
	if s.refuse != nil {
		return nil, s.refuse
	}
	near, far := net.Pipe()
	s.serving.Go(func() { s.serve("udp", far, s.udp) })
	return udpConn{Conn: near}, nil
}

func (s *script) CreateDialer(*net.Dialer) transport.Dialer { return tcpDialer{s} }

type tcpDialer struct{ s *script }

func (d tcpDialer) Dial(string, string) (net.Conn, error) {
	near, far := net.Pipe()
	d.s.serving.Go(func() { d.s.serve("tcp", far, d.s.tcp) })
	return near, nil
}

// serve reads one question and does what the script says. A pipe is not a packet connection, so
// wire.Conn frames what goes over it as for TCP; for UDP the messages go bare.
func (s *script) serve(network string, conn net.Conn, answers func(int, *wire.Msg) []any) {
	defer func() { _ = conn.Close() }()
	framed := &wire.Conn{Conn: conn}
	var query wire.Msg
	if network == "tcp" {
		q, err := framed.ReadMsg()
		if err != nil {
			return
		}
		query = *q
	} else {
		buf := make([]byte, 65535)
		n, err := conn.Read(buf)
		if err != nil || query.Unpack(buf[:n]) != nil {
			return
		}
	}
	s.mu.Lock()
	s.queries = append(s.queries, fmt.Sprintf("%s %04x at %v", network, query.Id, time.Since(s.begin)))
	n := len(s.queries)
	s.mu.Unlock()
	for _, a := range answers(n, &query) {
		var packed []byte
		switch a := a.(type) {
		case time.Duration:
			time.Sleep(a)
			continue
		case []byte:
			packed = a
		case *wire.Msg:
			packed, _ = a.Pack()
		}
		var err error
		if network == "tcp" {
			_, err = framed.Write(packed)
		} else {
			_, err = conn.Write(packed)
		}
		if err != nil {
			return
		}
	}
	_, _ = conn.Read(make([]byte, 1)) // until the resolver closes
}

func reply(q *wire.Msg, change ...func(*wire.Msg)) *wire.Msg {
	m := new(wire.Msg).SetReply(q)
	m.Answer = []wire.RR{&wire.A{
		Hdr: wire.RR_Header{Name: q.Question[0].Name, Rrtype: wire.TypeA, Class: wire.ClassINET, Ttl: 60},
		A:   net.IPv4(192, 0, 2, 1),
	}}
	for _, f := range change {
		f(m)
	}
	return m
}

func TestResolver(t *testing.T) {
	type answers = func(n int, q *wire.Msg) []any
	silent := answers(func(int, *wire.Msg) []any { return nil })
	good := answers(func(_ int, q *wire.Msg) []any { return []any{reply(q)} })
	after := func(n int, a answers) answers {
		return func(i int, q *wire.Msg) []any {
			if i <= n {
				return nil
			}
			return a(i, q)
		}
	}
	rcode := func(code int) answers {
		return func(_ int, q *wire.Msg) []any {
			return []any{reply(q, func(m *wire.Msg) { m.Rcode, m.Answer = code, nil })}
		}
	}
	truncated := answers(func(_ int, q *wire.Msg) []any {
		return []any{reply(q, func(m *wire.Msg) { m.Truncated, m.Answer = true, nil })}
	})
	// The server says only what a name stands for, and something that nobody asked for.
	alias := answers(func(n int, q *wire.Msg) []any {
		if n == 2 {
			return []any{reply(q)}
		}
		return []any{reply(q, func(m *wire.Msg) {
			m.Answer[0] = &wire.A{Hdr: wire.RR_Header{Name: "stranger.test.", Rrtype: wire.TypeA, Class: wire.ClassINET}, A: net.IPv4(192, 0, 2, 9)}
			header := wire.RR_Header{Name: q.Question[0].Name, Rrtype: wire.TypeCNAME, Class: wire.ClassINET}
			m.Answer = append(m.Answer, &wire.CNAME{Hdr: header, Target: "other.test."})
		})}
	})

	for _, tc := range []struct {
		name     string
		udp, tcp answers
		refuse   error
		change   func(*dns.Resolver)
		cancel   time.Duration // of the caller's context; zero: never
		queries  []string
		took     time.Duration
		want     string // of the error; empty: an address
		is       error
		notFound bool
		timeout  bool
	}{
		{name: "an answer", udp: good, queries: []string{"udp 0001 at 0s"}},
		{name: "an alias to follow", udp: alias, queries: []string{"udp 0001 at 0s", "udp 0002 at 0s"}},
		{name: "silence", udp: silent,
			queries: []string{"udp 0001 at 0s", "udp 0002 at 5s"}, took: 10 * time.Second,
			want: "lookup relay.test on 192.0.2.53:53: i/o timeout", timeout: true},
		{name: "the first question is lost", udp: after(1, good),
			queries: []string{"udp 0001 at 0s", "udp 0002 at 5s"}, took: 5 * time.Second},
		{name: "more patience", udp: after(3, good), change: func(r *dns.Resolver) { r.Attempts, r.Timeout = 4, time.Second },
			queries: []string{"udp 0001 at 0s", "udp 0002 at 1s", "udp 0003 at 2s", "udp 0004 at 3s"}, took: 3 * time.Second},
		{name: "answers that are not ours", udp: func(_ int, q *wire.Msg) []any {
			return []any{
				[]byte("garbage"),
				q,
				reply(q, func(m *wire.Msg) { m.Id++ }),
				reply(q, func(m *wire.Msg) { m.Question = nil }),
				reply(q, func(m *wire.Msg) { m.Question[0].Name = "other.test." }),
				reply(q, func(m *wire.Msg) { m.Question[0].Qtype = wire.TypeAAAA }),
				4 * time.Second,
				reply(q, func(m *wire.Msg) { m.Question[0].Name = "ReLaY.tEsT." }),
			}
		}, queries: []string{"udp 0001 at 0s"}, took: 4 * time.Second},
		{name: "no such host", udp: rcode(wire.RcodeNameError), queries: []string{"udp 0001 at 0s"},
			want: "lookup relay.test on 192.0.2.53:53: no such host", notFound: true},
		{name: "no address", udp: rcode(wire.RcodeSuccess), queries: []string{"udp 0001 at 0s"},
			want: "lookup relay.test on 192.0.2.53:53: no such host", notFound: true},
		{name: "a server in trouble", udp: rcode(wire.RcodeServerFailure),
			queries: []string{"udp 0001 at 0s", "udp 0002 at 0s"},
			want:    "lookup relay.test on 192.0.2.53:53: server misbehaving: SERVFAIL"},
		{name: "a server that isn't there", refuse: syscall.ECONNREFUSED,
			want: "lookup relay.test on 192.0.2.53:53: connection refused", is: syscall.ECONNREFUSED},
		{name: "too long for UDP", udp: truncated, tcp: good,
			queries: []string{"udp 0001 at 0s", "tcp 0001 at 0s"}},
		{name: "silence over TCP", udp: truncated, tcp: silent,
			queries: []string{"udp 0001 at 0s", "tcp 0001 at 0s", "udp 0002 at 5s", "tcp 0002 at 5s"}, took: 10 * time.Second,
			want: "lookup relay.test on 192.0.2.53:53: i/o timeout", timeout: true},
		{name: "another answer over TCP", udp: truncated, tcp: func(_ int, q *wire.Msg) []any {
			return []any{reply(q, func(m *wire.Msg) { m.Id++ })}
		}, queries: []string{"udp 0001 at 0s", "tcp 0001 at 0s", "udp 0002 at 0s", "tcp 0002 at 0s"},
			want: "lookup relay.test on 192.0.2.53:53: server misbehaving: it answers another question"},
		{name: "the caller gives up", udp: silent, cancel: 3 * time.Second,
			queries: []string{"udp 0001 at 0s"}, took: 3 * time.Second,
			want: "lookup relay.test on 192.0.2.53:53: context canceled", is: context.Canceled},
		{name: "the caller gives up over TCP", udp: truncated, tcp: silent, cancel: 3 * time.Second,
			queries: []string{"udp 0001 at 0s", "tcp 0001 at 0s"}, took: 3 * time.Second,
			want: "lookup relay.test on 192.0.2.53:53: context canceled", is: context.Canceled},
		{name: "the caller gave up before", udp: good, cancel: -1,
			want: "lookup relay.test on 192.0.2.53:53: context canceled", is: context.Canceled},
		{name: "no IDs left", udp: good, change: func(r *dns.Resolver) { r.IDs = bytes.NewReader(nil) },
			want: "lookup relay.test on 192.0.2.53:53: draw a query ID: EOF"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{udp: tc.udp, tcp: tc.tcp, refuse: tc.refuse, begin: time.Now()}
				r := &dns.Resolver{
					Net:    s,
					Server: netip.MustParseAddrPort("192.0.2.53:53"),
					IDs:    bytes.NewReader([]byte{0, 1, 0, 2, 0, 3, 0, 4}),
				}
				if tc.change != nil {
					tc.change(r)
				}
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				if tc.cancel < 0 {
					cancel()
				} else if tc.cancel > 0 {
					time.AfterFunc(tc.cancel, cancel)
				}
				got, err := r.Lookup(ctx, "relay.test")
				require.Equal(t, tc.took, time.Since(s.begin))
				s.serving.Wait()
				require.Equal(t, tc.queries, s.queries)
				if tc.want == "" {
					require.NoError(t, err)
					require.Equal(t, addrs("192.0.2.1"), got)
					return
				}
				require.EqualError(t, err, tc.want)
				var e *net.DNSError
				require.ErrorAs(t, err, &e)
				require.Equal(t, tc.notFound, e.IsNotFound)
				require.Equal(t, tc.timeout, e.IsTimeout)
				if tc.is != nil {
					require.True(t, errors.Is(err, tc.is))
				}
			})
		})
	}
}

func TestResolverWithoutServer(t *testing.T) {
	_, err := (&dns.Resolver{}).Lookup(t.Context(), "www.example.test")
	require.ErrorContains(t, err, "the resolver needs a Net and a Server")
}
