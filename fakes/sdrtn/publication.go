package sdrtn

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/proxyspec/proxyspec/fakes/internal/rtc"
	"github.com/proxyspec/proxyspec/fakes/internal/tasks"
)

// linger is how long media is still taken after unpublish or leave: it goes another way than they do, and
// what the publisher had sent before should be counted.
const linger = 500 * time.Millisecond

// The kinds of media, in the order in which everything about them happens.
const (
	audio = "audio"
	video = "video"
)

var kinds = []string{audio, video}

// publication is what one user sends: a peer connection that receives, and who it is forwarded to.
type publication struct {
	g    *Gateway
	user *user
	has  map[string]bool // by kind
	pc   *webrtc.PeerConnection

	subscriptions []*subscription // guarded by Backbone.mu

	tracks tasks.Group // one reader a track
	ended  atomic.Bool

	mu     sync.Mutex
	meters map[string]*rtc.Meter
	ssrcs  map[string]webrtc.SSRC
	sinks  []*subscription // those that are connected; replaced, never changed in place
}

func (p *publication) announcement() Frame {
	return Frame{Type: TypeUserPublished, UID: p.user.uid, Audio: p.has[audio], Video: p.has[video]}
}

// publish answers the offer of a publication.
func (c *connection) publish(ctx context.Context, f Frame) (sdp string, err error) {
	g := c.g
	pc, err := g.newPeerConnection()
	if err != nil {
		return "", err
	}
	p := &publication{
		g: g, user: c.user, pc: pc, has: map[string]bool{audio: f.Audio, video: f.Video},
		meters: map[string]*rtc.Meter{}, ssrcs: map[string]webrtc.SSRC{},
	}
	pc.OnTrack(func(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) { p.tracks.Run(func() { p.read(t, r) }) })
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateFailed {
			p.stop(c.life, "the media connection failed", 0)
		}
	})
	if err = offered(pc, f); err == nil {
		err = g.cfg.Backbone.publish(p)
	}
	if err != nil {
		_ = pc.GracefulClose()
		return "", err
	}
	g.mu.Lock()
	g.publications = append(g.publications, p)
	g.mu.Unlock()
	if sdp, err = answer(ctx, pc); err != nil {
		p.stop(c.life, err.Error(), 0)
	}
	return sdp, err
}

func (c *connection) unpublish() error {
	p := c.g.cfg.Backbone.own(c.user)
	if p == nil {
		return &refusal{CodeNotPublished, "user " + c.user.uid + " publishes nothing"}
	}
	p.stop(c.life, "unpublish", linger)
	return nil
}

// stop ends a publication, and its subscriptions with it, once late has gone by.
func (p *publication) stop(life context.Context, why string, late time.Duration) {
	if p.ended.Swap(true) {
		return
	}
	p.g.cfg.Backbone.unpublish(p, why)
	p.g.tasks.Go(func() { // not once the gateway waits for its end: then Serve closes what is left
		timer := time.NewTimer(late)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-life.Done():
		}
		p.close()
	})
}

// close closes the connection of a publication that has ended.
func (p *publication) close() {
	_ = p.pc.GracefulClose()
	p.tracks.Wait()
	for _, kind := range kinds {
		p.logTotals(kind)
	}
	for _, s := range p.g.cfg.Backbone.subscribers(p) {
		s.stop("the publication ended")
	}
	p.g.mu.Lock()
	p.g.publications = slices.DeleteFunc(p.g.publications, func(o *publication) bool { return o == p })
	p.g.mu.Unlock()
}

// read takes a track's packets until the connection closes.
func (p *publication) read(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
	kind := t.Kind().String()
	if !p.has[kind] {
		return
	}
	meter := rtc.NewMeter(t.Codec().MimeType)
	p.mu.Lock()
	p.meters[kind], p.ssrcs[kind] = meter, t.SSRC()
	p.mu.Unlock()
	packets := rtc.NewReader(t)
	for first := true; ; first = false {
		packet, err := packets.Next()
		if err != nil {
			return
		}
		if first {
			p.g.log(Event{Name: EventMediaFirst, Source: remote(r.Transport()), Channel: p.user.key.channel,
				User: p.user.uid, Kind: kind, Codec: codecName(t.Codec().MimeType)})
		}
		p.mu.Lock()
		meter.Count(packet)
		sinks := p.sinks
		p.mu.Unlock()
		for _, s := range sinks {
			s.forward(kind, packet)
		}
	}
}

// requestKeyFrame asks the publisher for a video frame that needs no earlier one.
func (p *publication) requestKeyFrame() {
	p.mu.Lock()
	ssrc, known := p.ssrcs[video]
	p.mu.Unlock()
	if known {
		_ = p.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(ssrc)}})
	}
}

// attach is called each time that the connection of a subscription comes up: it may have been disconnected in between.
func (p *publication) attach(s *subscription) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !s.ended.Load() && !slices.Contains(p.sinks, s) { // once it has ended it detaches
		p.sinks = append(slices.Clone(p.sinks), s)
	}
}

func (p *publication) detach(s *subscription) {
	p.mu.Lock()
	p.sinks = slices.DeleteFunc(slices.Clone(p.sinks), func(o *subscription) bool { return o == s })
	p.mu.Unlock()
}

// logTotals logs what has been received of one kind.
func (p *publication) logTotals(kind string) {
	p.mu.Lock()
	meter := p.meters[kind]
	var t rtc.Totals
	if meter != nil {
		t = meter.Totals()
	}
	p.mu.Unlock()
	if meter != nil {
		p.g.log(totals(Event{Name: EventMediaIn, Channel: p.user.key.channel, User: p.user.uid, Kind: kind}, t))
	}
}

func totals(e Event, t rtc.Totals) Event {
	e.Packets, e.Bytes, e.Frames, e.Missing, e.Digest = t.Packets, t.Bytes, t.Frames, t.Missing, t.Digest
	return e
}

// codecName is what a MIME type calls a codec: "vp8" of "video/VP8".
func codecName(mime string) string {
	_, name, _ := strings.Cut(strings.ToLower(mime), "/")
	return name
}

// offered gives pc the offer of a frame and checks that it has an m-line for every kind that the frame names.
func offered(pc *webrtc.PeerConnection, f Frame) error {
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: f.SDP}); err != nil {
		return &refusal{CodeBadOffer, err.Error()}
	}
	has := map[string]bool{}
	for _, t := range pc.GetTransceivers() {
		has[t.Kind().String()] = true
	}
	for _, kind := range kinds {
		if f.names(kind) && !has[kind] {
			return &refusal{CodeBadOffer, "the offer has no m-line for " + kind}
		}
	}
	if !f.Audio && !f.Video {
		return &refusal{CodeMalformed, f.Type + " needs audio, video or both"}
	}
	return nil
}

// answer makes the answer to an offer, with the gateway's candidate in it.
func answer(ctx context.Context, pc *webrtc.PeerConnection) (sdp string, err error) {
	gathered := webrtc.GatheringCompletePromise(pc)
	a, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("answer: %w", err)
	}
	if err := pc.SetLocalDescription(a); err != nil {
		return "", fmt.Errorf("answer: %w", err)
	}
	select {
	case <-gathered:
		return pc.LocalDescription().SDP, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// remote is where the packets of a connection come from: the other end of ICE's selected pair.
func remote(t *webrtc.DTLSTransport) netip.AddrPort {
	pair, err := t.ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil {
		return netip.AddrPort{}
	}
	ip, err := netip.ParseAddr(pair.Remote.Address)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ip, pair.Remote.Port)
}

// names tells whether a frame is about media of a kind.
func (f Frame) names(kind string) bool { return kind == audio && f.Audio || kind == video && f.Video }

func wanted(f Frame) string {
	var names []string
	for _, kind := range kinds {
		if f.names(kind) {
			names = append(names, kind)
		}
	}
	return strings.Join(names, " and ")
}
