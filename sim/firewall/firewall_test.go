package firewall_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

const (
	in  = firewall.Inbound
	out = firewall.Outbound
	tcp = firewall.TCP
	udp = firewall.UDP

	syn    = firewall.SYN
	synAck = firewall.SYN | firewall.ACK
	ack    = firewall.ACK
	fin    = firewall.FIN | firewall.ACK
	rst    = firewall.RST
)

var (
	epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

	office  = netip.MustParsePrefix("10.0.0.0/24")
	alice   = netip.MustParseAddrPort("10.0.0.2:50000")
	relay   = netip.MustParseAddrPort("23.236.115.138:443")
	media   = netip.MustParseAddrPort("23.236.115.138:3478")
	gateway = netip.MustParseAddrPort("198.18.0.1:443")
)

// packet is one line of a table: at which time since the start a packet passes, and what the firewall
// must say, as "action rule", or "action rule (opened)" where the opening rule has another name.
type packet struct {
	at    time.Duration
	proto firewall.Proto
	dir   firewall.Direction
	flags firewall.TCPFlags
	far   netip.AddrPort
	want  string
}

func (p packet) packet() firewall.Packet {
	q := firewall.Packet{Proto: p.proto, Src: alice, Dst: p.far, Direction: p.dir, Flags: p.flags}
	if p.dir == in {
		q.Src, q.Dst = q.Dst, q.Src
	}
	return q
}

func say(v firewall.Verdict) string {
	s := v.Action.String() + " " + v.Rule
	if v.Opened != "" && v.Opened != v.Rule {
		s += " (" + v.Opened + ")"
	}
	return s
}

func newFirewall(t testing.TB, p firewall.Policy, timeouts firewall.Timeouts) *firewall.Firewall {
	t.Helper()
	f, err := firewall.New(p, timeouts)
	require.NoError(t, err)
	return f
}

func TestDecide(t *testing.T) {
	const (
		hour   = time.Hour
		minute = time.Minute
		second = time.Second
	)
	rejecting := firewall.Whitelist(office)
	rejecting.Default, rejecting.Invalid = firewall.Reject, firewall.Reject

	for _, tc := range []struct {
		name     string
		policy   firewall.Policy // zero: the whitelist
		timeouts firewall.Timeouts
		packets  []packet
	}{
		{name: "a TCP connection from SYN to the second FIN", packets: []packet{
			{0, tcp, out, syn, relay, "allow T1"},
			{0, tcp, in, synAck, relay, "allow established (T1)"},
			{0, tcp, out, ack, relay, "allow established (T1)"},
			{0, tcp, in, ack, relay, "allow established (T1)"},
			{0, tcp, out, fin, relay, "allow established (T1)"},
			{0, tcp, in, ack, relay, "allow established (T1)"},
			{0, tcp, in, fin, relay, "allow established (T1)"},
			{0, tcp, out, ack, relay, "allow established (T1)"},
		}},
		{name: "SYN is judged by the rules until it is answered", packets: []packet{
			{0, tcp, out, syn, relay, "allow T1"},
			{1 * second, tcp, out, syn, relay, "allow T1"},
			{2 * second, tcp, in, synAck, relay, "allow established (T1)"},
			{2 * second, tcp, out, syn, relay, "allow established (T1)"},
		}},
		{name: "what isn't listed is dropped by default", packets: []packet{
			{0, tcp, out, syn, gateway, "drop default"},
			{0, udp, out, 0, gateway, "drop default"},
			{0, udp, out, 0, relay, "drop default"},
			{0, tcp, out, syn, media, "drop default"},
		}},
		{name: "the default can reject", policy: rejecting, packets: []packet{
			{0, tcp, out, syn, gateway, "reject default"},
			{0, udp, out, 0, gateway, "reject default"},
			{0, tcp, in, syn, relay, "drop unsolicited"},
		}},
		{name: "only SYN opens a TCP flow", packets: []packet{
			{0, tcp, out, ack, relay, "drop invalid"},
			{0, tcp, out, synAck, relay, "drop invalid"},
			{0, tcp, out, fin, relay, "drop invalid"},
			{0, tcp, out, rst, relay, "drop invalid"},
			{0, tcp, out, 0, relay, "drop invalid"},
			{0, tcp, out, syn | firewall.FIN, relay, "drop invalid"},
			{0, tcp, out, syn | rst, relay, "drop invalid"},
			{0, tcp, out, ack, gateway, "drop invalid"},
			{0, tcp, in, ack, relay, "drop unsolicited"},
		}},
		{name: "segments out of state can be rejected, but never a RST", policy: rejecting, packets: []packet{
			{0, tcp, out, ack, relay, "reject invalid"},
			{0, tcp, out, rst, relay, "drop invalid"},
			{0, tcp, out, rst | ack, relay, "drop invalid"},
		}},
		{name: "nothing comes in unasked, from listed addresses either", packets: []packet{
			{0, tcp, in, syn, relay, "drop unsolicited"},
			{0, tcp, in, synAck, relay, "drop unsolicited"},
			{0, udp, in, 0, media, "drop unsolicited"},
			{0, firewall.ICMP, in, 0, media, "drop unsolicited"},
		}},
		{name: "an answer must come from the very address and port", packets: []packet{
			{0, udp, out, 0, media, "allow T8"},
			{0, udp, in, 0, netip.MustParseAddrPort("23.236.115.138:3479"), "drop unsolicited"},
			{0, udp, in, 0, netip.MustParseAddrPort("164.52.87.25:3478"), "drop unsolicited"},
			{0, tcp, in, ack, media, "drop unsolicited"},
			{0, udp, in, 0, media, "allow established (T8)"},
		}},
		{name: "UDP is judged by the rules until it is answered", packets: []packet{
			{0, udp, out, 0, media, "allow T8"},
			{0, udp, out, 0, media, "allow T8"},
			{0, udp, in, 0, media, "allow established (T8)"},
			{0, udp, out, 0, media, "allow established (T8)"},
		}},
		{name: "a UDP flow lives for five minutes after its last packet either way", packets: []packet{
			{0, udp, out, 0, media, "allow T8"},
			{5*minute - 1, udp, in, 0, media, "allow established (T8)"},
			{10*minute - 2, udp, in, 0, media, "allow established (T8)"},
			{15*minute - 3, udp, out, 0, media, "allow established (T8)"},
			{20*minute - 3, udp, in, 0, media, "drop unsolicited"},
			{20*minute - 3, udp, out, 0, media, "allow T8"},
		}},
		{name: "a firewall may have less patience than the RFC asks", timeouts: firewall.Timeouts{UDP: 30 * second, TCPEstablished: minute}, packets: []packet{
			{0, udp, out, 0, media, "allow T8"},
			{30 * second, udp, in, 0, media, "drop unsolicited"},
			{30 * second, tcp, out, syn, relay, "allow T1"},
			{30 * second, tcp, in, synAck, relay, "allow established (T1)"},
			{90 * second, tcp, in, ack, relay, "drop unsolicited"},
			{90 * second, tcp, out, ack, relay, "drop invalid"},
		}},
		{name: "an established connection may be idle for two hours and four minutes", packets: []packet{
			{0, tcp, out, syn, relay, "allow T1"},
			{0, tcp, in, synAck, relay, "allow established (T1)"},
			{2*hour + 4*minute - 1, tcp, in, ack, relay, "allow established (T1)"},
			{4*hour + 8*minute - 1, tcp, out, ack, relay, "drop invalid"},
		}},
		{name: "an unanswered SYN is forgotten after four minutes", packets: []packet{
			{0, tcp, out, syn, relay, "allow T1"},
			{4 * minute, tcp, in, synAck, relay, "drop unsolicited"},
		}},
		{name: "a half-closed connection is still established", packets: []packet{
			{0, tcp, out, syn, relay, "allow T1"},
			{0, tcp, in, synAck, relay, "allow established (T1)"},
			{0, tcp, out, fin, relay, "allow established (T1)"},
			{hour, tcp, in, ack, relay, "allow established (T1)"},
			{hour, tcp, in, fin, relay, "allow established (T1)"},
			{hour + 4*minute - 1, tcp, out, ack, relay, "allow established (T1)"},
			{hour + 8*minute, tcp, out, ack, relay, "drop invalid"},
		}},
		{name: "a reset connection is forgotten after four minutes", packets: []packet{
			{0, tcp, out, syn, relay, "allow T1"},
			{0, tcp, in, synAck, relay, "allow established (T1)"},
			{0, tcp, in, rst, relay, "allow established (T1)"},
			{4 * minute, tcp, out, ack, relay, "drop invalid"},
		}},
		{name: "a connection that goes on after a RST was not reset", packets: []packet{
			{0, tcp, out, syn, relay, "allow T1"},
			{0, tcp, in, synAck, relay, "allow established (T1)"},
			{0, tcp, in, rst, relay, "allow established (T1)"},
			{minute, tcp, out, ack, relay, "allow established (T1)"},
			{hour, tcp, in, ack, relay, "allow established (T1)"},
		}},
		{name: "a refused SYN can be tried again from the same port", packets: []packet{
			{0, tcp, out, syn, relay, "allow T1"},
			{0, tcp, in, rst | ack, relay, "allow established (T1)"},
			{0, tcp, out, syn, relay, "allow T1"},
			{0, tcp, in, synAck, relay, "allow established (T1)"},
		}},
		{name: "a closed connection's ports can be used again, from inside only", packets: []packet{
			{0, tcp, out, syn, relay, "allow T1"},
			{0, tcp, in, synAck, relay, "allow established (T1)"},
			{0, tcp, in, fin, relay, "allow established (T1)"},
			{0, tcp, out, fin, relay, "allow established (T1)"},
			{minute, tcp, in, syn, relay, "drop unsolicited"},
			{minute, tcp, out, syn, relay, "allow T1"},
			{minute, tcp, in, synAck, relay, "allow established (T1)"},
			{hour, tcp, in, ack, relay, "allow established (T1)"},
		}},
		{name: "both ends may open at once", packets: []packet{
			{0, tcp, out, syn, relay, "allow T1"},
			{0, tcp, in, syn, relay, "allow established (T1)"},
			{0, tcp, out, synAck, relay, "allow established (T1)"},
			{hour, tcp, in, ack, relay, "allow established (T1)"},
		}},
		{name: "a client that gives up may say so", packets: []packet{
			{0, tcp, out, syn, relay, "allow T1"},
			{0, tcp, out, rst, relay, "allow T1"},
		}},
		{name: "an open office lets everything out and nothing in unasked", policy: firewall.AllowAll(), packets: []packet{
			{0, tcp, out, syn, gateway, "allow default"},
			{0, tcp, in, synAck, gateway, "allow established (default)"},
			{0, udp, out, 0, gateway, "allow default"},
			{0, firewall.ICMP, out, 0, gateway, "allow default"},
			{0, firewall.ICMP, in, 0, gateway, "allow established (default)"},
			{time.Minute, firewall.ICMP, in, 0, gateway, "drop unsolicited"},
			{0, udp, in, 0, relay, "drop unsolicited"},
			{0, tcp, out, ack, relay, "drop invalid"},
		}},
		{name: "the zero policy lets nothing out", policy: firewall.Policy{ID: "closed"}, packets: []packet{
			{0, tcp, out, syn, relay, "drop default"},
			{0, udp, out, 0, media, "drop default"},
			{0, udp, in, 0, media, "drop unsolicited"},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.policy.ID == "" {
				tc.policy = firewall.Whitelist(office)
			}
			f := newFirewall(t, tc.policy, tc.timeouts)
			for i, p := range tc.packets {
				require.Equal(t, p.want, say(f.Decide(epoch.Add(p.at), p.packet())), "packet %d", i+1)
			}
		})
	}
}

func TestDecideAddresses(t *testing.T) {
	printer := netip.MustParseAddrPort("10.0.1.2:50000")
	v6 := netip.MustParseAddrPort("[2001:db8::1]:443")
	for _, tc := range []struct {
		name     string
		src, dst netip.AddrPort
		want     string
	}{
		{"a listed source", alice, relay, "allow T1"},
		{"another source", printer, relay, "drop default"},
		{"IPv6", netip.MustParseAddrPort("[2001:db8::2]:50000"), v6, "drop default"},
		{"IPv4 in IPv6 clothes", netip.MustParseAddrPort("[::ffff:10.0.0.2]:50000"), netip.MustParseAddrPort("[::ffff:23.236.115.138]:443"), "allow T1"},
		{"a mixture", alice, v6, "drop invalid"},
		{"no source", netip.AddrPort{}, relay, "drop invalid"},
		{"no destination", alice, netip.AddrPort{}, "drop invalid"},
		{"nothing", netip.AddrPort{}, netip.AddrPort{}, "drop invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFirewall(t, firewall.Whitelist(office), firewall.Timeouts{})
			v := f.Decide(epoch, firewall.Packet{Proto: tcp, Src: tc.src, Dst: tc.dst, Flags: syn})
			require.Equal(t, tc.want, say(v))
		})
	}
}

func TestICMPErrors(t *testing.T) {
	closed := firewall.Policy{ID: "closed"}
	router := netip.MustParseAddrPort("198.18.9.9:0")
	host := netip.AddrPortFrom(alice.Addr(), 0)
	other := netip.MustParseAddrPort("10.0.0.3:50000")
	outward, inward := &firewall.Quote{Proto: udp, Src: alice, Dst: media}, &firewall.Quote{Proto: udp, Src: media, Dst: alice}
	for _, tc := range []struct {
		name  string
		after time.Duration
		dir   firewall.Direction
		src   netip.AddrPort
		dst   netip.AddrPort
		about *firewall.Quote
		want  string
	}{
		{"about a packet that left", 0, in, router, host, outward, "allow related (T8)"},
		{"about a packet that came in", 0, out, host, netip.AddrPortFrom(media.Addr(), 0), inward, "allow related (T8)"},
		{"about a packet that never left", 0, in, router, host, &firewall.Quote{Proto: udp, Src: alice, Dst: relay}, "drop unsolicited"},
		{"about another protocol", 0, in, router, host, &firewall.Quote{Proto: tcp, Src: alice, Dst: media}, "drop unsolicited"},
		{"about a packet of somebody else", 0, in, router, netip.AddrPortFrom(other.Addr(), 0), outward, "drop unsolicited"},
		{"about a packet that never came in", 0, out, host, router, &firewall.Quote{Proto: udp, Src: relay, Dst: alice}, "drop invalid"},
		{"about a flow that is forgotten", 5 * time.Minute, in, router, host, outward, "drop unsolicited"},
		{"no error at all", 0, in, router, host, nil, "drop unsolicited"},
		{"a query", 0, out, host, router, nil, "drop default"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFirewall(t, firewall.Whitelist(office), firewall.Timeouts{})
			f.Decide(epoch, packet{0, udp, out, 0, media, ""}.packet())
			require.NoError(t, f.SetPolicy(closed)) // a flow's errors don't depend on the rules
			v := f.Decide(epoch.Add(tc.after), firewall.Packet{Proto: firewall.ICMP, Direction: tc.dir, Src: tc.src, Dst: tc.dst, About: tc.about})
			require.Equal(t, tc.want, say(v))
		})
	}

	t.Run("an error doesn't keep a flow alive", func(t *testing.T) {
		f := newFirewall(t, firewall.Whitelist(office), firewall.Timeouts{})
		f.Decide(epoch, packet{0, udp, out, 0, media, ""}.packet())
		f.Decide(epoch.Add(4*time.Minute), firewall.Packet{Proto: firewall.ICMP, Direction: in, Src: router, Dst: host, About: outward})
		require.Equal(t, "drop unsolicited", say(f.Decide(epoch.Add(5*time.Minute), packet{0, udp, in, 0, media, ""}.packet())))
	})
}

func TestZeroVerdictDrops(t *testing.T) {
	require.Equal(t, firewall.Drop, firewall.Verdict{}.Action)
}

func TestSetPolicyKeepsAnsweredFlows(t *testing.T) {
	f := newFirewall(t, firewall.Whitelist(office), firewall.Timeouts{})
	other := netip.MustParseAddrPort("23.236.115.138:3479")
	decide := func(p packet) { require.Equal(t, p.want, say(f.Decide(epoch, p.packet()))) }

	decide(packet{0, udp, out, 0, media, "allow T8"})
	decide(packet{0, udp, in, 0, media, "allow established (T8)"})
	decide(packet{0, udp, out, 0, other, "allow T8"})
	require.NoError(t, f.SetPolicy(firewall.Policy{ID: "closed"}))
	decide(packet{0, udp, out, 0, media, "allow established (T8)"})
	decide(packet{0, udp, out, 0, other, "drop default"})
	decide(packet{0, udp, in, 0, other, "allow established (T8)"}) // the answer to what passed before

	f.Flush()
	decide(packet{0, udp, in, 0, media, "drop unsolicited"})
	decide(packet{0, udp, out, 0, media, "drop default"})
}

func TestSetPolicyCopies(t *testing.T) {
	p := firewall.Whitelist(office)
	f := newFirewall(t, p, firewall.Timeouts{})
	p.Rules[0].Ports[0] = firewall.Port(1)
	p.Rules[0].Action = firewall.Drop
	require.Equal(t, "allow T1", say(f.Decide(epoch, packet{0, tcp, out, syn, relay, ""}.packet())))
}

func TestSetPolicyWithMistakesChangesNothing(t *testing.T) {
	f := newFirewall(t, firewall.Whitelist(office), firewall.Timeouts{})
	require.Error(t, f.SetPolicy(firewall.Policy{Rules: []firewall.Rule{{}}}))
	require.Equal(t, "allow T1", say(f.Decide(epoch, packet{0, tcp, out, syn, relay, ""}.packet())))
}

func TestFlows(t *testing.T) {
	f := newFirewall(t, firewall.AllowAll(), firewall.Timeouts{})
	send := func(at time.Duration, n int) {
		src := netip.AddrPortFrom(alice.Addr(), uint16(n))
		f.Decide(epoch.Add(at), firewall.Packet{Proto: udp, Src: src, Dst: media})
	}
	for n := range 100 {
		send(time.Duration(n)*time.Second, n)
	}
	require.Equal(t, 100, f.Flows())
	f.Expire(epoch.Add(5*time.Minute + 49*time.Second))
	require.Equal(t, 50, f.Flows())
	f.Flush()
	require.Zero(t, f.Flows())
}

func TestIdleFlowsDontPileUp(t *testing.T) {
	f := newFirewall(t, firewall.AllowAll(), firewall.Timeouts{})
	most := 0
	for n := range 60_000 { // one new flow a second: 300 of them are alive at a time
		src := netip.AddrPortFrom(alice.Addr(), uint16(n))
		f.Decide(epoch.Add(time.Duration(n)*time.Second), firewall.Packet{Proto: udp, Src: src, Dst: media})
		most = max(most, f.Flows())
	}
	require.LessOrEqual(t, most, 1024)
}
