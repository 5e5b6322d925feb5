package kernel_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/kernel"
)

// inNamespace runs the test once more in a namespace of its own, and says there that it is the one to do the work.
func inNamespace(t *testing.T, args ...string) bool {
	t.Helper()
	if kernel.Inside() {
		return true
	}
	if err := kernel.Probe(); err != nil {
		t.Skip(err)
	}
	if !has("nft") && !has("iptables-restore") {
		t.Skip("neither nft nor iptables is on PATH (Debian's packages nftables and iptables): nobody loads rules into the kernel")
	}
	cmd, err := kernel.Command(t.Context(), append([]string{"-test.run=^" + t.Name() + "$", "-test.v", fmt.Sprint("-rewrite=", *rewrite)}, args...)...)
	require.NoError(t, err)
	var out bytes.Buffer
	cmd.Stdout = io.MultiWriter(&out, t.Output()) // at once: of a test that hangs, it tells where
	cmd.Stderr = cmd.Stdout
	t.Log("in a namespace of its own:")
	require.NoError(t, cmd.Run())
	text := out.String()
	require.Contains(t, text, "--- ", "the test didn't run there")
	if strings.Contains(text, "--- SKIP: "+t.Name()+" ") {
		t.Skip("skipped in its namespace: see above")
	}
	return false
}

// need skips a test on a machine that doesn't have a program.
func need(t *testing.T, program string) {
	t.Helper()
	if !has(program) {
		t.Skipf("%s isn't on PATH", program)
	}
}

func has(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// tuple is what identifies a flow.
type tuple struct {
	proto    firewall.Proto
	src, dst netip.AddrPort
}

func (q tuple) String() string { return fmt.Sprintf("%v %v -> %v", q.proto, q.src, q.dst) }

// wire is the kernel between two devices: the clients' network and the internet. What is written to one and may
// pass comes out of the other.
type wire struct {
	inside, outside *kernel.TUN
	marks           int
}

func newWire(t *testing.T) *wire {
	t.Helper()
	require.NoError(t, kernel.Forward())
	inside, err := kernel.OpenTUN("inside", netip.MustParsePrefix("10.0.0.1/8"), netip.MustParsePrefix("2001:db8:a::1/48"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, inside.Close()) })
	outside, err := kernel.OpenTUN("outside", netip.MustParsePrefix("198.18.0.1/15"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, outside.Close()) })
	for _, to := range []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/48"} {
		require.NoError(t, outside.Route(netip.MustParsePrefix(to)))
	}
	return &wire{inside: inside, outside: outside}
}

// try sends the first packet of each flow and tells which ones came through.
func (w *wire) try(t *testing.T, tuples []tuple) []bool {
	t.Helper()
	arrived := make([]bool, len(tuples))
	const batch = 200 // of which the device's queue holds 500
	for i := 0; i < len(tuples); i += batch {
		for n := i; n < min(i+batch, len(tuples)); n++ {
			_, err := w.inside.Write(packet(t, tuples[n], firewall.SYN, n))
			require.NoError(t, err)
		}
		for _, got := range w.drain(t, w.outside) {
			require.Equal(t, tuples[got.number].dst, got.dst, "the source may be another, by NAT")
			arrived[got.number] = true
		}
	}
	return arrived
}

// send sends one packet and tells whether it came through.
func (w *wire) send(t *testing.T, q tuple, flags firewall.TCPFlags) bool {
	t.Helper()
	from, to := w.inside, w.outside
	if office.Contains(q.dst.Addr()) {
		from, to = w.outside, w.inside
	}
	_, err := from.Write(packet(t, q, flags, 0))
	require.NoError(t, err)
	for _, got := range w.drain(t, to) {
		if got.tuple == q {
			return true
		}
	}
	return false
}

// arrival is a packet of ours that came through.
type arrival struct {
	tuple
	number int
}

// drain reads what has come out of a device. The kernel itself sends a mark after it, which no firewall of
// forwarded packets judges: once it is there, so is all else.
func (w *wire) drain(t *testing.T, device *kernel.TUN) (got []arrival) {
	t.Helper()
	w.marks++
	to := netip.MustParseAddrPort("198.18.0.2:9")
	if device == w.inside {
		to = netip.MustParseAddrPort("10.0.0.254:9")
	}
	sendMark(t, to, w.marks)
	require.NoError(t, device.SetReadDeadline(time.Now().Add(10*time.Second)))
	buf := make([]byte, 2048)
	for {
		n, err := device.Read(buf)
		require.NoError(t, err, "the mark never came")
		q, payload := parse(buf[:n])
		if len(payload) != 8 {
			continue // of the kernel's own
		}
		number := int(binary.BigEndian.Uint64(payload))
		if q.dst == to && number == w.marks {
			return got
		}
		got = append(got, arrival{q, number})
	}
}

// packet is an IP packet that carries a number. Its checksums are right: conntrack calls others invalid.
func packet(t *testing.T, q tuple, flags firewall.TCPFlags, number int) []byte {
	t.Helper()
	var network gopacket.NetworkLayer
	var first gopacket.SerializableLayer
	if q.dst.Addr().Is4() {
		ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocol(q.proto), SrcIP: q.src.Addr().AsSlice(), DstIP: q.dst.Addr().AsSlice()}
		network, first = ip, ip
	} else {
		ip := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocol(q.proto), SrcIP: q.src.Addr().AsSlice(), DstIP: q.dst.Addr().AsSlice()}
		network, first = ip, ip
	}
	var transport gopacket.SerializableLayer
	switch q.proto {
	case firewall.TCP:
		tcp := &layers.TCP{
			SrcPort: layers.TCPPort(q.src.Port()), DstPort: layers.TCPPort(q.dst.Port()), Seq: 1000, Ack: 1001, Window: 65535,
			SYN: flags&firewall.SYN != 0, ACK: flags&firewall.ACK != 0, FIN: flags&firewall.FIN != 0, RST: flags&firewall.RST != 0,
		}
		if !tcp.SYN {
			tcp.Seq = 1001
		}
		require.NoError(t, tcp.SetNetworkLayerForChecksum(network))
		transport = tcp
	case firewall.UDP:
		udp := &layers.UDP{SrcPort: layers.UDPPort(q.src.Port()), DstPort: layers.UDPPort(q.dst.Port())}
		require.NoError(t, udp.SetNetworkLayerForChecksum(network))
		transport = udp
	default:
		t.Fatalf("no packets of %v", q.proto)
	}
	b := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	require.NoError(t, gopacket.SerializeLayers(b, options, first, transport, gopacket.Payload(binary.BigEndian.AppendUint64(nil, uint64(number)))))
	return b.Bytes()
}

// parse reads a packet; of what is neither TCP nor UDP the tuple is empty.
func parse(raw []byte) (q tuple, payload []byte) {
	kind := layers.LayerTypeIPv4
	if raw[0]>>4 == 6 {
		kind = layers.LayerTypeIPv6
	}
	p := gopacket.NewPacket(raw, kind, gopacket.NoCopy)
	if p.NetworkLayer() == nil || p.TransportLayer() == nil {
		return tuple{}, nil
	}
	src, _ := netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Src().Raw())
	dst, _ := netip.AddrFromSlice(p.NetworkLayer().NetworkFlow().Dst().Raw())
	ports := p.TransportLayer().TransportFlow()
	q = tuple{firewall.TCP, port(src, ports.Src()), port(dst, ports.Dst())}
	if p.TransportLayer().LayerType() == layers.LayerTypeUDP {
		q.proto = firewall.UDP
	}
	return q, p.TransportLayer().LayerPayload()
}

func port(a netip.Addr, e gopacket.Endpoint) netip.AddrPort {
	return netip.AddrPortFrom(a, binary.BigEndian.Uint16(e.Raw()))
}
