package sdk

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/stretchr/testify/require"
)

func TestFramesHaveOneSizeAndDiffer(t *testing.T) {
	for name, s := range map[string]source{"opus": opusSource, "vp8": vp8Source, "h264": h264Source} {
		t.Run(name, func(t *testing.T) {
			seen, size := map[string]bool{}, len(s.frame(0, 0))
			for n := range uint32(500) {
				f := s.frame(n, n%keyInterval)
				require.Len(t, f, size)
				require.False(t, seen[string(f)])
				seen[string(f)] = true
				require.Equal(t, f, s.frame(n, n%keyInterval), "a frame depends on its numbers only")
			}
		})
	}
}

func TestPacketsAreWhatDepacketisersTake(t *testing.T) {
	o := newOutgoing(vp8Source)
	for n := range 100 {
		var frame []byte
		packets := o.packets(false)
		require.Len(t, packets, 2)
		for i, p := range packets {
			require.Equal(t, uint16(2*n+i), p.SequenceNumber)
			require.Equal(t, uint32(6000*n), p.Timestamp)
			require.Equal(t, i == 1, p.Marker)
			require.LessOrEqual(t, p.MarshalSize(), 1200)
			var v codecs.VP8Packet
			part, err := v.Unmarshal(p.Payload)
			require.NoError(t, err)
			require.Equal(t, i == 0, v.S == 1)
			frame = append(frame, part...)
		}
		require.Equal(t, vp8Source.frame(uint32(n), uint32(n)%keyInterval), frame)
	}

	opus := newOutgoing(opusSource)
	opus.packets(false)
	require.Equal(t, uint32(960), opus.packets(false)[0].Timestamp)
}

func TestKeyFrames(t *testing.T) {
	key, other := vp8Source.frame(0, 0), vp8Source.frame(0, 1)
	require.Zero(t, key[0]&1, "RFC 6386: 0 is a key frame")
	require.Equal(t, []byte{0x9d, 0x01, 0x2a}, key[3:6])
	require.EqualValues(t, 1, other[0]&1)

	o := newOutgoing(vp8Source)
	isKey := func(asked bool) bool { return o.packets(asked)[0].Payload[1]&1 == 0 }
	require.True(t, isKey(false), "the first")
	require.False(t, isKey(false))
	require.True(t, isKey(true), "one that is asked for")
}

// TestH264 reads frames as a depacketiser gets them. That browsers decode them is a scenario's to show.
func TestH264(t *testing.T) {
	types := func(packets []*rtp.Packet) (types []byte) {
		var d codecs.H264Packet
		for _, p := range packets {
			stream, err := d.Unmarshal(p.Payload)
			require.NoError(t, err)
			for _, unit := range bytes.Split(stream, h264Start) {
				if len(unit) == 0 {
					continue
				}
				types = append(types, unit[0]&0x1f)
				require.NotContains(t, string(unit), "\x00\x00", "what would need prevention of a start code")
			}
		}
		return types
	}
	const picture, idr, filler, sequence, set = 1, 5, 6, 7, 8
	o := newOutgoing(h264Source)
	for n := range 3 * keyInterval {
		packets := o.packets(n == 10)
		require.Len(t, packets, 3)
		want := []byte{filler, picture}
		if n%keyInterval == 0 || n == 10 {
			want = []byte{sequence, set, idr}
		}
		require.Equal(t, want, types(packets), "frame %d", n)
		require.Len(t, packets[0].Payload, len(h264Filler), "key frames are no longer")
	}

	// Four bits of frame_num, over the bytes of a slice's header, count on from the key frame. (7.4.3)
	for since := range uint32(40) {
		slice := h264Frame(7, since+1)[23:]
		require.Equal(t, (since+1)%16, uint32(slice[1])&1<<3|uint32(slice[2])>>5)
	}
	require.NotEqual(t, h264Frame(0, 0)[23:28], h264Frame(1, 0)[23:28], "idr_pic_id differs from one to the next")
}

func TestDue(t *testing.T) {
	require.Equal(t, opusSource.phase, opusSource.due(0))
	require.Equal(t, opusSource.phase+time.Second, opusSource.due(50))
}
