package kernel_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/policy"
)

// sendMark sends a datagram from the namespace itself.
func sendMark(t *testing.T, to netip.AddrPort, n int) {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	require.NoError(t, err)
	_, err = conn.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}

// clients are sources that may use the policy, and one of each family that may not.
var clients = []netip.Addr{
	netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.254"), netip.MustParseAddr("10.0.1.0"),
	netip.MustParseAddr("2001:db8:a::2"),
}

// counter numbers the clients' ports, so that no flow comes twice.
type counter struct{ n int }

func (c *counter) source(dst netip.Addr, which int) netip.AddrPort {
	c.n++
	addr := clients[which%3]
	if dst.Is6() {
		addr = clients[3]
	}
	return netip.AddrPortFrom(addr, uint16(1024+c.n%60_000))
}

var sources counter

// boundaries are the ends of every range of every row and their neighbours, in ports, addresses and protocols, from
// a client and from a stranger.
func boundaries(p *policy.Policy) (out []tuple) {
	for _, r := range p.Compile(policy.Use{}).Rules {
		for _, prefix := range r.Destinations {
			last := lastOf(prefix)
			for _, dst := range []netip.Addr{prefix.Addr().Prev(), prefix.Addr(), last, last.Next()} {
				for _, ports := range r.Ports {
					for _, port := range []int{int(ports.First) - 1, int(ports.First), int(ports.Last), int(ports.Last) + 1} {
						if port < 1 || port > 65535 || !reachable(dst) {
							continue
						}
						for _, proto := range []firewall.Proto{firewall.TCP, firewall.UDP} {
							out = append(out, tuple{proto, sources.source(dst, 0), netip.AddrPortFrom(dst, uint16(port))})
						}
						out = append(out, tuple{r.Proto, sources.source(dst, 2), netip.AddrPortFrom(dst, uint16(port))})
					}
				}
			}
		}
	}
	return out
}

// reachable are the destinations to which the namespace has a route: documentation addresses.
func reachable(a netip.Addr) bool {
	for _, block := range []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/48"} {
		if netip.MustParsePrefix(block).Contains(a) {
			return true
		}
	}
	return false
}

func lastOf(p netip.Prefix) netip.Addr {
	raw := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(raw); i++ {
		raw[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(raw)
	return a
}

// random are tuples near the policy's: half of them at its own addresses, half of them at its own ports.
func random(r *rand.Rand, p *policy.Policy, n int) (out []tuple) {
	rules := p.Compile(policy.Use{}).Rules
	for range n {
		rule := rules[r.IntN(len(rules))]
		dst := rule.Destinations[r.IntN(len(rule.Destinations))].Addr()
		if r.IntN(2) == 0 {
			dst = address(r)
		}
		port := uint16(1 + r.IntN(65535))
		if len(rule.Ports) > 0 && r.IntN(2) == 0 {
			ports := rule.Ports[r.IntN(len(rule.Ports))]
			port = ports.First + uint16(r.IntN(int(ports.Last-ports.First)+1))
		}
		proto := []firewall.Proto{firewall.TCP, firewall.UDP}[r.IntN(2)]
		out = append(out, tuple{proto, sources.source(dst, r.IntN(4)), netip.AddrPortFrom(dst, port)})
	}
	return out
}

// address is a documentation address.
func address(r *rand.Rand) netip.Addr {
	if r.IntN(4) == 0 {
		return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 14: byte(r.IntN(2)), 15: byte(1 + r.IntN(250))})
	}
	block := [][3]byte{{192, 0, 2}, {198, 51, 100}, {203, 0, 113}}[r.IntN(3)]
	return netip.AddrFrom4([4]byte{block[0], block[1], block[2], byte(1 + r.IntN(250))})
}

// randomPolicy is a policy that nobody wrote, with everything that a row can have.
func randomPolicy(t *testing.T, r *rand.Rand) *policy.Policy {
	t.Helper()
	var b strings.Builder
	b.WriteString("id,protocols,destinations,ports,purpose\n")
	for i := range 1 + r.IntN(12) {
		var dests, ports []string
		for range 1 + r.IntN(3) {
			a := address(r)
			switch r.IntN(4) {
			case 0:
				prefix, _ := a.Prefix(a.BitLen() - r.IntN(6))
				dests = append(dests, prefix.String())
			case 1:
				dests = append(dests, fmt.Sprintf("%v-%v", a, a.Next().Next()))
			default:
				dests = append(dests, a.String())
			}
		}
		for range 1 + r.IntN(10) {
			first := 1 + r.IntN(65000)
			ports = append(ports, []string{fmt.Sprint(first), fmt.Sprintf("%d-%d", first, first+r.IntN(500))}[r.IntN(2)])
		}
		if r.IntN(8) == 0 {
			ports = []string{"any"}
		}
		fmt.Fprintf(&b, "R%d,%s,%q,%q,\"row \"\"%d\"\" it's \\ fine\"\n", i, []string{"TCP", "UDP", "TCP/UDP"}[r.IntN(3)], strings.Join(dests, ", "), strings.Join(ports, ", "), i)
	}
	p, err := policy.Parse("random.csv", []byte(b.String()))
	require.NoError(t, err, b.String())
	return p
}
