package nat

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

var (
	start   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	outside = netip.MustParseAddr("192.0.2.1")
	alice   = netip.MustParseAddrPort("10.0.0.2:5000")
	bob     = netip.MustParseAddrPort("10.0.0.3:5000")
	x1      = netip.MustParseAddrPort("198.51.100.1:1000")
	x2      = netip.MustParseAddrPort("198.51.100.1:2000")
	y1      = netip.MustParseAddrPort("198.51.100.2:1000")
)

func table(t *testing.T, c Config) *NAT {
	t.Helper()
	if c.Outside == nil {
		c.Outside = []netip.Addr{outside}
	}
	n, err := New(c)
	require.NoError(t, err)
	return n
}

func udp(src, dst netip.AddrPort) Packet { return Packet{Proto: firewall.UDP, Src: src, Dst: dst} }

// RFC 4787, 4.1 and 5: what each mapping and filtering behavior does with the same packets.
func TestBehaviors(t *testing.T) {
	for mapping := EndpointIndependent; mapping <= AddressAndPortDependent; mapping++ {
		for filtering := EndpointIndependent; filtering <= AddressAndPortDependent; filtering++ {
			t.Run(fmt.Sprintf("%v mapping, %v filtering", mapping, filtering), func(t *testing.T) {
				n := table(t, Config{Mapping: mapping, Filtering: filtering})
				out := map[netip.AddrPort]netip.AddrPort{}
				for _, to := range []netip.AddrPort{x1, x2, y1} {
					p, outcome := n.Outbound(start, udp(alice, to))
					require.Equal(t, Translated, outcome)
					out[to] = p.Src
				}
				require.Equal(t, mapping < AddressAndPortDependent, out[x1] == out[x2], "same host, other port")
				require.Equal(t, mapping == EndpointIndependent, out[x1] == out[y1], "other host")

				// Only x1 has been sent to in the table that follows.
				n = table(t, Config{Mapping: mapping, Filtering: filtering})
				p, _ := n.Outbound(start, udp(alice, x1))
				for from, want := range map[netip.AddrPort]bool{
					x1: true, x2: filtering < AddressAndPortDependent, y1: filtering == EndpointIndependent,
				} {
					back, outcome := n.Inbound(start, udp(from, p.Src))
					require.Equal(t, want, outcome == Translated, "from %v: %v", from, outcome)
					if want {
						require.Equal(t, alice, back.Dst)
					} else {
						require.Equal(t, Filtered, outcome)
					}
				}
			})
		}
	}
}

// RFC 4787, REQ-3 and REQ-4: the inside port where it is free, then one of the same parity; never one
// port for two endpoints.
func TestPorts(t *testing.T) {
	n := table(t, Config{})
	p, _ := n.Outbound(start, udp(alice, x1))
	require.Equal(t, alice.Port(), p.Src.Port())
	q, _ := n.Outbound(start, udp(bob, x1))
	require.NotEqual(t, p.Src, q.Src)
	require.Equal(t, bob.Port()%2, q.Src.Port()%2)

	n = table(t, Config{NewPorts: true})
	p, _ = n.Outbound(start, udp(alice, x1))
	require.NotEqual(t, alice.Port(), p.Src.Port())
}

// RFC 4787, REQ-2: an inside host stays on one outside address.
func TestPooling(t *testing.T) {
	n := table(t, Config{Outside: []netip.Addr{outside, netip.MustParseAddr("192.0.2.2")}, Mapping: AddressAndPortDependent})
	a1, _ := n.Outbound(start, udp(alice, x1))
	a2, _ := n.Outbound(start, udp(alice, y1))
	b1, _ := n.Outbound(start, udp(bob, x1))
	require.Equal(t, a1.Src.Addr(), a2.Src.Addr())
	require.NotEqual(t, a1.Src.Addr(), b1.Src.Addr())
}

// RFC 4787, REQ-9: two insiders meet at their outside endpoints, and see each other's.
func TestHairpin(t *testing.T) {
	n := table(t, Config{})
	a, _ := n.Outbound(start, udp(alice, x1))
	b, _ := n.Outbound(start, udp(bob, x1))
	p, outcome := n.Outbound(start, udp(alice, b.Src))
	require.Equal(t, Hairpinned, outcome)
	require.Equal(t, udp(a.Src, bob), p)

	n = table(t, Config{NoHairpin: true})
	_, _ = n.Outbound(start, udp(bob, x1))
	_, outcome = n.Outbound(start, udp(alice, b.Src))
	require.Equal(t, NoHairpin, outcome)
}

// RFC 4787, REQ-5 and REQ-6: five minutes, renewed from inside, and from outside only if made so.
func TestUDPTimeout(t *testing.T) {
	n := table(t, Config{})
	p, _ := n.Outbound(start, udp(alice, x1))
	late := start.Add(5*time.Minute - 1)
	_, outcome := n.Inbound(late, udp(x1, p.Src))
	require.Equal(t, Translated, outcome)
	_, outcome = n.Inbound(start.Add(5*time.Minute), udp(x1, p.Src))
	require.Equal(t, NoMapping, outcome)
	require.Zero(t, n.Mappings(start.Add(5*time.Minute)))

	n = table(t, Config{InboundRefresh: true})
	p, _ = n.Outbound(start, udp(alice, x1))
	_, _ = n.Inbound(late, udp(x1, p.Src))
	_, outcome = n.Inbound(late.Add(4*time.Minute), udp(x1, p.Src))
	require.Equal(t, Translated, outcome)
}

// What an insider sends after a mapping has ended begins a new one, that knows nobody of old.
func TestNewMappingAfterTheOld(t *testing.T) {
	n := table(t, Config{Filtering: AddressDependent})
	_, _ = n.Outbound(start, udp(alice, x1))
	p, _ := n.Outbound(start.Add(time.Hour), udp(alice, y1))
	_, outcome := n.Inbound(start.Add(time.Hour), udp(x1, p.Src))
	require.Equal(t, Filtered, outcome)
}

// RFC 5382, REQ-5: established for 2 h 4 min, transitory for 4 min.
func TestTCPTimeout(t *testing.T) {
	segment := func(src, dst netip.AddrPort, flags firewall.TCPFlags) Packet {
		return Packet{Proto: firewall.TCP, Src: src, Dst: dst, Flags: flags}
	}
	open := func(n *NAT) netip.AddrPort {
		p, outcome := n.Outbound(start, segment(alice, x1, firewall.SYN))
		require.Equal(t, Translated, outcome)
		_, outcome = n.Inbound(start, segment(x1, p.Src, firewall.SYN|firewall.ACK))
		require.Equal(t, Translated, outcome)
		return p.Src
	}
	n := table(t, Config{})
	outer := open(n)
	_, outcome := n.Inbound(start.Add(124*time.Minute-1), segment(x1, outer, firewall.ACK))
	require.Equal(t, Translated, outcome)

	n = table(t, Config{})
	outer = open(n)
	_, _ = n.Inbound(start, segment(x1, outer, firewall.FIN|firewall.ACK))
	_, _ = n.Outbound(start, segment(alice, x1, firewall.ACK))
	require.Equal(t, 1, n.Mappings(start.Add(124*time.Minute-1)), "half of it is closed")

	n = table(t, Config{})
	outer = open(n)
	_, _ = n.Outbound(start, segment(alice, x2, firewall.SYN))
	_, _ = n.Inbound(start, segment(x2, outer, firewall.RST))
	require.Equal(t, 1, n.Mappings(start.Add(124*time.Minute-1)), "what becomes of one session is nothing to another")

	for name, end := range map[string]func(n *NAT, outer netip.AddrPort){
		"reset": func(n *NAT, outer netip.AddrPort) { n.Inbound(start, segment(x1, outer, firewall.RST)) },
		"closed": func(n *NAT, outer netip.AddrPort) {
			n.Inbound(start, segment(x1, outer, firewall.FIN|firewall.ACK))
			n.Outbound(start, segment(alice, x1, firewall.FIN|firewall.ACK))
		},
	} {
		n := table(t, Config{})
		outer := open(n)
		end(n, outer)
		require.Equal(t, 1, n.Mappings(start.Add(4*time.Minute-1)), name)
		require.Zero(t, n.Mappings(start.Add(4*time.Minute)), name)
	}
}

// Running out of ports is an event; a port that expires is given out again.
func TestOutOfPorts(t *testing.T) {
	n := table(t, Config{FirstPort: 40000, LastPort: 40009})
	for i := range 10 {
		_, outcome := n.Outbound(start, udp(netip.AddrPortFrom(alice.Addr(), uint16(6000+i)), x1))
		require.Equal(t, Translated, outcome)
	}
	_, outcome := n.Outbound(start, udp(bob, x1))
	require.Equal(t, OutOfPorts, outcome)
	_, outcome = n.Outbound(start.Add(5*time.Minute), udp(bob, x1))
	require.Equal(t, Translated, outcome)
}

// RFC 5508, REQ-4: an ICMP error about a packet of ours comes in, and names the inside endpoint.
func TestICMPErrors(t *testing.T) {
	n := table(t, Config{})
	p, _ := n.Outbound(start, udp(alice, x1))
	e := Packet{Proto: firewall.ICMP, Src: netip.AddrPortFrom(x1.Addr(), 0), Dst: netip.AddrPortFrom(outside, 0),
		About: &firewall.Quote{Proto: firewall.UDP, Src: p.Src, Dst: x1}}
	back, outcome := n.Inbound(start, e)
	require.Equal(t, Translated, outcome)
	require.Equal(t, alice.Addr(), back.Dst.Addr())
	require.Equal(t, alice, back.About.Src)
	require.Equal(t, p.Src, e.About.Src, "the packet that came in is left alone")

	out := Packet{Proto: firewall.ICMP, Src: netip.AddrPortFrom(alice.Addr(), 0), Dst: netip.AddrPortFrom(x1.Addr(), 0),
		About: &firewall.Quote{Proto: firewall.UDP, Src: x1, Dst: alice}}
	went, outcome := n.Outbound(start, out)
	require.Equal(t, Translated, outcome)
	require.Equal(t, outside, went.Src.Addr())
	require.Equal(t, p.Src, went.About.Dst)
}

// RFC 5508, REQ-1 and REQ-2: an echo is translated as UDP is, by its identifier, whatever ports UDP has; a minute later
// its mapping is gone. An error about it finds who asked.
func TestICMPEchoes(t *testing.T) {
	echo := func(src, dst netip.AddrPort, id uint16) Packet {
		return Packet{Proto: firewall.ICMP, Src: netip.AddrPortFrom(src.Addr(), id), Dst: netip.AddrPortFrom(dst.Addr(), id)}
	}
	out := netip.AddrPortFrom(outside, 0)
	for filtering := EndpointIndependent; filtering <= AddressAndPortDependent; filtering++ {
		n := table(t, Config{Filtering: filtering, FirstPort: 50000, LastPort: 50001})
		a, outcome := n.Outbound(start, echo(alice, x1, 7))
		require.Equal(t, Translated, outcome)
		require.Equal(t, echo(out, x1, 7), a)
		b, outcome := n.Outbound(start, echo(bob, x1, 7))
		require.Equal(t, Translated, outcome)
		require.Equal(t, outside, b.Src.Addr())
		require.NotEqual(t, uint16(7), b.Src.Port(), "two askers, one identifier")
		require.Equal(t, b.Src.Port(), b.Dst.Port())

		back, outcome := n.Inbound(start, echo(x1, out, b.Src.Port()))
		require.Equal(t, Translated, outcome, "filtering is %v", filtering)
		require.Equal(t, echo(x1, bob, 7), back)
		_, outcome = n.Inbound(start, echo(y1, out, b.Src.Port()))
		require.Equal(t, filtering == EndpointIndependent, outcome == Translated)
		_, outcome = n.Inbound(start, echo(x1, out, 8))
		require.Equal(t, NoMapping, outcome)

		e := Packet{Proto: firewall.ICMP, Src: netip.AddrPortFrom(x1.Addr(), 0), Dst: out,
			About: &firewall.Quote{Proto: firewall.ICMP, Src: b.Src, Dst: b.Dst}}
		back, outcome = n.Inbound(start, e)
		require.Equal(t, Translated, outcome)
		require.Equal(t, bob.Addr(), back.Dst.Addr())
		want := echo(bob, x1, 7)
		require.Equal(t, &firewall.Quote{Proto: firewall.ICMP, Src: want.Src, Dst: want.Dst}, back.About)

		require.Equal(t, 2, n.Mappings(start.Add(time.Minute-1)))
		require.Zero(t, n.Mappings(start.Add(time.Minute)))
	}
}

// IPv6 has nothing to do with this NAT, in neither direction; what has no port ends here, but for an address that
// isn't the NAT's.
func TestWhatIsNotTranslated(t *testing.T) {
	n := table(t, Config{})
	a, b := netip.MustParseAddrPort("[2001:db8::a]:5000"), netip.MustParseAddrPort("[2001:db8::b]:5000")
	six := []Packet{
		udp(a, b), {Proto: firewall.TCP, Src: a, Dst: b, Flags: firewall.SYN}, {Proto: firewall.ICMPv6, Src: a, Dst: b},
		{Proto: firewall.ICMPv6, Src: a, Dst: b, About: &firewall.Quote{Proto: firewall.UDP, Src: b, Dst: a}},
	}
	for _, p := range six {
		for _, way := range []func(time.Time, Packet) (Packet, Outcome){n.Outbound, n.Inbound} {
			same, outcome := way(start, p)
			require.Equal(t, NotOurs, outcome)
			require.Equal(t, p, same)
		}
	}
	const gre = 47
	_, outcome := n.Outbound(start, Packet{Proto: gre, Src: alice, Dst: x1})
	require.Equal(t, Unsupported, outcome)
	_, outcome = n.Outbound(start, Packet{Proto: firewall.ICMP, Src: netip.AddrPortFrom(alice.Addr(), 0), Dst: x1})
	require.Equal(t, Unsupported, outcome, "neither an echo nor an error")
	_, outcome = n.Inbound(start, Packet{Proto: gre, Src: x1, Dst: netip.AddrPortFrom(outside, 0)})
	require.Equal(t, NoMapping, outcome)
	_, outcome = n.Inbound(start, Packet{Proto: gre, Src: x1, Dst: alice})
	require.Equal(t, NotOurs, outcome)
	require.Zero(t, n.Mappings(start))
	for o, ends := range map[Outcome]bool{
		NoMapping: true, Filtered: true, OutOfPorts: true, NoHairpin: true, Unsupported: true,
		NotOurs: false, Translated: false, Hairpinned: false,
	} {
		require.Equal(t, ends, o.Ends(), "%v", o)
	}
}

func TestBadConfig(t *testing.T) {
	for name, c := range map[string]Config{
		"no outside address": {},
		"IPv6":               {Outside: []netip.Addr{netip.MustParseAddr("2001:db8::1")}},
		"reversed ports":     {Outside: []netip.Addr{outside}, FirstPort: 2000, LastPort: 1999},
		"unknown behavior":   {Outside: []netip.Addr{outside}, Mapping: 3},
		"negative timeout":   {Outside: []netip.Addr{outside}, Timeouts: Timeouts{UDP: -1}},
	} {
		_, err := New(c)
		require.Error(t, err, name)
	}
}

// FuzzNAT holds two rules whatever comes: what came out goes back in to where it came from, and no two
// inside endpoints share an outside one.
func FuzzNAT(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Add([]byte{255, 3, 9, 27, 81, 243, 200, 100, 50, 25, 12, 6, 3, 1})
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) == 0 {
			return
		}
		n := table(t, Config{Mapping: Behavior(script[0] % 3), Filtering: Behavior(script[0] / 3 % 3), FirstPort: 50000, LastPort: 50015})
		now := start
		for _, b := range script[1:] {
			now = now.Add(time.Duration(b%7) * 30 * time.Second)
			proto := []firewall.Proto{firewall.UDP, firewall.UDP, firewall.TCP, firewall.ICMP}[b>>6]
			out := Packet{Proto: proto, Flags: firewall.SYN, Dst: []netip.AddrPort{x1, x2, y1}[b%3],
				Src: netip.AddrPortFrom([]netip.Addr{alice.Addr(), bob.Addr()}[b%2], uint16(50000+int(b)/2%20))}
			if proto == firewall.ICMP {
				out.Dst = netip.AddrPortFrom(out.Dst.Addr(), out.Src.Port())
			}
			p, outcome := n.Outbound(now, out)
			if outcome == OutOfPorts {
				require.NotEqual(t, firewall.ICMP, proto, "identifiers are many")
				continue
			}
			require.Equal(t, Translated, outcome)
			back, outcome := n.Inbound(now, Packet{Proto: proto, Src: p.Dst, Dst: p.Src, Flags: out.Flags})
			require.Equal(t, Translated, outcome)
			require.Equal(t, Packet{Proto: proto, Src: out.Dst, Dst: out.Src, Flags: out.Flags}, back)
			gone, outcome := n.Outbound(now, out)
			require.Equal(t, Translated, outcome)
			about := &firewall.Quote{Proto: proto, Src: gone.Src, Dst: gone.Dst}
			back, outcome = n.Inbound(now, Packet{Proto: firewall.ICMP, Src: netip.AddrPortFrom(y1.Addr(), 0), Dst: netip.AddrPortFrom(outside, 0), About: about})
			require.Equal(t, Translated, outcome)
			require.Equal(t, &firewall.Quote{Proto: proto, Src: out.Src, Dst: out.Dst}, back.About)
		}
		owners := map[outsideKey]netip.AddrPort{}
		for k, m := range n.outside {
			require.Equal(t, k.outer, m.outer)
			require.Same(t, m, n.inside[m.key])
			owners[k] = m.inner
		}
		require.Len(t, owners, len(n.outside))
	})
}

// Whoever opens one port after the other for a day leaves no more behind than a few.
func TestMappingsThatHaveExpiredAreForgotten(t *testing.T) {
	n := table(t, Config{})
	now := start
	for i := range 10_000 {
		now = now.Add(time.Minute) // five of them live at a time
		_, outcome := n.Outbound(now, udp(netip.AddrPortFrom(alice.Addr(), uint16(10_000+i)), x1))
		require.Equal(t, Translated, outcome)
		require.LessOrEqual(t, len(n.outside), 2*sweepMin)
		require.Len(t, n.inside, len(n.outside))
	}
}
