package firewall_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// table is the document's, typed in once more, port by port.
var table = map[firewall.Proto]map[string][][2]int{
	tcp: {
		"23.236.115.138": {{443, 443}, {4000, 4000}, {3433, 3460}},
		"148.153.66.218": {{443, 443}, {4000, 4000}, {3433, 3460}},
		"164.52.87.25":   {{443, 443}, {4000, 4000}, {3433, 3460}},
		"47.74.211.17":   {{443, 443}},
		"52.80.192.229":  {{443, 443}},
		"52.52.84.170":   {{443, 443}},
		"47.96.234.219":  {{443, 443}},
	},
	udp: {
		"23.236.115.138": {{3478, 3500}},
		"164.52.87.25":   {{3478, 3500}},
		"148.153.66.218": {{3478, 3500}},
	},
}

// TestWhitelistSweep asks for every port of every listed address: 7 x 65,536 x 2 = 917,504 packets, of
// which 163 may pass.
func TestWhitelistSweep(t *testing.T) {
	f := newFirewall(t, firewall.Whitelist(office), firewall.Timeouts{})
	sent, open := 0, map[string]int{}
	for addr := range table[tcp] {
		dst := netip.MustParseAddr(addr)
		for _, proto := range []firewall.Proto{tcp, udp} {
			for port := range 65536 {
				want := firewall.Drop
				for _, r := range table[proto][addr] {
					if r[0] <= port && port <= r[1] {
						want = firewall.Allow
					}
				}
				p := firewall.Packet{Proto: proto, Src: alice, Dst: netip.AddrPortFrom(dst, uint16(port)), Flags: syn}
				v := f.Decide(epoch, p)
				if v.Action != want {
					t.Fatalf("%v %v: %v by %q, want %v", proto, p.Dst, v.Action, v.Rule, want)
				}
				sent++
				if v.Action == firewall.Allow {
					open[v.Rule]++
				}
			}
		}
	}
	require.Equal(t, 917_504, sent)
	require.Equal(t, map[string]int{
		"T1": 30, "T2": 30, "T3": 30, "T4": 1, "T5": 1, "T6": 1, "T7": 1, "T8": 23, "T9": 23, "T10": 23,
	}, open)
	require.Equal(t, 163, f.Flows())
}

// TestWhitelistRowsAreApart changes one row: no other may change with it.
func TestWhitelistRowsAreApart(t *testing.T) {
	sources := []netip.Prefix{office}
	p := firewall.Whitelist(sources...)
	p.Rules[0].Ports[0] = firewall.Port(1)
	p.Rules[0].Sources[0] = netip.MustParsePrefix("192.0.2.0/24")
	require.Equal(t, firewall.Whitelist(office).Rules[1:], p.Rules[1:])
	require.Equal(t, []netip.Prefix{office}, sources)
}

func TestWhitelistNeighbours(t *testing.T) {
	f := newFirewall(t, firewall.Whitelist(office), firewall.Timeouts{})
	neighbours := []netip.Addr{netip.MustParseAddr("148.153.66.221")}
	for addr := range table[tcp] {
		a := netip.MustParseAddr(addr)
		neighbours = append(neighbours, a.Prev(), a.Next())
	}
	for _, dst := range neighbours {
		for _, proto := range []firewall.Proto{tcp, udp} {
			for _, port := range []uint16{443, 4000, 3433, 3460, 3478, 3500} {
				v := f.Decide(epoch, firewall.Packet{Proto: proto, Src: alice, Dst: netip.AddrPortFrom(dst, port), Flags: syn})
				require.Equal(t, firewall.Verdict{Rule: "default"}, v, "%v %v:%d", proto, dst, port)
			}
		}
	}
}

func TestWhitelistSources(t *testing.T) {
	for _, tc := range []struct {
		name    string
		sources []netip.Prefix
		src     string
		want    firewall.Action
	}{
		{"any", nil, "192.168.7.7:1", firewall.Allow},
		{"listed", []netip.Prefix{netip.MustParsePrefix("10.0.0.2/32"), office}, "10.0.0.77:1", firewall.Allow},
		{"not listed", []netip.Prefix{netip.MustParsePrefix("10.0.0.2/32")}, "10.0.0.3:1", firewall.Drop},
		{"any source port", []netip.Prefix{office}, "10.0.0.2:65535", firewall.Allow},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFirewall(t, firewall.Whitelist(tc.sources...), firewall.Timeouts{})
			v := f.Decide(epoch, firewall.Packet{Proto: tcp, Src: netip.MustParseAddrPort(tc.src), Dst: relay, Flags: syn})
			require.Equal(t, tc.want, v.Action)
		})
	}
}
