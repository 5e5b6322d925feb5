package sdk

import (
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"github.com/proxyspec/proxyspec/fakes/internal/rtc"
)

// source makes the encoded frames of one track. They are synthetic, but their headers are those of the
// codec, and each frame differs from every other, so that a digest over them notices a lost, doubled or
// swapped one. All have one size: one seed, one trace.
type source struct {
	codec    webrtc.RTPCodecCapability
	interval time.Duration
	phase    time.Duration // before the first frame, so that frames never fall on the instants of other timers
	size     int
	payloads func() rtp.Payloader // a new one: it has state
	header   func(key bool) []byte
}

const (
	payloadMTU  = 1188 // 1200 bytes of RTP with its header, as browsers send
	keyInterval = 45   // video frames from one key frame to the next: 3 s
)

// The sources by kind and codec. Audio is 32 kbit/s in 20 ms frames; video 216 kbit/s at 15 frames a second,
// two packets a frame.
var (
	opusSource = source{
		codec: rtc.Opus, interval: 20 * time.Millisecond, phase: 137 * time.Microsecond, size: 80,
		payloads: func() rtp.Payloader { return &codecs.OpusPayloader{} },
		header:   func(bool) []byte { return []byte{31 << 3} }, // RFC 6716, section 3.1: CELT, 20 ms, mono, one frame
	}
	vp8Source = source{
		codec: rtc.VP8, interval: time.Second / 15, phase: 411 * time.Microsecond, size: 1800,
		payloads: func() rtp.Payloader { return &codecs.VP8Payloader{} },
		header:   vp8Header,
	}
	h264Source = source{
		codec: rtc.H264, interval: time.Second / 15, phase: 411 * time.Microsecond, size: 1800,
		payloads: func() rtp.Payloader { return &codecs.H264Payloader{} },
		header:   h264Header,
	}
)

// every is the source at another pace; 0: at its own.
func (s source) every(interval time.Duration) source {
	if interval > 0 {
		s.interval = interval
	}
	return s
}

// due is when the n-th frame is to be sent, after the connection came up.
func (s source) due(n int) time.Duration { return s.phase + time.Duration(n)*s.interval }

// after is the first frame that is due after some time.
func (s source) after(elapsed time.Duration) int { return int((elapsed-s.phase)/s.interval) + 1 }

// vp8Header is the uncompressed data chunk of a shown frame (RFC 6386, section 9.1) and the beginnings of its two
// partitions, all zeros. Those decode as the plainest header, the plainest modes and no coefficients, and are longer than
// a picture of this size needs: a browser decodes the frame, and nobody the bytes that follow.
func vp8Header(key bool) []byte {
	const firstPart, secondPart, shown = 300, 300, 1 << 4
	tag := uint32(shown | firstPart<<5)
	chunk := []byte{byte(tag) | 1, byte(tag >> 8), byte(tag >> 16)}
	if key {
		const width, height = 160, 120
		chunk = []byte{byte(tag), byte(tag >> 8), byte(tag >> 16), 0x9d, 0x01, 0x2a,
			width & 0xff, width >> 8, height & 0xff, height >> 8}
	}
	return append(chunk, make([]byte, firstPart+secondPart)...)
}

// h264Header is a start code and the header of a slice: RFC 6184, section 1.3.
func h264Header(key bool) []byte {
	if key {
		return []byte{0, 0, 0, 1, 0x65}
	}
	return []byte{0, 0, 0, 1, 0x41}
}

// frame is the n-th encoded frame. After the header come n and bytes that depend on it, all with the highest
// bit set: none looks like a start code.
func (s source) frame(n uint32, key bool) []byte {
	f := make([]byte, s.size)
	at := copy(f, s.header(key))
	for shift := 28; shift >= 0; shift -= 7 {
		f[at] = 0x80 | byte(n>>shift)
		at++
	}
	x := n*2654435761 + 1
	for ; at < len(f); at++ {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		f[at] = 0x80 | byte(x)
	}
	return f
}

// outgoing is a track's state across the peer connections that carry it.
type outgoing struct {
	source
	payload   rtp.Payloader
	meter     *rtc.Meter
	frames    uint32
	sequence  uint16
	timestamp uint32
}

func newOutgoing(s source) *outgoing {
	return &outgoing{source: s, payload: s.payloads(), meter: rtc.NewMeter(s.codec.MimeType)}
}

// packets are the RTP packets of the next frame.
func (o *outgoing) packets(key bool) []*rtp.Packet {
	frame := o.frame(o.frames, key || o.frames%keyInterval == 0)
	payloads := o.payload.Payload(payloadMTU, frame)
	packets := make([]*rtp.Packet, len(payloads))
	for i, p := range payloads {
		packets[i] = &rtp.Packet{
			Header: rtp.Header{
				Version: 2, SequenceNumber: o.sequence, Timestamp: o.timestamp, Marker: i == len(payloads)-1,
			},
			Payload: p,
		}
		o.sequence++
	}
	o.frames++
	o.timestamp += uint32((o.interval*time.Duration(o.codec.ClockRate) + time.Second/2) / time.Second)
	return packets
}
