package kernel

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/tcp"
)

// train is segments of these lengths that follow each other, of each IP version.
func train(t *testing.T, v6 bool, change func(i int, p *sim.Packet), lengths ...int) (packets [][]byte) {
	t.Helper()
	from, to := netip.MustParseAddrPort("192.0.2.1:443"), netip.MustParseAddrPort("198.51.100.2:40000")
	if v6 {
		from, to = netip.MustParseAddrPort("[2001:db8::1]:443"), netip.MustParseAddrPort("[2001:db8::2]:40000")
	}
	seq := uint32(1<<32 - 2000) // it runs over
	for i, n := range lengths {
		p := &sim.Packet{Proto: firewall.TCP, Src: from, Dst: to, TTL: 63, TCP: tcp.Segment{
			Flags: tcp.ACK, Seq: seq, Ack: 77, Window: 500, Scale: tcp.NoScale, Payload: bytes.Repeat([]byte{byte('a' + i)}, n)}}
		if !v6 {
			p.ID = uint16(i)
		}
		seq += uint32(n)
		if change != nil {
			change(i, p)
		}
		wire, err := p.Marshal()
		require.NoError(t, err)
		packets = append(packets, wire)
	}
	return packets
}

// TestJoinedAndCut joins segments, as for the kernel, and cuts what came of it, as from the kernel.
func TestJoinedAndCut(t *testing.T) {
	last := func(flags tcp.Flags, at int) func(int, *sim.Packet) {
		return func(i int, p *sim.Packet) {
			if i == at {
				p.TCP.Flags |= flags
			}
		}
	}
	for _, v6 := range []bool{false, true} {
		for name, tt := range map[string]struct {
			packets [][]byte
			joined  []int // how many each time
		}{
			"one":                   {train(t, v6, nil, 100), []int{1}},
			"all":                   {train(t, v6, nil, 1000, 1000, 1000, 1000, 1000), []int{5}},
			"a shorter one":         {train(t, v6, nil, 1000, 1000, 999, 999), []int{3, 1}},
			"a longer one":          {train(t, v6, nil, 1000, 1001, 1000), []int{1, 2}},
			"pushed":                {train(t, v6, last(tcp.PSH, 1), 1000, 1000, 1000), []int{2, 1}},
			"ended":                 {train(t, v6, last(tcp.FIN, 1), 1000, 1000), []int{1, 1}},
			"without payload":       {train(t, v6, nil, 1000, 0, 1000), []int{1, 1, 1}},
			"other acknowledgement": {train(t, v6, func(i int, p *sim.Packet) { p.TCP.Ack += uint32(i / 2) }, 10, 10, 10, 10), []int{2, 2}},
			"other window":          {train(t, v6, func(i int, p *sim.Packet) { p.TCP.Window += uint16(i / 2) }, 10, 10, 10, 10), []int{2, 2}},
			"a gap":                 {train(t, v6, func(i int, p *sim.Packet) { p.TCP.Seq += uint32(i / 2) }, 10, 10, 10, 10), []int{2, 2}},
			"other hop limit":       {train(t, v6, func(i int, p *sim.Packet) { p.TTL += uint8(i / 2) }, 10, 10, 10, 10), []int{2, 2}},
			"other options": {train(t, v6, func(i int, p *sim.Packet) { p.TCP.Options = []byte{1, 1, byte(1 + i/2), 0}[:4] }, 10, 10, 10, 10),
				[]int{2, 2}},
			"too many": {train(t, v6, nil, slicesOf(50, 1400)...), []int{46, 4}},
			"damaged": {func() [][]byte {
				p := train(t, v6, nil, 1000, 1000, 1000)
				p[1][1000] ^= 1
				return p
			}(), []int{1, 1, 1}},
		} {
			t.Run(fmt.Sprint(name, " v6=", v6), func(t *testing.T) {
				var joined []int
				var back [][]byte
				for rest := tt.packets; len(rest) > 0; {
					raw, n := join(nil, rest)
					joined = append(joined, n)
					rest = rest[n:]
					require.LessOrEqual(t, len(raw), longest)
					var c cutter
					require.NoError(t, c.take(raw))
					p := make([]byte, 1500)
					for n := c.next(p); n > 0; n = c.next(p) {
						back = append(back, bytes.Clone(p[:n]))
					}
				}
				require.Equal(t, tt.joined, joined)
				require.Equal(t, tt.packets, back)
			})
		}
	}
}

func slicesOf(n, length int) (lengths []int) {
	for range n {
		lengths = append(lengths, length)
	}
	return lengths
}

// TestChecksumIsCompleted takes a packet of whose checksum the kernel has left the most to the device.
func TestChecksumIsCompleted(t *testing.T) {
	want := &sim.Packet{Proto: firewall.UDP, Src: netip.MustParseAddrPort("192.0.2.1:53"), Dst: netip.MustParseAddrPort("198.51.100.2:40000"), TTL: 64,
		Payload: []byte("an answer")}
	wire, err := want.Marshal()
	require.NoError(t, err)
	partial := bytes.Clone(wire)
	copy(partial[26:28], []byte{0, 0})
	sum := pseudoHeader(partial, headerIPv4, len(partial)-headerIPv4) - protocolTCP + protocolUDP
	partial[26], partial[27] = byte(sum>>8), byte(sum)
	for sum>>16 > 0 {
		sum = sum>>16 + sum&0xffff
		partial[26], partial[27] = byte(sum>>8), byte(sum)
	}
	var c cutter
	require.NoError(t, c.take(append([]byte{needsChecksum, cutNone, 0, 0, 0, 0, headerIPv4, 0, 6, 0}, partial...)))
	p := make([]byte, 1500)
	require.Equal(t, wire, p[:c.next(p)])
	require.Zero(t, c.next(p))
}

// TestCutterRefuses what it couldn't cut.
func TestCutterRefuses(t *testing.T) {
	packet := train(t, false, nil, 100)[0]
	for name, raw := range map[string][]byte{
		"no header":               {1, 2, 3},
		"checksum beyond the end": append([]byte{needsChecksum, cutNone, 0, 0, 0, 0, 200, 0, 6, 0}, packet...),
		"UDP":                     append([]byte{needsChecksum, 3, 0, 0, 100, 0, 20, 0, 6, 0}, packet...),
		"segments of nothing":     append([]byte{needsChecksum, cutTCP4, 0, 0, 0, 0, 20, 0, 16, 0}, packet...),
	} {
		var c cutter
		require.Error(t, c.take(raw), name)
	}
}
