package dns_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	wire "github.com/miekg/dns"
	"github.com/pion/transport/v3/stdnet"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/dns"
)

var zone = dns.Zone{
	"relay-1.proxy.test":  at("23.236.115.138"),
	"edge.proxy.test":     at("47.74.211.17", "52.80.192.229", "52.52.84.170"),
	"Many.Proxy.Test.":    dns.At(many(200)...),
	"nothing.proxy.test.": {},
	"six.proxy.test":      at("2001:db8::6"),
	"both.proxy.test":     at("192.0.2.4", "2001:db8::4", "192.0.2.5"),
	"www.proxy.test":      {Alias: "Alias.proxy.test"},
	"alias.proxy.test":    {Alias: "both.proxy.test.", TTL: time.Hour},
	"dangling.proxy.test": {Alias: "elsewhere.test"},
	"circle.proxy.test":   {Alias: "circle.proxy.test"},
	"broken.proxy.test":   {Fault: dns.ServFail},
	"silent.proxy.test":   {Fault: dns.Silence},
}

func addrs(ss ...string) (out []netip.Addr) {
	for _, s := range ss {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func at(ss ...string) dns.Record { return dns.At(addrs(ss...)...) }

// many is more addresses than fit into one packet.
func many(n int) (out []netip.Addr) {
	for i := range n {
		out = append(out, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
	}
	return out
}

// serve runs a server on loopback until the test ends, and gives a resolver that asks it.
func serve(t *testing.T) (*dns.Server, *dns.Resolver) {
	t.Helper()
	n, err := stdnet.NewNet()
	require.NoError(t, err)
	s, err := dns.Listen(n, netip.MustParseAddrPort("127.0.0.1:0"), zone)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-served)
	})
	return s, &dns.Resolver{Net: n, Server: s.Addr()}
}

func TestLookup(t *testing.T) {
	_, r := serve(t)
	for _, tc := range []struct {
		name string
		want []netip.Addr // nil: no such host
	}{
		{"relay-1.proxy.test", addrs("23.236.115.138")},
		{"relay-1.proxy.test.", addrs("23.236.115.138")},
		{"RELAY-1.Proxy.TEST", addrs("23.236.115.138")},
		{"edge.proxy.test", addrs("47.74.211.17", "52.80.192.229", "52.52.84.170")},
		{"many.proxy.test", many(200)}, // by TCP
		{"192.0.2.7", addrs("192.0.2.7")},
		{"2001:db8::7", addrs("2001:db8::7")},
		{"nothing.proxy.test", nil},
		{"relay-9.proxy.test", nil},
		{"proxy.test", nil},
		{"", nil},
		{"two..dots", nil},
		{strings.Repeat("x", 64) + ".test", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := r.Lookup(t.Context(), tc.name)
			if tc.want != nil {
				require.NoError(t, err)
				require.Equal(t, tc.want, got)
				return
			}
			var e *net.DNSError
			require.ErrorAs(t, err, &e)
			require.True(t, e.IsNotFound)
			require.False(t, e.IsTimeout)
			require.EqualError(t, err, fmt.Sprintf("lookup %s on %s: no such host", tc.name, r.Server))
		})
	}
}

// TestVersionsAndAliases asks for both versions of IP, and for names that stand for others.
func TestVersionsAndAliases(t *testing.T) {
	_, r := serve(t)
	for _, tc := range []struct {
		name  string
		order []dns.Version
		want  []netip.Addr
		err   string
	}{
		{"six.proxy.test", nil, nil, "no such host"},
		{"six.proxy.test", []dns.Version{dns.IPv4, dns.IPv6}, addrs("2001:db8::6"), ""},
		{"both.proxy.test", []dns.Version{dns.IPv4, dns.IPv6}, addrs("192.0.2.4", "192.0.2.5", "2001:db8::4"), ""},
		{"both.proxy.test", []dns.Version{dns.IPv6, dns.IPv4}, addrs("2001:db8::4", "192.0.2.4", "192.0.2.5"), ""},
		{"WWW.proxy.test", []dns.Version{dns.IPv6}, addrs("2001:db8::4"), ""},
		{"www.proxy.test", nil, addrs("192.0.2.4", "192.0.2.5"), ""},
		{"dangling.proxy.test", nil, nil, "no such host"},
		{"circle.proxy.test", nil, nil, "server misbehaving: SERVFAIL"},
		{"broken.proxy.test", []dns.Version{dns.IPv4, dns.IPv6}, nil, "server misbehaving: SERVFAIL"},
	} {
		r := &dns.Resolver{Net: r.Net, Server: r.Server, Order: tc.order}
		got, err := r.Lookup(t.Context(), tc.name)
		if tc.err != "" {
			require.EqualError(t, err, fmt.Sprintf("lookup %s on %s: %s", tc.name, r.Server, tc.err))
			continue
		}
		require.NoError(t, err, tc.name)
		require.Equal(t, tc.want, got, tc.name)
	}
}

// TestSilence asks for a name at which the server drops the question.
func TestSilence(t *testing.T) {
	_, r := serve(t)
	r = &dns.Resolver{Net: r.Net, Server: r.Server, Timeout: 10 * time.Millisecond}
	_, err := r.Lookup(t.Context(), "silent.proxy.test")
	var e *net.DNSError
	require.ErrorAs(t, err, &e)
	require.True(t, e.IsTimeout)
}

// TestTimeToLive looks at the records themselves.
func TestTimeToLive(t *testing.T) {
	s, _ := serve(t)
	reply, err := wire.Exchange(new(wire.Msg).SetQuestion("alias.proxy.test.", wire.TypeA), s.Addr().String())
	require.NoError(t, err)
	var ttls []uint32
	for _, record := range reply.Answer {
		ttls = append(ttls, record.Header().Ttl)
	}
	require.Equal(t, []uint32{3600, 60, 60}, ttls, "the alias's own, then the default")
}

func TestLookupsAtOnce(t *testing.T) {
	_, r := serve(t)
	var wg sync.WaitGroup
	errs := make([]error, 64)
	for i := range errs {
		wg.Go(func() {
			name := []string{"edge.proxy.test", "many.proxy.test"}[i%2]
			got, err := r.Lookup(t.Context(), name)
			if err == nil && len(got) != []int{3, 200}[i%2] {
				err = fmt.Errorf("%d addresses of %s", len(got), name)
			}
			errs[i] = err
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
}

func TestSetZone(t *testing.T) {
	s, r := serve(t)
	require.NoError(t, s.SetZone(dns.Zone{"relay-1.proxy.test": at("192.0.2.1")}))
	got, err := r.Lookup(t.Context(), "relay-1.proxy.test")
	require.NoError(t, err)
	require.Equal(t, addrs("192.0.2.1"), got)
	_, err = r.Lookup(t.Context(), "edge.proxy.test")
	require.Error(t, err)
}

func TestZoneMistakes(t *testing.T) {
	n, err := stdnet.NewNet()
	require.NoError(t, err)
	_, err = dns.Listen(n, netip.MustParseAddrPort("127.0.0.1:0"), dns.Zone{
		"two..dots": {},
		"a.test":    {},
		"A.test.":   {},
		"c.test":    {Alias: "a.test", Addrs: addrs("192.0.2.1")},
		"d.test":    {Alias: "two..dots"},
		"e.test":    at("::ffff:192.0.2.1"),
		"f.test":    {TTL: -1},
	})
	require.ErrorContains(t, err, `"two..dots" is no domain name`)
	require.ErrorContains(t, err, `"c.test" is an alias and has addresses too`)
	require.ErrorContains(t, err, `"d.test" stands for "two..dots", which is no domain name`)
	require.ErrorContains(t, err, `"e.test": ::ffff:192.0.2.1 is neither an IPv4 nor an IPv6 address`)
	require.ErrorContains(t, err, `"f.test": a TTL of -1ns can't be sent`)
	require.ErrorContains(t, err, `is there twice, in another spelling`)
}

func TestListenOnTakenPort(t *testing.T) {
	s, r := serve(t)
	_, err := dns.Listen(r.Net, s.Addr(), zone)
	require.ErrorContains(t, err, "dns: listen on TCP "+s.Addr().String())
}

// TestServeEndsConnections has a client that stays connected: Serve must end without him.
func TestServeEndsConnections(t *testing.T) {
	n, err := stdnet.NewNet()
	require.NoError(t, err)
	s, err := dns.Listen(n, netip.MustParseAddrPort("127.0.0.1:0"), zone)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- s.Serve(ctx) }()

	conn, err := net.Dial("tcp", s.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	framed := wire.Conn{Conn: conn}
	for _, name := range []string{"edge.proxy.test.", "relay-1.proxy.test."} { // two questions, one connection
		require.NoError(t, framed.WriteMsg(question(name, wire.TypeA)))
		reply, err := framed.ReadMsg()
		require.NoError(t, err)
		require.NotEmpty(t, reply.Answer)
	}
	cancel()
	require.NoError(t, <-served)
	_, err = framed.ReadMsg()
	require.Error(t, err)
	_, err = net.Dial("tcp", s.Addr().String())
	require.Error(t, err)
}

func question(name string, kind uint16) *wire.Msg {
	return &wire.Msg{
		MsgHdr:   wire.MsgHdr{Id: 7, RecursionDesired: true},
		Question: []wire.Question{{Name: name, Qtype: kind, Qclass: wire.ClassINET}},
	}
}

// TestAnswers asks with raw messages what a resolver never would.
func TestAnswers(t *testing.T) {
	s, _ := serve(t)
	change := func(f func(*wire.Msg)) *wire.Msg {
		q := question("edge.proxy.test.", wire.TypeA)
		f(q)
		return q
	}
	for _, tc := range []struct {
		name      string
		query     *wire.Msg
		rcode     int
		records   int
		truncated bool
	}{
		{"IPv4", question("edge.proxy.test.", wire.TypeA), wire.RcodeSuccess, 3, false},
		{"IPv6", question("edge.proxy.test.", wire.TypeAAAA), wire.RcodeSuccess, 0, false},
		{"anything else", question("edge.proxy.test.", wire.TypeTXT), wire.RcodeSuccess, 0, false},
		{"no such name", question("x.proxy.test.", wire.TypeAAAA), wire.RcodeNameError, 0, false},
		{"a name above others", question("proxy.test.", wire.TypeA), wire.RcodeSuccess, 0, false},
		{"the root", question(".", wire.TypeA), wire.RcodeSuccess, 0, false},
		{"a later EDNS", change(func(q *wire.Msg) { q.SetEdns0(4096, false).IsEdns0().SetVersion(1) }), wire.RcodeBadVers, 0, false},
		{"another class", change(func(q *wire.Msg) { q.Question[0].Qclass = wire.ClassCHAOS }), wire.RcodeRefused, 0, false},
		{"an update", change(func(q *wire.Msg) { q.Opcode = wire.OpcodeUpdate }), wire.RcodeNotImplemented, 0, false},
		{"no question", change(func(q *wire.Msg) { q.Question = nil }), wire.RcodeFormatError, 0, false},
		{"two questions", change(func(q *wire.Msg) { q.Question = append(q.Question, q.Question[0]) }), wire.RcodeFormatError, 0, false},
		{"too long for UDP", question("many.proxy.test.", wire.TypeA), wire.RcodeSuccess, 29, true},
		{"too long for a larger packet", change(func(q *wire.Msg) { q.Question[0].Name = "many.proxy.test."; q.SetEdns0(4096, false) }), wire.RcodeSuccess, 84, true},
		{"a size below the least", change(func(q *wire.Msg) { q.Question[0].Name = "many.proxy.test."; q.SetEdns0(1, false) }), wire.RcodeSuccess, 29, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			conn, err := net.Dial("udp", s.Addr().String())
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			packed, err := tc.query.Pack()
			require.NoError(t, err)
			// Neither deserves an answer, so the first one that comes is to the question after them.
			for _, p := range [][]byte{{0, 1, 2}, append([]byte{packed[0], packed[1], packed[2] | 0x80}, packed[3:]...), packed} {
				_, err = conn.Write(p)
				require.NoError(t, err)
			}
			buf := make([]byte, 65535)
			n, err := conn.Read(buf)
			require.NoError(t, err)
			var reply wire.Msg
			require.NoError(t, reply.Unpack(buf[:n]))
			require.Equal(t, tc.query.Id, reply.Id)
			require.True(t, reply.Response)
			require.Equal(t, tc.rcode, reply.Rcode)
			require.Equal(t, tc.truncated, reply.Truncated)
			require.Len(t, reply.Answer, tc.records)
			if tc.query.IsEdns0() == nil {
				require.LessOrEqual(t, n, 512)
			} else {
				require.NotNil(t, reply.IsEdns0())
				require.LessOrEqual(t, n, 1400)
			}
		})
	}
}
