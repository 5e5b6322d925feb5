package rtc

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"
)

// packet of a frame: whether it is the frame's last, and its payload.
func packet(sequence uint16, last bool, payload string) *rtp.Packet {
	return &rtp.Packet{Header: rtp.Header{SequenceNumber: sequence, Marker: last}, Payload: []byte(payload)}
}

// The payload descriptors of VP8: the frame begins in this packet, or goes on in it.
const begin, more = "\x10", "\x00"

func TestMeter(t *testing.T) {
	tests := []struct {
		name    string
		mime    string
		packets []*rtp.Packet
		frames  int
		digest  string // of what
	}{
		{"nothing", webrtc.MimeTypeOpus, nil, 0, ""},
		{"audio: a packet is a frame", webrtc.MimeTypeOpus, []*rtp.Packet{packet(7, true, "a"), packet(9, false, "b")}, 2, "ab"},
		{"VP8 without its descriptors", webrtc.MimeTypeVP8, []*rtp.Packet{
			packet(65535, false, begin+"ab"), packet(0, true, more+"cd"), packet(1, true, begin+"e")}, 2, "abcde"},
		{"VP8, the middle of a frame lost", webrtc.MimeTypeVP8, []*rtp.Packet{
			packet(1, false, begin+"ab"), packet(3, true, more+"ef"), packet(4, true, begin+"g")}, 1, "abefg"},
		{"VP8, the end of a frame lost", webrtc.MimeTypeVP8, []*rtp.Packet{
			packet(1, false, begin+"ab"), packet(3, true, begin+"g")}, 1, "abg"},
		{"VP8, joined in the middle", webrtc.MimeTypeVP8, []*rtp.Packet{packet(1, true, more+"ab"), packet(2, true, begin+"c")}, 1, "abc"},
		{"VP8, garbage", webrtc.MimeTypeVP8, []*rtp.Packet{packet(1, true, "")}, 0, ""},
		{"H.264 as it is", "video/h264", []*rtp.Packet{packet(1, false, "a"), packet(2, true, "b"), packet(3, true, "c")}, 2, "abc"},
		{"H.264, a loss", webrtc.MimeTypeH264, []*rtp.Packet{
			packet(1, false, "a"), packet(3, true, "c"), packet(4, false, "d"), packet(5, true, "e")}, 1, "acde"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := NewMeter(tt.mime)
			bytes := 0
			for _, p := range tt.packets {
				m.Count(p)
				bytes += len(p.Payload)
			}
			sum := sha256.Sum256([]byte(tt.digest))
			got := m.Totals()
			got.Missing = 0
			require.Equal(t, Totals{
				Packets: len(tt.packets), Bytes: bytes, Frames: tt.frames, Digest: hex.EncodeToString(sum[:]),
			}, got)
		})
	}
}

func TestMeterNoticesWhatIsMissing(t *testing.T) {
	for _, tt := range []struct {
		name    string
		numbers []uint16
		missing int
	}{
		{"none", []uint16{7, 8, 9}, 0},
		{"across the wrap", []uint16{65534, 65535, 0, 1}, 0},
		{"one", []uint16{7, 9}, 1},
		{"three, across the wrap", []uint16{65534, 2}, 3},
		{"one that comes late", []uint16{7, 9, 8}, 0},
		{"one that comes twice", []uint16{7, 8, 8}, 0},
		{"a late one that comes twice", []uint16{7, 9, 8, 8}, 0},
		{"a new numbering", []uint16{7, 9, 30000, 30001}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := NewMeter(webrtc.MimeTypeOpus)
			for _, n := range tt.numbers {
				m.Count(packet(n, true, "a"))
			}
			require.Equal(t, tt.missing, m.Totals().Missing)
		})
	}
}
