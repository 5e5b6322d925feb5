package sdk

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pion/stun/v3"
	"github.com/pion/webrtc/v4"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/internal/rtc"
	"github.com/proxyspec/proxyspec/fakes/internal/tasks"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
)

const (
	mediaLimit = 20 * time.Second // for media to begin

	// How long ICE looks for a way: TURN over UDP to a closed port takes 8 s to fail, over TCP 5 s; neither
	// waits for the other.
	iceDisconnected = 5 * time.Second
	iceFailed       = 15 * time.Second
	iceKeepAlive    = 2 * time.Second

	// closeLimit is how long ICE may wait for a relay that it has asked, and then once more for its TURN client, which hears
	// only at its next attempt, at most 1.6 s later, that its socket is closed.
	closeLimit = 2 * time.Second
)

// peer is one peer connection with SD-RTN, and everything that lives and dies with it.
type peer struct {
	*webrtc.PeerConnection
	sockets *sockets
	tasks   tasks.Group // readers of tracks and of RTCP

	up       chan struct{} // closed once media can flow
	down     chan struct{} // closed when it no longer can
	accepted bool          // SD-RTN has answered the offer, and knows of the connection

	mu     sync.Mutex
	isUp   bool
	isDown bool
	failed bool // it broke, rather than was closed by SD-RTN
}

// newPeer makes a peer connection that may use the path and nothing else.
func (s *session) newPeer(path Path) (*peer, error) {
	if s.c.sdk.cfg.Media != nil {
		s.c.sdk.cfg.Media(&path)
	}
	p := &peer{
		sockets: newSockets(s.c.sdk.cfg.Net, &s.c.sdk.tasks),
		up:      make(chan struct{}), down: make(chan struct{}),
	}
	for _, server := range path.ICEServers {
		for _, u := range server.URLs {
			if uri, err := stun.ParseURI(u); err == nil { // otherwise ICE says what is wrong with it
				p.sockets.turn = append(p.sockets.turn, fmt.Sprintf("%s %s:%d", uri.Proto, uri.Host, uri.Port))
			}
		}
	}
	api, err := rtc.API(p.sockets, func(e *webrtc.SettingEngine) error {
		e.SetICETimeouts(iceDisconnected, iceFailed, iceKeepAlive)
		e.SetRelayAcceptanceMinWait(0) // the servers are asked in the order of preference
		if s.c.sdk.cfg.WebRTC != nil {
			s.c.sdk.cfg.WebRTC(e)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	config := webrtc.Configuration{ICEServers: path.ICEServers, Certificates: []webrtc.Certificate{s.c.sdk.certificate()}}
	if path.RelayOnly {
		config.ICETransportPolicy = webrtc.ICETransportPolicyRelay
	}
	if p.PeerConnection, err = api.NewPeerConnection(config); err != nil {
		return nil, fmt.Errorf("peer connection: %w", err)
	}
	p.OnConnectionStateChange(p.changed)
	p.OnICEConnectionStateChange(func(state webrtc.ICEConnectionState) {
		if state == webrtc.ICEConnectionStateConnected {
			p.sockets.settle()
		}
	})
	return p, nil
}

func (p *peer) changed(state webrtc.PeerConnectionState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch state {
	case webrtc.PeerConnectionStateConnected:
		if !p.isUp {
			p.isUp = true
			close(p.up)
		}
	case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
		if !p.isDown {
			p.isDown, p.failed = true, state == webrtc.PeerConnectionStateFailed
			close(p.down)
		}
	}
}

// broke reports whether a peer that is down failed, rather than was closed.
func (p *peer) broke() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed
}

// negotiate offers, sends the offer in the request, takes the answer and waits until media can flow. The
// offer names no candidates: SD-RTN needs none.
func (p *peer) negotiate(ctx context.Context, ch *channel, request sdrtn.Frame, path Path) error {
	offer, err := p.CreateOffer(nil)
	if err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	if err := p.SetLocalDescription(offer); err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	request.SDP = offer.SDP
	answer, err := ch.request(ctx, request)
	if err != nil {
		return err
	}
	p.accepted = true
	if err := p.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.SDP}); err != nil {
		return fmt.Errorf("answer of SD-RTN: %w", err)
	}
	select {
	case <-p.up:
		return nil
	case <-p.down:
		return contract.SDKError(CodeMedia, "no way for media to SD-RTN works: tried "+path.ways())
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ways is what media may go through, in words.
func (p Path) ways() string {
	var ways []string
	for _, s := range p.ICEServers {
		ways = append(ways, s.URLs...)
	}
	if !p.RelayOnly {
		ways = append(ways, "the direct way")
	}
	return strings.Join(ways, ", ")
}

// close closes the connection and waits until nothing is left of it. ICE gives its allocations back only when it waits for
// no other relay's answer any more: those that don't answer are given up, and at last its sockets are taken away.
func (p *peer) close() {
	p.changed(webrtc.PeerConnectionStateClosed) // senders stop before there is nothing to send on
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = p.GracefulClose()
	}()
	p.sockets.connected() // nobody else is asked
	for _, end := range []func(){p.sockets.giveUp, p.sockets.Close} {
		timer := time.NewTimer(closeLimit)
		select {
		case <-closed:
		case <-timer.C:
		}
		timer.Stop()
		end()
	}
	<-closed
	p.tasks.Wait()
}
