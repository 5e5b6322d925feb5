package sdk

import (
	"sync"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/internal/rtc"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
)

// subscription is what the client receives of one user, across the publications of that user.
type subscription struct {
	stream
	mu     sync.Mutex
	meters map[string]*rtc.Meter // by kind
}

// subscribe begins a subscription. first hears once how it went.
func (s *session) subscribe(c contract.Subscribe, first func(error)) error {
	if c.UID == "" || !c.Audio && !c.Video {
		return invalid("subscribe needs a uid and audio, video or both")
	}
	sub := &subscription{meters: map[string]*rtc.Meter{}}
	sub.stream = stream{
		name:    "the subscription to " + c.UID,
		request: sdrtn.Frame{Type: sdrtn.TypeSubscribe, UID: c.UID, Audio: c.Audio, Video: c.Video},
		undo:    sdrtn.Frame{Type: sdrtn.TypeUnsubscribe, UID: c.UID},
		setUp:   sub.setUp, started: func(*peer) {},
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channel == nil {
		return errLost
	}
	if s.subscriptions[c.UID] != nil {
		return contract.SDKError(CodeInvalidOperation, "the client is subscribed to "+c.UID+" already")
	}
	s.subscriptions[c.UID], sub.on = sub, s.channel
	return s.begin(&sub.stream, func(err error) {
		if err != nil {
			s.mu.Lock()
			delete(s.subscriptions, c.UID)
			s.mu.Unlock()
		}
		first(err)
	})
}

// announced has the subscription to a user connect to what is announced, if it hasn't done so. It has if it asked for it on
// this message connection: who has just joined may subscribe before hearing what was published earlier.
func (s *session) announced(uid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub := s.subscriptions[uid]; sub != nil && sub.on != s.channel {
		sub.restart()
	}
}

// withdrawn takes note that what a user published is no more.
func (s *session) withdrawn(uid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub := s.subscriptions[uid]; sub != nil {
		sub.on = nil
	}
}

func (sub *subscription) setUp(p *peer) error {
	receive := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		if kind == webrtc.RTPCodecTypeAudio && !sub.request.Audio || kind == webrtc.RTPCodecTypeVideo && !sub.request.Video {
			continue
		}
		if _, err := p.AddTransceiverFromKind(kind, receive); err != nil {
			return err
		}
	}
	p.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		p.tasks.Run(func() { sub.read(p, t) })
	})
	return nil
}

// read takes a track's packets until its peer closes.
func (sub *subscription) read(p *peer, t *webrtc.TrackRemote) {
	kind := t.Kind().String()
	sub.mu.Lock()
	if sub.meters[kind] == nil {
		sub.meters[kind] = rtc.NewMeter(t.Codec().MimeType)
	}
	meter := sub.meters[kind]
	sub.mu.Unlock()
	if t.Kind() == webrtc.RTPCodecTypeVideo { // nothing can be decoded before a key frame
		_ = p.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(t.SSRC())}})
	}
	packets := rtc.NewReader(t)
	for {
		packet, err := packets.Next()
		if err != nil {
			return
		}
		sub.mu.Lock()
		meter.Count(packet)
		sub.mu.Unlock()
	}
}

// count is what has been received.
func (sub *subscription) count() (m contract.MediaStats) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	for kind, meter := range sub.meters {
		*trackOf(&m, kind) = stats(meter)
	}
	return m
}
