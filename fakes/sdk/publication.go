package sdk

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/internal/rtc"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
)

// publication is what the client sends.
type publication struct {
	stream
	mu     sync.Mutex // guards what the tracks count
	tracks []*sending
}

// sending is one track of a publication.
type sending struct {
	kind string
	*outgoing
	local   *webrtc.TrackLocalStaticRTP // of the peer connection at hand
	wantKey atomic.Bool
}

// publish begins a publication. first hears once how it went.
func (s *session) publish(audio, video bool, first func(error)) error {
	if !audio && !video {
		return invalid("publish needs audio, video or both")
	}
	p := &publication{}
	p.stream = stream{
		s: s, name: "publishing", again: make(chan struct{}, 1),
		request: sdrtn.Frame{Type: sdrtn.TypePublish, Audio: audio, Video: video},
		undo:    sdrtn.Frame{Type: sdrtn.TypeUnpublish},
		setUp:   p.setUp, started: p.started,
	}
	if audio {
		p.tracks = append(p.tracks, &sending{kind: kindAudio, outgoing: newOutgoing(opusSource)})
	}
	if video {
		p.tracks = append(p.tracks, &sending{kind: kindVideo, outgoing: newOutgoing(s.c.video)})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channel == nil {
		return errLost
	}
	if s.publication != nil {
		return contract.SDKError(CodeInvalidOperation, "the client publishes already")
	}
	s.publication = p
	begun := s.calls.Go(func() {
		p.run(func(err error) {
			if err != nil {
				s.mu.Lock()
				s.publication = nil
				s.mu.Unlock()
			}
			first(err)
		})
	})
	if !begun {
		return errLeft
	}
	return nil
}

func (p *publication) setUp(to *peer) error {
	for _, t := range p.tracks {
		local, err := webrtc.NewTrackLocalStaticRTP(t.codec, t.kind, "published")
		if err != nil {
			return err
		}
		transceiver, err := to.AddTransceiverFromTrack(local, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			return err
		}
		t.local = local
		to.tasks.Go(func() { t.readFeedback(transceiver.Sender()) })
	}
	return nil
}

func (p *publication) started(at *peer) {
	for _, t := range p.tracks {
		t.wantKey.Store(true)
		local := t.local
		at.tasks.Go(func() { p.s.senders.Run(func() { p.send(at, t, local) }) })
	}
}

// send sends a track's frames at their pace until the session's life ends or the peer goes down.
func (p *publication) send(at *peer, t *sending, local *webrtc.TrackLocalStaticRTP) {
	ticker := time.NewTicker(t.interval)
	defer ticker.Stop()
	for {
		p.mu.Lock()
		packets := t.packets(t.wantKey.Swap(false))
		for _, packet := range packets {
			t.meter.Count(packet)
		}
		p.mu.Unlock()
		for _, packet := range packets {
			_ = local.WriteRTP(packet) // a peer that fails goes down
		}
		select {
		case <-p.s.life.Done():
			return
		case <-at.down:
			return
		case <-ticker.C:
		}
	}
}

// readFeedback takes a track's RTCP until its peer closes.
func (t *sending) readFeedback(sender *webrtc.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			switch packet.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				t.wantKey.Store(true)
			}
		}
	}
}

// count is what has been sent.
func (p *publication) count() (m contract.MediaStats) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.tracks {
		*trackOf(&m, t.kind) = stats(t.meter)
	}
	return m
}

// The kinds of media.
const (
	kindAudio = "audio"
	kindVideo = "video"
)

func trackOf(m *contract.MediaStats, kind string) *contract.TrackStats {
	if kind == kindAudio {
		return &m.Audio
	}
	return &m.Video
}

func stats(m *rtc.Meter) contract.TrackStats {
	t := m.Totals()
	return contract.TrackStats{Packets: t.Packets, Bytes: t.Bytes, Frames: t.Frames, Digest: t.Digest}
}
