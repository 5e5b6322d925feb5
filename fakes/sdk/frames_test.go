package sdk

import (
	"testing"
	"time"

	"github.com/pion/rtp/codecs"
	"github.com/stretchr/testify/require"
)

func TestFramesHaveOneSizeAndDiffer(t *testing.T) {
	for name, s := range map[string]source{"opus": opusSource, "vp8": vp8Source, "h264": h264Source} {
		t.Run(name, func(t *testing.T) {
			seen := map[string]bool{}
			for n := range uint32(500) {
				f := s.frame(n, n%keyInterval == 0)
				require.Len(t, f, s.size)
				require.False(t, seen[string(f)])
				seen[string(f)] = true
				require.Equal(t, f, s.frame(n, n%keyInterval == 0), "a frame depends on its number only")
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
		require.Equal(t, vp8Source.frame(uint32(n), n%keyInterval == 0), frame)
	}

	opus := newOutgoing(opusSource)
	opus.packets(false)
	require.Equal(t, uint32(960), opus.packets(false)[0].Timestamp)
}

func TestKeyFrames(t *testing.T) {
	key, other := vp8Source.frame(0, true), vp8Source.frame(0, false)
	require.Zero(t, key[0]&1, "RFC 6386: 0 is a key frame")
	require.Equal(t, []byte{0x9d, 0x01, 0x2a}, key[3:6])
	require.EqualValues(t, 1, other[0]&1)
	require.EqualValues(t, 5, h264Source.frame(0, true)[4]&0x1f, "IDR")
}

func TestDue(t *testing.T) {
	require.Equal(t, opusSource.phase, opusSource.due(0))
	require.Equal(t, opusSource.phase+time.Second, opusSource.due(50))
}
