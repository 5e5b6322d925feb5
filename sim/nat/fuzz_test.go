package nat

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// FuzzRFC4787 plays packets of three insiders and three outsiders through a NAT of any kind with few ports, and holds
// it to what RFC 4787 asks of each: an answer finds the one who asked, no two insiders share a port, nobody gets in
// who wasn't sent to, and a mapping that is gone lets nothing in.
func FuzzRFC4787(f *testing.F) {
	f.Add(uint8(0), uint8(0), []byte{0x00, 0x40, 0x01, 0x41, 0x02, 0x82})
	f.Add(uint8(1), uint8(2), []byte{0x00, 0xc0, 0x05, 0x45, 0xff, 0x10, 0x90})
	f.Add(uint8(2), uint8(1), []byte{0x0a, 0x0b, 0x1a, 0x1b, 0x2a, 0x2b, 0x3a, 0x3b, 0x7f, 0x4a, 0x4b})
	f.Fuzz(func(t *testing.T, mapping, filtering uint8, script []byte) {
		m, g := Behavior(mapping%3), Behavior(filtering%3)
		n, err := New(Config{Outside: []netip.Addr{outside}, Mapping: m, Filtering: g, FirstPort: 5000, LastPort: 5003})
		require.NoError(t, err)
		now := start
		insiders, outsiders := []netip.AddrPort{alice, bob, netip.MustParseAddrPort("10.0.0.2:5001")}, []netip.AddrPort{x1, x2, y1}
		owner := map[netip.AddrPort]netip.AddrPort{} // of an outside port, while its mapping lives
		asked := map[[2]netip.AddrPort]bool{}        // outside port, outsider
		used := map[netip.AddrPort]time.Time{}
		for _, b := range script {
			for port, last := range used {
				if now.Sub(last) >= 5*time.Minute { // idle too long
					delete(used, port)
					delete(owner, port)
					for _, x := range []netip.AddrPort{x1, x2, y1} {
						delete(asked, [2]netip.AddrPort{port, x})
					}
				}
			}
			in, out := insiders[int(b&3)%3], outsiders[int(b>>2&3)%3]
			switch b >> 6 {
			case 0, 1: // out
				p, outcome := n.Outbound(now, udp(in, out))
				if outcome == OutOfPorts {
					require.Equal(t, 4, n.Mappings(now), "no port is free")
					continue
				}
				require.Equal(t, Translated, outcome)
				require.Equal(t, outside, p.Src.Addr())
				require.True(t, p.Src.Port() >= 5000 && p.Src.Port() <= 5003, "%v", p.Src)
				if who, ok := owner[p.Src]; ok {
					require.Equal(t, who, in, "port %d has two owners", p.Src.Port())
				}
				owner[p.Src], used[p.Src] = in, now
				asked[[2]netip.AddrPort{p.Src, out}] = true
				back, outcome := n.Inbound(now, udp(out, p.Src))
				require.Equal(t, Translated, outcome, "who was asked may answer")
				require.Equal(t, in, back.Dst)
			case 2: // in, to any port
				to := netip.AddrPortFrom(outside, 4999+uint16(b&7))
				p, outcome := n.Inbound(now, Packet{Proto: firewall.UDP, Src: out, Dst: to})
				if outcome != Translated {
					continue
				}
				require.Equal(t, owner[to], p.Dst)
				if g == AddressAndPortDependent {
					require.True(t, asked[[2]netip.AddrPort{to, out}], "%v was never sent to from %v", out, to)
				}
			case 3:
				if b&1 == 0 {
					now = now.Add(time.Minute)
					continue
				}
				now = now.Add(5 * time.Minute)
				require.Zero(t, n.Mappings(now))
			}
		}
	})
}
