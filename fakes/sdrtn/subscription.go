package sdrtn

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/proxyspec/proxyspec/fakes/internal/rtc"
	"github.com/proxyspec/proxyspec/fakes/internal/tasks"
)

// subscription is what one user receives of another: a peer connection that sends.
type subscription struct {
	g      *Gateway // of the subscriber; the publication may be on another one
	user   *user
	from   *publication
	pc     *webrtc.PeerConnection
	tracks map[string]*webrtc.TrackLocalStaticRTP // by kind

	feedback tasks.Group // one reader of RTCP a track
	ended    atomic.Bool

	mu     sync.Mutex
	meters map[string]*rtc.Meter
}

// subscribe answers the offer of a subscription.
func (c *connection) subscribe(ctx context.Context, f Frame) (sdp string, err error) {
	g := c.g
	from, err := g.cfg.Backbone.publicationOf(c.user, f.UID)
	if err != nil {
		return "", err
	}
	f.Audio, f.Video = f.Audio && from.has[audio], f.Video && from.has[video]
	if !f.Audio && !f.Video {
		return "", &refusal{CodeNotPublished, "user " + f.UID + " publishes nothing of the kinds asked for"}
	}
	pc, err := g.newPeerConnection()
	if err != nil {
		return "", err
	}
	s := &subscription{
		g: g, user: c.user, from: from, pc: pc,
		tracks: map[string]*webrtc.TrackLocalStaticRTP{}, meters: map[string]*rtc.Meter{},
	}
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateConnected:
			from.attach(s)
		case webrtc.PeerConnectionStateFailed:
			g.tasks.Go(func() { s.stop("the media connection failed") })
		}
	})
	if err = offered(pc, f); err == nil {
		err = s.addTracks(f)
	}
	if err == nil {
		err = g.cfg.Backbone.subscribe(s)
	}
	if err != nil {
		_ = pc.GracefulClose()
		s.feedback.Wait()
		return "", err
	}
	begun := s.user.event(EventSubscribed, wanted(f))
	begun.Peer = from.user.uid
	g.log(begun)
	if sdp, err = answer(ctx, pc); err != nil {
		s.stop(err.Error())
	}
	return sdp, err
}

// addTracks gives the connection one track of each kind that the frame names, in the codec of the
// publication.
func (s *subscription) addTracks(f Frame) error {
	for _, kind := range kinds {
		if !f.names(kind) {
			continue
		}
		codec, err := s.from.codec(kind)
		if err != nil {
			return err
		}
		track, err := webrtc.NewTrackLocalStaticRTP(codec, kind, s.from.user.uid)
		if err != nil {
			return err
		}
		sender, err := s.pc.AddTrack(track)
		if err != nil {
			return err
		}
		s.tracks[kind], s.meters[kind] = track, rtc.NewMeter(codec.MimeType)
		s.feedback.Go(func() { s.readFeedback(sender) })
	}
	return nil
}

// codec is the first one that the publisher's offer and the gateway have in common.
func (p *publication) codec(kind string) (webrtc.RTPCodecCapability, error) {
	for _, t := range p.pc.GetTransceivers() {
		if t.Kind().String() == kind && t.Receiver() != nil {
			if codecs := t.Receiver().GetParameters().Codecs; len(codecs) > 0 {
				return codecs[0].RTPCodecCapability, nil
			}
		}
	}
	return webrtc.RTPCodecCapability{}, &refusal{CodeNotPublished, "user " + p.user.uid + " publishes no " + kind}
}

// forward sends a publisher's packet on.
func (s *subscription) forward(kind string, packet *rtp.Packet) {
	track := s.tracks[kind]
	if track == nil {
		return
	}
	s.mu.Lock()
	s.meters[kind].Count(packet)
	s.mu.Unlock()
	_ = track.WriteRTP(packet) // a closed connection is ended by its own events
}

// readFeedback takes a track's RTCP until the connection closes.
func (s *subscription) readFeedback(sender *webrtc.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			switch p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				s.from.requestKeyFrame()
			}
		}
	}
}

func (c *connection) unsubscribe(uid string) error {
	s := c.g.cfg.Backbone.subscription(c.user, uid)
	if s == nil {
		return &refusal{CodeNotSubscribed, "user " + c.user.uid + " has no subscription to " + uid}
	}
	s.stop("unsubscribe")
	return nil
}

// stop ends a subscription. Only the first caller waits until it has ended: a second one that waited on a
// lock would stop virtual time.
func (s *subscription) stop(why string) {
	if s.ended.Swap(true) {
		return
	}
	s.g.cfg.Backbone.unsubscribe(s)
	s.from.detach(s)
	_ = s.pc.GracefulClose()
	s.feedback.Wait()
	for _, kind := range kinds {
		s.logTotals(kind)
	}
	over := s.user.event(EventUnsubscribed, why)
	over.Peer = s.from.user.uid
	s.g.log(over)
}

func (s *subscription) logTotals(kind string) {
	s.mu.Lock()
	meter := s.meters[kind]
	var t rtc.Totals
	if meter != nil {
		t = meter.Totals()
	}
	s.mu.Unlock()
	if meter != nil {
		s.g.log(totals(Event{Name: EventMediaOut, Channel: s.user.key.channel, User: s.user.uid, Peer: s.from.user.uid, Kind: kind}, t))
	}
}
