package capture_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/capture"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 123456789, time.UTC)

// seen is one packet, as written or read.
type seen struct {
	iface   int
	at      time.Time
	wire    []byte
	comment string
}

// udp is a sound packet of IPv4 and UDP.
func udp(t testing.TB, from, to string, payload string) []byte {
	t.Helper()
	src, dst := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}
	u := &layers.UDP{SrcPort: layers.UDPPort(src.Port()), DstPort: layers.UDPPort(dst.Port())}
	require.NoError(t, u.SetNetworkLayerForChecksum(ip))
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	require.NoError(t, gopacket.SerializeLayers(buf, opts, ip, u, gopacket.Payload(payload)))
	return buf.Bytes()
}

func few(t testing.TB) []seen {
	return []seen{
		{0, epoch, udp(t, "10.0.0.2:50000", "23.236.115.138:3478", "hello"), "allow: T8"},
		{1, epoch.Add(time.Nanosecond), udp(t, "23.236.115.138:3478", "10.0.0.2:50000", "odd"), "allow: established"},
		{0, epoch.Add(time.Hour), udp(t, "10.0.0.2:50000", "23.236.115.138:3477", ""), "drop: default — not listed"},
		{0, epoch.Add(2 * time.Hour), udp(t, "10.0.0.2:50000", "23.236.115.138:3477", "no comment"), ""},
	}
}

func write(t testing.TB, packets []seen) []byte {
	t.Helper()
	var file bytes.Buffer
	c, err := capture.New(&file, "lan", "internet")
	require.NoError(t, err)
	for _, p := range packets {
		require.NoError(t, c.Add(p.iface, p.at, capture.Bytes(p.wire), p.comment))
	}
	require.NoError(t, c.Close())
	return file.Bytes()
}

// block is one block of a file, taken apart by this test's own reading of the draft.
type block struct {
	kind    uint32
	body    []byte            // fixed part and packet
	options map[uint16]string // by code
}

func blocks(t testing.TB, file []byte) (all []block) {
	t.Helper()
	le := binary.LittleEndian
	for len(file) > 0 {
		require.GreaterOrEqual(t, len(file), 12)
		b := block{kind: le.Uint32(file), options: map[uint16]string{}}
		length := int(le.Uint32(file[4:]))
		require.Zero(t, length%4)
		require.LessOrEqual(t, length, len(file))
		require.EqualValues(t, length, le.Uint32(file[length-4:]), "the length stands at both ends")
		body := file[8 : length-4]
		fixed := map[uint32]int{0x0A0D0D0A: 16, 1: 8, 6: 20, 5: 12}[b.kind]
		require.NotZero(t, fixed, "block of type %d", b.kind)
		if b.kind == 6 {
			fixed += (int(le.Uint32(body[12:])) + 3) &^ 3
		}
		b.body = body[:fixed]
		for opts := body[fixed:]; len(opts) > 0; {
			code, n := le.Uint16(opts), int(le.Uint16(opts[2:]))
			if code == 0 {
				require.Len(t, opts, 4, "nothing follows the end of options")
				break
			}
			b.options[code] = string(opts[4 : 4+n])
			padded := (n + 3) &^ 3
			require.Zero(t, strings.Trim(string(opts[4+n:4+padded]), "\x00"), "padding is zero")
			opts = opts[4+padded:]
		}
		all = append(all, b)
		file = file[length:]
	}
	return all
}

// read reads a file with gopacket, and the comments, which that ignores, with blocks.
func read(t testing.TB, file []byte) (packets []seen) {
	t.Helper()
	var comments []string
	for _, b := range blocks(t, file) {
		if b.kind == 6 {
			comments = append(comments, b.options[1])
		}
	}
	r, err := pcapgo.NewNgReader(bytes.NewReader(file), pcapgo.DefaultNgReaderOptions)
	require.NoError(t, err)
	for {
		wire, ci, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		require.Equal(t, len(wire), ci.Length)
		packets = append(packets, seen{ci.InterfaceIndex, ci.Timestamp.UTC(), wire, comments[len(packets)]})
	}
	require.Len(t, comments, len(packets))
	for i, name := range []string{"lan", "internet"} {
		desc, err := r.Interface(i)
		require.NoError(t, err)
		require.Equal(t, name, desc.Name)
		require.Equal(t, layers.LinkTypeRaw, desc.LinkType)
	}
	return packets
}

func TestRoundTrip(t *testing.T) {
	want := few(t)
	got := read(t, write(t, want))
	require.Equal(t, want, got)
}

func TestBlocks(t *testing.T) {
	bs := blocks(t, write(t, few(t)))
	var kinds []uint32
	for _, b := range bs {
		kinds = append(kinds, b.kind)
	}
	require.Equal(t, []uint32{0x0A0D0D0A, 1, 1, 6, 6, 6, 6, 5, 5}, kinds)
	require.Equal(t, "proxyspec", bs[0].options[4])
	require.Equal(t, map[uint16]string{2: "internet", 9: "\x09"}, bs[2].options)
	require.Empty(t, bs[6].options, "no comment, no options")
	lan := bs[7].options
	require.Equal(t, "\x03\x00\x00\x00\x00\x00\x00\x00", lan[4], "seen")
	require.Equal(t, "\x00\x00\x00\x00\x00\x00\x00\x00", lan[5], "left out")
	require.NotContains(t, lan, uint16(1), "nothing was cut")
}

func TestNilCapture(t *testing.T) {
	var c *capture.Capture
	c.Limit(1)
	require.NoError(t, c.Add(7, epoch, capture.Bytes(nil), ""))
	require.Zero(t, c.Seen())
	require.Zero(t, c.Cut())
	require.NoError(t, c.Close())
}

func TestLimit(t *testing.T) {
	const budget = 4096
	var file bytes.Buffer
	c, err := capture.New(&file, "lan", "internet")
	require.NoError(t, err)
	c.Limit(budget)
	wire := udp(t, "10.0.0.2:50000", "23.236.115.138:3478", strings.Repeat("x", 1000))
	for range 100 {
		require.NoError(t, c.Add(0, epoch, capture.Bytes(wire), "allow: T8"))
	}
	require.NoError(t, c.Add(1, epoch, capture.Bytes(wire[:28]), ""), "a small one doesn't slip through")
	require.LessOrEqual(t, file.Len(), budget)
	require.Equal(t, 101, c.Seen())
	require.Equal(t, 98, c.Cut())
	require.NoError(t, c.Close())

	require.Len(t, read(t, file.Bytes()), 3)
	bs := blocks(t, file.Bytes())
	require.Equal(t, "cut: 97 of 100 packets are missing, because the capture would be longer than 4096 bytes", bs[len(bs)-2].options[1])
	require.Equal(t, "cut: 1 of 1 packets are missing, because the capture would be longer than 4096 bytes", bs[len(bs)-1].options[1])
}

func TestMistakes(t *testing.T) {
	_, err := capture.New(io.Discard)
	require.ErrorContains(t, err, "at least one interface")
	_, err = capture.New(io.Discard, strings.Repeat("x", 65536))
	require.ErrorContains(t, err, "65536 bytes")

	c, err := capture.New(io.Discard, "lan")
	require.NoError(t, err)
	require.ErrorContains(t, c.Add(1, epoch, capture.Bytes(nil), ""), "there is no interface 1, only 0 to 0")
	require.ErrorContains(t, c.Add(-1, epoch, capture.Bytes(nil), ""), "there is no interface -1")
	latest := time.Unix(0, math.MaxInt64)
	for _, at := range []time.Time{{}, time.Unix(0, -1), latest.Add(1), latest.AddDate(300, 0, 0), latest.AddDate(600, 0, 0)} {
		require.ErrorContains(t, c.Add(0, at, capture.Bytes(nil), ""), "out of the format's time, 1970 to 2262")
	}
	require.ErrorContains(t, c.Add(0, epoch, capture.Bytes(nil), strings.Repeat("x", 65536)), "a comment of 65536 bytes")
	require.Zero(t, c.Seen())
	require.NoError(t, c.Close())
	require.EqualError(t, c.Close(), "capture: closed already")
	require.EqualError(t, c.Add(0, epoch, capture.Bytes(nil), ""), "capture: closed already")
}

// full is a disk with room for so many more writes.
type full int

var errFull = errors.New("no space left")

func (f *full) Write(p []byte) (int, error) {
	if *f--; *f < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestFailedWrite(t *testing.T) {
	for room := range 4 {
		disk := full(room)
		c, err := capture.New(&disk, "lan")
		if room < 2 {
			require.ErrorIs(t, err, errFull)
			continue
		}
		require.NoError(t, err)
		for range room - 2 {
			require.NoError(t, c.Add(0, epoch, capture.Bytes([]byte{1}), ""))
		}
		require.ErrorIs(t, c.Add(0, epoch, capture.Bytes([]byte{1}), ""), errFull)
		disk = 100
		require.ErrorIs(t, c.Add(0, epoch, capture.Bytes([]byte{1}), ""), errFull, "nothing follows a torn block")
		require.ErrorIs(t, c.Close(), errFull)
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte{0x45}, "allow: T1", int64(0), true)
	f.Add([]byte{}, "", int64(1<<62), false)
	f.Add([]byte("four"), "drop: default, ü", int64(1), false)
	f.Fuzz(func(t *testing.T, wire []byte, comment string, ns int64, second bool) {
		if ns < 0 || len(comment) > 65535 {
			t.Skip()
		}
		iface := 0
		if second {
			iface = 1
		}
		want := seen{iface, time.Unix(0, ns).UTC(), wire, comment}
		got := read(t, write(t, []seen{want, want}))
		require.Len(t, got, 2)
		for _, p := range got {
			require.Equal(t, want.iface, p.iface)
			require.True(t, want.at.Equal(p.at), "%v, not %v", p.at, want.at)
			require.True(t, bytes.Equal(want.wire, p.wire))
			require.Equal(t, want.comment, p.comment)
		}
	})
}

// BenchmarkPacket is the cost of a captured packet of 1,200 bytes, the writer apart.
func BenchmarkPacket(b *testing.B) {
	c, err := capture.New(io.Discard, "lan")
	require.NoError(b, err)
	wire := make([]byte, 1200)
	b.ReportAllocs()
	for b.Loop() {
		_ = c.Add(0, epoch, capture.Bytes(wire), "allow: established")
	}
}
