package sdk

import (
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"github.com/proxyspec/proxyspec/fakes/internal/rtc"
)

// source makes the encoded frames of one track. They are synthetic, but a browser decodes them, and each frame differs from
// every other, so that a digest over them notices a lost, doubled or swapped one. All have one size: one seed, one trace.
type source struct {
	codec    webrtc.RTPCodecCapability
	interval time.Duration
	phase    time.Duration        // before the first frame, so that frames never fall on the instants of other timers
	payloads func() rtp.Payloader // a new one: it has state
	// frame is the n-th encoded frame, as many after the last key frame; 0: it is one.
	frame func(n, since uint32) []byte
}

const (
	payloadMTU  = 1188 // 1200 bytes of RTP with its header, as browsers send
	keyInterval = 45   // video frames from one key frame to the next: 3 s
)

// The sources by kind and codec. Audio is 32 kbit/s in 20 ms frames; video about 200 kbit/s at 15 frames a second,
// two packets a frame with VP8, three with H.264.
var (
	opusSource = source{
		codec: rtc.Opus, interval: 20 * time.Millisecond, phase: 137 * time.Microsecond,
		payloads: func() rtp.Payloader { return &codecs.OpusPayloader{} }, frame: opusFrame,
	}
	vp8Source = source{
		codec: rtc.VP8, interval: time.Second / 15, phase: 411 * time.Microsecond,
		payloads: func() rtp.Payloader { return &codecs.VP8Payloader{} }, frame: vp8Frame,
	}
	h264Source = source{
		codec: rtc.H264, interval: time.Second / 15, phase: 411 * time.Microsecond,
		payloads: func() rtp.Payloader { return &codecs.H264Payloader{} }, frame: h264Frame,
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

// opusFrame has RFC 6716, section 3.1: CELT, 20 ms, mono, one frame.
func opusFrame(n, _ uint32) []byte {
	const size = 80
	return append([]byte{31 << 3}, noise(n, size-1)...)
}

// vp8Frame begins with the uncompressed data chunk of a shown frame (RFC 6386, section 9.1) and the beginnings of its two
// partitions, all zeros. Those decode as the plainest header, the plainest modes and no coefficients, and are longer than
// a picture of this size needs: a browser decodes the frame, and nobody the bytes that follow.
func vp8Frame(n, since uint32) []byte {
	const size, firstPart, secondPart, shown = 1800, 300, 300, 1 << 4
	tag := uint32(shown | firstPart<<5)
	chunk := []byte{byte(tag) | 1, byte(tag >> 8), byte(tag >> 16)}
	if since == 0 {
		const width, height = 160, 120
		chunk = []byte{byte(tag), byte(tag >> 8), byte(tag >> 16), 0x9d, 0x01, 0x2a,
			width & 0xff, width >> 8, height & 0xff, height >> 8}
	}
	chunk = append(chunk, make([]byte, firstPart+secondPart)...)
	return append(chunk, noise(n, size-len(chunk))...)
}

// noise is n and bytes that depend on it, all with the highest bit set.
func noise(n uint32, size int) []byte {
	b := make([]byte, size)
	at := 0
	for shift := 28; shift >= 0; shift -= 7 {
		b[at] = 0x80 | byte(n>>shift)
		at++
	}
	x := n*2654435761 + 1
	for ; at < size; at++ {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[at] = 0x80 | byte(x)
	}
	return b
}

// outgoing is a track's state across the peer connections that carry it.
type outgoing struct {
	source
	payload   rtp.Payloader
	meter     *rtc.Meter
	frames    uint32
	since     uint32 // of them, after the last key frame
	sequence  uint16
	timestamp uint32
}

func newOutgoing(s source) *outgoing {
	return &outgoing{source: s, payload: s.payloads(), meter: rtc.NewMeter(s.codec.MimeType)}
}

// packets are the RTP packets of the next frame.
func (o *outgoing) packets(key bool) []*rtp.Packet {
	if key || o.frames%keyInterval == 0 {
		o.since = 0
	}
	frame := o.frame(o.frames, o.since)
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
	o.since++
	o.timestamp += uint32((o.interval*time.Duration(o.codec.ClockRate) + time.Second/2) / time.Second)
	return packets
}
