package stranger

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"github.com/proxyspec/proxyspec/conformance/contract"
)

// stream is a publication or a subscription of a stay: one peer connection, built anew when it fails. It belongs to the
// client's goroutine.
type stream struct {
	s      *stay
	call   *contract.Call // until it is answered
	to     string         // the publisher; empty for a publication
	audio  bool
	video  bool
	peer   *peer
	tries  int
	asked  bool // the gateway has the peer's offer
	broken bool // given up
}

// peer is a peer connection and what ends with it.
type peer struct {
	pc     *webrtc.PeerConnection
	ctx    context.Context
	cancel context.CancelFunc
	keys   chan struct{} // a receiver wants a key frame
	busy   chan struct{} // holds one while somebody describes or closes pc: it doesn't take both at once
}

// describe runs what makes or reads pc's descriptions.
func (p *peer) describe(change func() error) error {
	p.busy <- struct{}{}
	defer func() { <-p.busy }()
	if p.ctx.Err() != nil {
		return p.ctx.Err()
	}
	return change()
}

// close waits until nothing of p is left.
func (p *peer) close() {
	p.cancel()
	p.busy <- struct{}{}
	p.pc.GracefulClose()
	<-p.busy
}

func (c *client) publish(call *contract.Call) {
	var p contract.Publish
	if err := call.Bind(&p); err != nil {
		call.Reply(nil, err)
		return
	}
	switch c.sdk.twist {
	case "no-video":
		p.Video = false
	case "no-video-in-rtc":
		p.Video = p.Video && c.mode != "rtc"
	case "no-audio":
		p.Audio = false
	case "published-before-it-is":
		call.Reply(nil, nil)
		call = nil
	case "no-media-without-a-reason":
		call.Reply(nil, nil)
		return
	}
	c.stream(&stream{s: c.stay, call: call, audio: p.Audio, video: p.Video})
}

func (c *client) subscribe(call *contract.Call) {
	var p contract.Subscribe
	if err := call.Bind(&p); err != nil {
		call.Reply(nil, err)
		return
	}
	if c.sdk.has("sees-nothing") {
		p.Video = false
	}
	c.stream(&stream{s: c.stay, call: call, to: p.UID, audio: p.Audio, video: p.Video})
}

func (c *client) stream(m *stream) {
	if m.s == nil {
		if m.call == nil {
			return
		}
		m.call.Reply(nil, refused("media needs a channel"))
		return
	}
	m.s.streams = append(m.s.streams, m)
	if m.s.up {
		m.restart()
	}
}

// give answers the call with an error, if it is open still.
func (m *stream) give(why error) {
	if m.call != nil {
		m.call.Reply(nil, contract.SDKError("MEDIA_FAILED", why.Error()))
		m.call = nil
	}
}

// stop is for a goroutine that may wait.
func (m *stream) stop() {
	if m.peer != nil {
		m.peer.close()
	}
}

// restart builds the stream, or builds it anew.
func (m *stream) restart() {
	if m.broken {
		return
	}
	if old := m.peer; old != nil {
		go old.close()
		m.peer = nil
	}
	m.tries++
	p, err := m.s.c.newPeer(m)
	if err != nil {
		m.fail(err)
		return
	}
	m.peer = p
	go func() {
		sdp, err := p.offer(m.s.c.sdk)
		m.post(p, func() { m.ask(p, sdp, err) })
	}()
}

// post runs f unless p is the stream's no longer.
func (m *stream) post(p *peer, f func()) {
	m.s.c.box.post(func() {
		if m.peer == p && m.s.ctx.Err() == nil {
			f()
		}
	})
}

// ask gives the gateway the offer of p.
func (m *stream) ask(p *peer, sdp string, err error) {
	if err != nil {
		m.fail(err)
		return
	}
	if !m.s.up { // joined begins again
		return
	}
	f := frame{Type: "publish", Audio: m.audio, Video: m.video, SDP: sdp}
	if m.to != "" {
		f.Type, f.UID = "subscribe", m.to
	}
	m.s.wire.request(f, func(reply frame, err error) {
		switch {
		case m.peer != p || errors.Is(err, errLost):
		case err != nil:
			m.fail(err)
		default:
			m.asked = true
			go func() {
				answer := webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: reply.SDP}
				if err := p.describe(func() error { return p.pc.SetRemoteDescription(answer) }); err != nil {
					m.post(p, func() { m.fail(err) })
				}
			}()
		}
	})
}

// changed is a new state of p.
func (m *stream) changed(state webrtc.PeerConnectionState) {
	switch state {
	case webrtc.PeerConnectionStateConnected:
		m.tries = 0
		if m.call != nil {
			m.call.Reply(nil, nil)
			m.call = nil
		}
	case webrtc.PeerConnectionStateFailed:
		if c := m.s.c; c.sdk.has("never-rebuilds") && m.call == nil || c.sdk.has("publish-never-ends") {
			return
		}
		if m.tries >= 3 {
			m.fail(errors.New("there is no way for media"))
			return
		}
		m.s.c.tell(contract.Event{Type: contract.EventWarning, Reason: "the way of media is lost; looking for another"})
		m.withdraw(m.restart)
	}
}

// withdraw takes the offer back that the gateway has, then goes on.
func (m *stream) withdraw(then func()) {
	if !m.asked || !m.s.up {
		then()
		return
	}
	m.asked = false
	f := frame{Type: "unpublish"}
	if m.to != "" {
		f = frame{Type: "unsubscribe", UID: m.to}
	}
	p := m.peer
	m.s.wire.request(f, func(frame, error) {
		if m.peer == p && m.s.ctx.Err() == nil && m.s.up {
			then()
		}
	})
}

// fail gives the stream up.
func (m *stream) fail(err error) {
	m.broken = true
	if old := m.peer; old != nil {
		m.withdraw(func() {})
		go old.close()
		m.peer = nil
	}
	if m.call == nil {
		m.s.c.tell(contract.Event{Type: contract.EventError, Reason: "media has ended: " + err.Error()})
	}
	m.give(err)
}

// newPeer makes the peer connection of a stream.
func (c *client) newPeer(m *stream) (*peer, error) {
	api, err := c.api(!m.s.way.expires.IsZero())
	if err != nil {
		return nil, err
	}
	config := webrtc.Configuration{ICEServers: m.s.way.ice}
	switch c.sdk.twist {
	case "direct-downlink":
		if m.to != "" {
			config.ICEServers = nil
		}
	case "direct-when-media-fails":
		if m.tries > 1 || m.call == nil {
			config.ICEServers = nil
		}
	case "stun-beside-the-relay":
		go c.sdk.stun()
	case "reports-to-the-edge":
		go c.sdk.ask(m.s.ctx, strings.Replace(c.sdk.endpoints.Lookup[0], "lookup", "report", 1), asked{Channel: "media"})
	case "knocks-at-the-turn-server":
		for _, server := range m.s.way.ice {
			if host, _, ok := strings.Cut(strings.TrimPrefix(server.URLs[0], "turn:"), ":"); ok {
				go c.sdk.knock(net.JoinHostPort(host, "443"))
			}
		}
	}
	if m.s.way.relay && len(config.ICEServers) > 0 {
		config.ICETransportPolicy = webrtc.ICETransportPolicyRelay
	}
	pc, err := api.NewPeerConnection(config)
	if err != nil {
		return nil, err
	}
	p := &peer{pc: pc, keys: make(chan struct{}, 1), busy: make(chan struct{}, 1)}
	life := m.s.ctx
	if c.sdk.has("keeps-playing") {
		life = context.Background()
	}
	p.ctx, p.cancel = context.WithCancel(life)
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) { m.post(p, func() { m.changed(state) }) })
	if m.to == "" {
		err = c.addTracks(m, p)
	} else {
		err = c.addReceivers(m, p)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// api has one codec a kind, and the client's network.
func (c *client) api(proxied bool) (*webrtc.API, error) {
	var media webrtc.MediaEngine
	opus := webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, PayloadType: 111}
	if err := media.RegisterCodec(opus, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, err
	}
	video := webrtc.RTPCodecParameters{RTPCodecCapability: c.videoCodec(), PayloadType: 96}
	if err := media.RegisterCodec(video, webrtc.RTPCodecTypeVideo); err != nil {
		return nil, err
	}
	var chain interceptor.Registry
	if err := webrtc.RegisterDefaultInterceptors(&media, &chain); err != nil {
		return nil, err
	}
	var engine webrtc.SettingEngine
	own := patient{Net: c.sdk.net}
	if proxied && c.sdk.has("turn-in-tls") {
		own.tls = &tls.Config{RootCAs: c.sdk.roots}
	}
	engine.SetNet(own)
	engine.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	engine.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	lag, loss, beat := 3*time.Second, 5*time.Second, 2*time.Second
	switch c.sdk.twist {
	case "slow-to-give-up":
		lag, loss = 5*time.Second, 12*time.Second
	case "quick-to-give-up":
		lag, loss = 2*time.Second, 3*time.Second
	case "keeps-allocations": // pion closes those of a way that has failed
		lag = time.Hour
		engine.DisableCloseByDTLS(true)
	case "media-beats-often":
		beat = 500 * time.Millisecond
	case "media-beats-rarely":
		beat = 10 * time.Second
		lag = 11 * time.Second
	}
	engine.SetICETimeouts(lag, loss, beat)
	engine.SetICEMaxBindingRequests(30)
	return webrtc.NewAPI(webrtc.WithMediaEngine(&media), webrtc.WithInterceptorRegistry(&chain), webrtc.WithSettingEngine(engine)), nil
}

func (c *client) videoCodec() webrtc.RTPCodecCapability {
	feedback := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}}
	if c.codec == "h264" && !c.sdk.has("always-vp8") {
		return webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeH264, ClockRate: 90000, RTCPFeedback: feedback,
			SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
		}
	}
	return webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: feedback}
}

// offer is p's offer, with the candidates that were found in time; it waits.
func (p *peer) offer(sdk *SDK) (string, error) {
	var offer webrtc.SessionDescription
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.describe(func() (err error) {
		if offer, err = p.pc.CreateOffer(nil); err == nil {
			err = p.pc.SetLocalDescription(offer)
		}
		return err
	}); err != nil {
		return "", err
	}
	wait := gatherTime
	switch sdk.twist {
	case "trickle":
		return offer.SDP, nil
	case "no-trickle":
		wait = 10 * time.Second
	}
	select {
	case <-gathered:
	case <-time.After(wait):
	case <-p.ctx.Done():
	}
	err := p.describe(func() error {
		offer = *p.pc.LocalDescription()
		return nil
	})
	return offer.SDP, err
}
