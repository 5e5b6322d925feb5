package stranger

import (
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"github.com/proxyspec/proxyspec/conformance/contract"
)

const (
	audioPause = 20 * time.Millisecond
	videoPause = 50 * time.Millisecond
)

// addTracks gives p what it publishes.
func (c *client) addTracks(m *stream, p *peer) error {
	audio := audioPause
	if c.sdk.has("long-audio-packets") {
		audio = 60 * time.Millisecond
	}
	for _, kind := range []struct {
		wanted bool
		name   string
		codec  webrtc.RTPCodecCapability
		pause  time.Duration
		frame  func(n int, key bool) []byte
	}{
		{m.audio, "audio", webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, audio, opus},
		{m.video, "video", c.videoCodec(), videoPause, c.picture()},
	} {
		if !kind.wanted {
			continue
		}
		track, err := webrtc.NewTrackLocalStaticSample(kind.codec, kind.name, "stranger")
		if err != nil {
			return err
		}
		both, err := p.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			return err
		}
		go p.feedback(both.Sender())
		go c.play(p, track, kind.name, kind.pause, kind.frame)
	}
	return nil
}

// feedback reads what receivers want.
func (p *peer) feedback(sender *webrtc.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			switch packet.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				select {
				case p.keys <- struct{}{}:
				default:
				}
			}
		}
	}
}

// play sends frames while p lives and is connected.
func (c *client) play(p *peer, track *webrtc.TrackLocalStaticSample, kind string, pause time.Duration, frame func(int, bool) []byte) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for n := 0; ; {
		select {
		case <-p.ctx.Done():
			return
		case <-tick.C:
		}
		if p.pc.ConnectionState() != webrtc.PeerConnectionStateConnected {
			continue
		}
		key := n%100 == 0
		if kind == "video" {
			select {
			case <-p.keys:
				key = true
			default:
			}
		}
		sample := media.Sample{Data: frame(n, key), Duration: pause}
		if c.sdk.has("skips-packets") && n%50 == 49 {
			sample.PrevDroppedPackets = 1
		}
		if track.WriteSample(sample) != nil {
			return
		}
		n++
		c.counts.add(func(s *contract.Stats) {
			t := &s.Sent.Audio
			if kind == "video" {
				t = &s.Sent.Video
			}
			t.Packets++
			t.Bytes += len(sample.Data)
			t.Frames++
		})
	}
}

func opus(n int, _ bool) []byte { return append([]byte{0x78}, filled(n, 90)...) }

func (c *client) picture() func(int, bool) []byte {
	if c.codec == "h264" && !c.sdk.has("always-vp8") {
		return h264
	}
	return vp8
}

// vp8 is a frame by its header (RFC 6386, section 9.1): 320 by 180 pixels of noise.
func vp8(n int, key bool) []byte {
	if key {
		return append([]byte{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00}, filled(n, 900)...)
	}
	return append([]byte{0x11, 0x02, 0x00}, filled(n, 600)...)
}

// h264 is a picture in Annex B form: parameter sets and an IDR slice, or another slice.
func h264(n int, key bool) (data []byte) {
	unit := func(bytes ...byte) { data = append(append(data, 0, 0, 0, 1), bytes...) }
	if !key {
		unit(append([]byte{0x41, 0x9a}, filled(n, 600)...)...)
		return data
	}
	unit(0x67, 0x42, 0xe0, 0x1f, 0xda, 0x05, 0x07, 0x44)
	unit(0x68, 0xce, 0x3c, 0x80)
	unit(append([]byte{0x65, 0x88}, filled(n, 900)...)...)
	return data
}

// filled is bytes that are never zero, and differ from frame to frame.
func filled(n, size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte((n*31+i*7)%255 + 1)
	}
	return data
}

// addReceivers gives p what it subscribes to.
func (c *client) addReceivers(m *stream, p *peer) error {
	p.pc.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		go func() {
			for {
				if _, _, err := receiver.ReadRTCP(); err != nil {
					return
				}
			}
		}()
		c.listen(m.to, p, track)
	})
	for _, kind := range []struct {
		wanted bool
		of     webrtc.RTPCodecType
	}{{m.audio, webrtc.RTPCodecTypeAudio}, {m.video, webrtc.RTPCodecTypeVideo}} {
		if !kind.wanted {
			continue
		}
		if _, err := p.pc.AddTransceiverFromKind(kind.of, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			return err
		}
	}
	return nil
}

// listen counts what comes.
func (c *client) listen(uid string, p *peer, track *webrtc.TrackRemote) {
	video := track.Kind() == webrtc.RTPCodecTypeVideo
	if video {
		p.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())}})
	}
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		c.counts.add(func(s *contract.Stats) {
			of := s.Received[uid]
			t := &of.Audio
			if video {
				t = &of.Video
			}
			if c.sdk.has("loses-packets") && packet.SequenceNumber%100 == 0 {
				return
			}
			t.Packets++
			t.Bytes += len(packet.Payload)
			if !video || packet.Marker {
				t.Frames++
			}
			s.Received[uid] = of
		})
	}
}
