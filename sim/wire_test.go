package sim

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/internal/inet"
	"github.com/proxyspec/proxyspec/sim/tcp"
)

var (
	client4, server4 = netip.MustParseAddrPort("10.0.0.2:49152"), netip.MustParseAddrPort("192.0.2.1:443")
	client6, server6 = netip.MustParseAddrPort("[2001:db8:a::2]:49152"), netip.MustParseAddrPort("[2001:db8::1]:443")
)

// specimens is a packet of each kind, in one family.
func specimens(src, dst netip.AddrPort) []*Packet {
	udp := &Packet{Proto: firewall.UDP, Src: src, Dst: dst, TTL: 64, Payload: []byte("odd")}
	syn := tcp.Segment{Flags: tcp.SYN, Seq: 1 << 31, Window: 65535, MSS: 1460, Scale: 7}
	data := tcp.Segment{Flags: tcp.PSH | tcp.ACK, Seq: 7, Ack: 9, Window: 1, Scale: tcp.NoScale, Payload: []byte("data")}
	linux := tcp.Segment{Flags: tcp.ACK, Seq: 7, Ack: 9, Window: 1, Scale: tcp.NoScale, Payload: []byte{}, Urgent: 3,
		Options: []byte{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2}}
	selective := data
	selective.SACKPermitted, selective.SACK = true, []tcp.Range{{From: 30, To: 40}, {From: 1<<32 - 5, To: 20}}
	ping := newICMP(echoRequest, src.Addr(), dst.Addr())
	ping.identify(77)
	ping.ICMP.Rest, ping.ICMP.Body = 3, []byte("hello")
	return []*Packet{
		udp,
		{Proto: firewall.UDP, Src: src, Dst: dst, TTL: 1, TOS: 0xb8, Payload: []byte{}},
		{Proto: firewall.TCP, Src: src, Dst: dst, TTL: 64, TCP: syn},
		{Proto: firewall.TCP, Src: src, Dst: dst, TTL: 64, TCP: data},
		{Proto: firewall.TCP, Src: src, Dst: dst, TTL: 64, TCP: linux},
		ping,
		udp.complaint(dst.Addr(), portUnreachable),
		ping.complaint(dst.Addr(), timeExceeded),
		(&Packet{Proto: firewall.TCP, Src: src, Dst: dst, TTL: 64, TCP: data}).complaint(dst.Addr(), adminProhibited),
		{Proto: 47, Src: netip.AddrPortFrom(src.Addr(), 0), Dst: netip.AddrPortFrom(dst.Addr(), 0), TTL: 9, Payload: []byte("GRE")},
		{Proto: firewall.TCP, Src: src, Dst: dst, TTL: 64, TCP: selective},
	}
}

func TestWireRoundTrip(t *testing.T) {
	for _, p := range append(specimens(client4, server4), specimens(client6, server6)...) {
		wire, err := p.Marshal()
		require.NoError(t, err)
		require.Len(t, wire, p.Length(), "%v", p)
		q, err := Parse(append(wire, "padding"...))
		require.NoError(t, err, "%v", p)
		if p.TCP.Payload == nil {
			q.TCP.Payload = nil
		}
		require.Equal(t, p, q, "%v", p)
		again, err := q.Marshal()
		require.NoError(t, err)
		require.Equal(t, wire, again, "%v", p)
	}
}

// TestWireAgreesWithGopacket has a stranger read our packets and check their checksums.
func TestWireAgreesWithGopacket(t *testing.T) {
	for _, p := range append(specimens(client4, server4), specimens(client6, server6)...) {
		if p.Proto == 47 {
			continue // it would read more into our three letters
		}
		wire, err := p.Marshal()
		require.NoError(t, err)
		first := layers.LayerTypeIPv4
		if p.Src.Addr().Is6() {
			first = layers.LayerTypeIPv6
		}
		read := gopacket.NewPacket(wire, first, gopacket.NoCopy)
		require.Nil(t, read.ErrorLayer(), "%v", p)
		network := read.NetworkLayer()
		require.Equal(t, p.Src.Addr().AsSlice(), network.NetworkFlow().Src().Raw())
		require.Equal(t, p.Dst.Addr().AsSlice(), network.NetworkFlow().Dst().Raw())
		var parts []gopacket.SerializableLayer
		for _, l := range read.Layers() {
			if l, ok := l.(interface {
				SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
			}); ok {
				require.NoError(t, l.SetNetworkLayerForChecksum(network))
			}
			parts = append(parts, l.(gopacket.SerializableLayer))
			if isICMP(p.Proto) && len(parts) == 2 {
				parts = append(parts, gopacket.Payload(l.LayerPayload())) // what is quoted stays as it is
				break
			}
		}
		buf := gopacket.NewSerializeBuffer()
		require.NoError(t, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{ComputeChecksums: true}, parts...))
		require.Equal(t, buf.Bytes(), wire, "%v: gopacket computes other checksums", p)
	}
}

// TestParseFindsEveryFlippedBit damages each bit of each packet: the checksums must notice, but where
// nothing is summed.
func TestParseFindsEveryFlippedBit(t *testing.T) {
	for _, p := range append(specimens(client4, server4), specimens(client6, server6)...) {
		wire, err := p.Marshal()
		require.NoError(t, err)
		summed := 0 // IPv6 has no checksum of its header: addresses and what follows are counted
		if p.Src.Addr().Is6() {
			summed = 8
		}
		end := len(wire)
		if p.Proto == 47 {
			end = ipHeader(p.Src.Addr()) // nobody sums the rest
		}
		for bit := summed * 8; bit < end*8; bit++ {
			if bit == 5 {
				continue // makes version 4 version 6
			}
			if p.Proto == 47 && p.Src.Addr().Is6() {
				break
			}
			wire[bit/8] ^= 1 << (bit % 8)
			q, err := Parse(wire)
			if err == nil {
				again, _ := q.Marshal()
				t.Errorf("%v: bit %d flipped gives %v\n% x\n% x", p, bit, q, wire, again)
			}
			wire[bit/8] ^= 1 << (bit % 8)
		}
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	wire := func(p *Packet, change func(b []byte) []byte) []byte {
		b, err := p.Marshal()
		require.NoError(t, err)
		b = change(b)
		if len(b) >= ipv4Header && b[0]>>4 == 4 { // mend the header's checksum
			b[10], b[11] = 0, 0
			c := ^inet.Fold(inet.Sum(0, b[:ipv4Header]))
			b[10], b[11] = byte(c>>8), byte(c)
		}
		return b
	}
	four, six := specimens(client4, server4), specimens(client6, server6)
	for _, tc := range []struct {
		name string
		wire []byte
		want string
	}{
		{"nothing", nil, "empty"},
		{"version", []byte{0x50}, "IP version 5"},
		{"cut", wire(four[0], func(b []byte) []byte { return b[:len(b)-1] }), "its IPv4 header says 31 bytes, there are 30"},
		{"cut6", wire(six[0], func(b []byte) []byte { return b[:len(b)-1] }), "its IPv6 header says 51 bytes, there are 50"},
		{"fragment", wire(four[0], func(b []byte) []byte { b[6] = 0x20; return b }), "fragment"},
		{"options", wire(four[0], func(b []byte) []byte { b[0] = 0x46; return b }), "IPv4 options"},
		{"hop-by-hop", wire(six[0], func(b []byte) []byte { b[6] = 0; return b }), "extension header 0"},
		{"udp length", wire(four[0], func(b []byte) []byte { b[25]++; return b }), "UDP header says 12 bytes, there are 11"},
		{"udp checksum", wire(four[0], func(b []byte) []byte { b[28]++; return b }), "UDP checksum"},
		{"tcp header", wire(four[2], func(b []byte) []byte { b[32] = 0xf0; return b }), "TCP header of 60 bytes in 28"},
		{"icmp", wire(four[5], func(b []byte) []byte { b[28]++; return b }), "ICMP checksum"},
		{"family", wire(six[0], func(b []byte) []byte { b[6] = 1; return b }), "ICMP over IPv6"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse(tc.wire)
			require.ErrorContains(t, err, tc.want)
		})
	}
	_, err := (&Packet{Proto: firewall.UDP, Src: client4, Dst: server6}).Marshal()
	require.ErrorContains(t, err, "not of one family")
	b := wire(four[0], func(b []byte) []byte { b[26], b[27] = 0, 0; return b })
	_, err = Parse(b)
	require.NoError(t, err, "UDP over IPv4 may do without a checksum")
}

// TestReaddressedQuote translates what an error quotes: the packet that the receiver then reads must be
// the one that it has sent, checksums included.
func TestReaddressedQuote(t *testing.T) {
	for _, ends := range [][3]netip.AddrPort{
		{client4, server4, netip.MustParseAddrPort("203.0.113.9:1024")},
		{client6, server6, netip.MustParseAddrPort("[2001:db8:ffff::9]:1024")},
	} {
		for _, p := range specimens(ends[0], ends[1])[:6] {
			outer := *p
			outer.Src = ends[2]
			if p.ICMP != nil {
				outer.identify(ends[2].Port())
			}
			complaint := outer.complaint(ends[1].Addr(), hostUnreachable)
			about := *complaint.ICMP.About
			about.Src = p.Src
			if p.ICMP != nil {
				about.Dst = p.Dst
			}
			got := complaint.ICMP.readdressed(&about)
			want, err := p.Marshal()
			require.NoError(t, err)
			require.Equal(t, want, got.Body, "%v", p)
		}
	}
}

// FuzzParse reads anything, and reads again what it would write.
func FuzzParse(f *testing.F) {
	for _, p := range append(specimens(client4, server4), specimens(client6, server6)...) {
		wire, err := p.Marshal()
		require.NoError(f, err)
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		p, err := Parse(wire)
		if err != nil {
			return
		}
		_ = p.String()
		again, err := p.Marshal()
		require.NoError(t, err)
		require.Len(t, again, p.Length())
		q, err := Parse(again)
		require.NoError(t, err)
		require.Equal(t, p, q)
		if about := p.quote(); about != nil {
			moved := *about
			moved.Src = netip.AddrPortFrom(about.Src.Addr().Prev(), about.Src.Port()^1)
			if moved.Src.Addr().IsValid() {
				p.ICMP.readdressed(&moved)
			}
		}
	})
}

// FuzzMarshal writes packets of every shape and reads them back.
func FuzzMarshal(f *testing.F) {
	f.Add(uint64(1), []byte("payload"))
	f.Add(uint64(2), []byte{})
	f.Fuzz(func(t *testing.T, seed uint64, payload []byte) {
		if len(payload) > MTU {
			return
		}
		r := rand.New(rand.NewPCG(seed, 0))
		src, dst := client4, server4
		if r.IntN(2) == 0 {
			src, dst = client6, server6
		}
		p := specimens(src, dst)[r.IntN(10)]
		p.TTL, p.TOS = uint8(r.Uint32()), uint8(r.Uint32())
		if src.Addr().Is4() {
			p.ID, p.MayBeSplit = uint16(r.Uint32()), r.IntN(2) == 0
		} else {
			p.FlowLabel = r.Uint32() & 0xfffff
		}
		switch {
		case p.Proto == firewall.TCP:
			p.TCP.Payload, p.TCP.Flags = payload, tcp.Flags(r.Uint32())
		case p.ICMP == nil:
			p.Payload = payload
		case p.quote() == nil:
			p.ICMP.Body = payload
		}
		wire, err := p.Marshal()
		require.NoError(t, err)
		q, err := Parse(wire)
		require.NoError(t, err)
		require.Equal(t, p, q)
	})
}
