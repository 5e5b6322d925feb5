package sdk

import (
	"math"
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
	mu     sync.Mutex // guards what the tracks count, and muted
	tracks []*sending
	muted  map[string]bool // by kind
	woken  chan struct{}   // capacity 1: muted has changed
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
	p := &publication{woken: make(chan struct{}, 1)}
	p.stream = stream{
		name:    "publishing",
		request: sdrtn.Frame{Type: sdrtn.TypePublish, Audio: audio, Video: video},
		undo:    sdrtn.Frame{Type: sdrtn.TypeUnpublish},
		setUp:   p.setUp, started: p.started,
	}
	if audio {
		p.tracks = append(p.tracks, &sending{kind: kindAudio, outgoing: newOutgoing(opusSource.every(s.c.sdk.cfg.Audio))})
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
	return s.begin(&p.stream, func(err error) {
		if err != nil {
			s.mu.Lock()
			s.publication = nil
			s.mu.Unlock()
		}
		first(err)
	})
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
		// The offer names the codec of the client and no other: the far end takes the first for what is sent.
		if err := transceiver.SetCodecPreferences([]webrtc.RTPCodecParameters{{RTPCodecCapability: t.codec}}); err != nil {
			return err
		}
		t.local = local
		to.tasks.Go(func() { t.readFeedback(transceiver.Sender()) })
	}
	return nil
}

func (p *publication) started(at *peer) {
	locals := make([]*webrtc.TrackLocalStaticRTP, len(p.tracks))
	for i, t := range p.tracks {
		t.wantKey.Store(true)
		locals[i] = t.local
	}
	at.tasks.Go(func() { p.s.senders.Run(func() { p.send(at, locals) }) })
}

// mute stops the sending of some tracks, and takes that of the others up again, with a frame that needs none before.
func (s *session) mute(audio, video bool) error {
	s.mu.Lock()
	p := s.publication
	s.mu.Unlock()
	if p == nil {
		return contract.SDKError(CodeInvalidOperation, "mute needs a client that publishes")
	}
	p.mu.Lock()
	p.muted = map[string]bool{kindAudio: audio, kindVideo: video}
	p.mu.Unlock()
	for _, t := range p.tracks {
		t.wantKey.Store(true)
	}
	select {
	case p.woken <- struct{}{}:
	default:
	}
	return nil
}

// send sends the frames of all tracks at their pace until the session's life ends or the peer goes down. One
// goroutine sends them all: of two tickers due at one instant it would be chance which is first.
func (p *publication) send(at *peer, locals []*webrtc.TrackLocalStaticRTP) {
	began := time.Now()
	due := make([]int, len(p.tracks)) // the next frame of each track on this peer; -1 while it is muted
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-p.s.life.Done():
			return
		case <-at.down:
			return
		case <-p.woken:
		case <-timer.C:
		}
		p.mu.Lock()
		muted := p.muted
		p.mu.Unlock()
		elapsed := time.Since(began)
		next := time.Duration(math.MaxInt64)
		for i, t := range p.tracks {
			if muted[t.kind] {
				due[i] = -1
				continue
			}
			if due[i] < 0 {
				due[i] = t.after(elapsed)
			}
			if t.due(due[i]) <= elapsed {
				p.sendFrame(t, locals[i])
				due[i]++
			}
			next = min(next, t.due(due[i])-elapsed)
		}
		timer.Reset(next)
	}
}

func (p *publication) sendFrame(t *sending, local *webrtc.TrackLocalStaticRTP) {
	p.mu.Lock()
	packets := t.packets(t.wantKey.Swap(false))
	for _, packet := range packets {
		t.meter.Count(packet)
	}
	p.mu.Unlock()
	for _, packet := range packets {
		_ = local.WriteRTP(packet) // a peer that fails goes down
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
