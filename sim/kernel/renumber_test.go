package kernel

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

// packets is a device that has some packets, and keeps those that it is given.
type packets struct{ in, out [][]byte }

func (p *packets) Read(b []byte) (int, error) {
	n := copy(b, p.in[0])
	p.in = p.in[1:]
	return n, nil
}

func (p *packets) Write(b []byte) (int, error) {
	p.out = append(p.out, bytes.Clone(b))
	return len(b), nil
}

func (p *packets) Close() error { return nil }

// TestRenumbered sends packets of every kind through, and has the network read them: it checks every checksum.
func TestRenumbered(t *testing.T) {
	original, standIn := netip.MustParseAddr("23.236.115.138"), netip.MustParseAddr("192.0.2.138")
	inside := netip.MustParseAddrPort("10.10.0.2:40000")
	there := netip.AddrPortFrom(standIn, 443)
	for _, p := range []*sim.Packet{
		{Proto: firewall.UDP, Src: inside, Dst: there, TTL: 64, Payload: []byte("odd")},
		{Proto: firewall.UDP, Src: inside, Dst: netip.MustParseAddrPort("203.0.113.1:443"), TTL: 64},
		{Proto: firewall.TCP, Src: inside, Dst: there, TTL: 64},
	} {
		wire, err := p.Marshal()
		require.NoError(t, err)
		device := &packets{in: [][]byte{wire}}
		r := Renumber()
		r.Attach(device, map[netip.Addr]netip.Addr{original: standIn})
		buf := make([]byte, 2000)
		n, err := r.Read(buf)
		require.NoError(t, err)
		seen, err := sim.Parse(bytes.Clone(buf[:n]))
		require.NoError(t, err)
		require.Equal(t, inside, seen.Src)
		want := p.Dst
		if want == there {
			want = netip.AddrPortFrom(original, 443)
		}
		require.Equal(t, want, seen.Dst)

		seen.Src, seen.Dst = seen.Dst, seen.Src // and back
		wire, err = seen.Marshal()
		require.NoError(t, err)
		_, err = r.Write(wire)
		require.NoError(t, err)
		back, err := sim.Parse(device.out[0])
		require.NoError(t, err)
		require.Equal(t, p.Dst, back.Src)
	}
}

// TestRenumberedDropsStrays sees that the network never hears of an original that the kernel knows.
func TestRenumberedDropsStrays(t *testing.T) {
	original, standIn := netip.MustParseAddr("23.236.115.138"), netip.MustParseAddr("192.0.2.138")
	var wires [][]byte
	for _, to := range []netip.Addr{original, original, standIn} {
		wire, err := (&sim.Packet{Proto: firewall.UDP, Src: netip.MustParseAddrPort("10.10.0.2:1"), Dst: netip.AddrPortFrom(to, 1), TTL: 64}).Marshal()
		require.NoError(t, err)
		wires = append(wires, wire)
	}
	r := Renumber()
	r.Attach(&packets{in: wires}, map[netip.Addr]netip.Addr{original: standIn})
	buf := make([]byte, 2000)
	n, err := r.Read(buf)
	require.NoError(t, err)
	seen, err := sim.Parse(buf[:n])
	require.NoError(t, err)
	require.Equal(t, original, seen.Dst.Addr())
	require.Equal(t, map[netip.Addr]int{original: 2}, r.Strays())
}
