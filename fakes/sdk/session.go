package sdk

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/internal/tasks"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
)

const joinLimit = 45 * time.Second

// session is one stay in a channel, from join() until everything of it has gone. One goroutine, that of
// run, connects, reconnects and tells the application what happens.
type session struct {
	c       *client
	setting Setting // as it was when join was called
	join    contract.Join

	life  context.Context // ends with leave, or when the session is lost for good
	leave context.CancelCauseFunc
	done  chan struct{} // closed when nothing is left of the session

	sockets *sockets
	http    *http.Client
	calls   tasks.Group // calls under way, and the streams that they began
	senders tasks.Group // senders of media

	mu            sync.Mutex
	channel       *channel // nil while there is none
	path          Path
	uid, resume   string
	joined        bool
	streams       []*stream // in the order in which they began
	publication   *publication
	subscriptions map[string]*subscription // by uid
	stats         contract.Stats           // but for media
	lastSeq       int
}

func newSession(c *client, setting Setting, join contract.Join) *session {
	s := &session{
		c: c, setting: setting, join: join, uid: join.UID, done: make(chan struct{}),
		sockets: newSockets(c.sdk.cfg.Net, &c.sdk.tasks), subscriptions: map[string]*subscription{},
	}
	s.life, s.leave = context.WithCancelCause(context.Background())
	// A key share of ML-KEM, which no edge of ours takes up, would cost as much as the rest of the ClientHello.
	trust := &tls.Config{RootCAs: c.sdk.trust(), CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256}}
	if c.sdk.cfg.TLS != nil {
		c.sdk.cfg.TLS(trust)
	}
	s.http = &http.Client{Transport: &http.Transport{
		DialContext:         s.sockets.DialContext,
		TLSClientConfig:     trust,
		TLSHandshakeTimeout: dialLimit,
		DisableKeepAlives:   true, // a lookup is one request, and a socket kept open is one to lose track of
	}}
	s.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // nobody else is asked
	return s
}

// succeed waits for the session before and takes over its claim to the user, in case SD-RTN could not be
// told that it has left.
func (s *session) succeed(before *session) {
	<-before.done
	if s.join.UID == before.uid && s.join.Channel == before.join.Channel {
		s.resume = before.resume
	}
}

// run joins, stays and leaves. joined hears once how the join went. It returns when nothing is left.
func (s *session) run(joined func(uid string, err error)) {
	defer close(s.done)
	if s.life.Err() != nil { // left while it waited for the session before
		joined("", context.Cause(s.life))
		return
	}
	s.state(contract.StateConnecting, "")
	ctx, cancel := context.WithTimeoutCause(s.life, joinLimit, errJoinLimit)
	ch, err := s.connect(ctx)
	cancel()
	if err != nil {
		s.tearDown(nil)
		s.c.ended(s)
		s.state(contract.StateDisconnected, err.Error())
		joined("", err)
		return
	}
	s.state(contract.StateConnected, "")
	joined(s.uid, nil)

	ch, err = s.stay(ch)
	reason := context.Cause(s.life)
	if err != nil {
		reason = err
		s.leave(err)
	} else {
		s.state(contract.StateDisconnecting, "")
	}
	s.tearDown(ch)
	s.c.ended(s)
	s.state(contract.StateDisconnected, reason.Error())
}

// stay handles what SD-RTN sends until the session's life ends (nil) or the connection can't be had back. It
// returns the last connection, if it is still there.
func (s *session) stay(ch *channel) (*channel, error) {
	for {
		select {
		case <-s.life.Done():
			return ch, nil
		case <-ch.incoming.Wake():
			for _, f := range ch.incoming.Drain() {
				s.receive(f)
			}
			continue
		case <-ch.life.Done():
		}
		<-ch.done
		s.setChannel(nil)
		for _, f := range ch.incoming.Drain() { // what came before it was lost
			s.receive(f)
		}
		lost := context.Cause(ch.life)
		s.state(contract.StateReconnecting, lost.Error())
		var err error
		if ch, err = s.reconnect(); err != nil {
			if s.life.Err() != nil {
				return nil, nil
			}
			return nil, fmt.Errorf("%w; reconnecting failed: %w", lost, err)
		}
		s.state(contract.StateConnected, "")
		s.mu.Lock()
		p := s.publication
		s.mu.Unlock()
		if p != nil {
			p.restart() // subscriptions follow when the others are announced again
		}
	}
}

// tearDown ends what the session began, in an order that leaves nothing behind: no media is sent when SD-RTN
// hears that the user has left, and no socket is open when it returns.
func (s *session) tearDown(ch *channel) {
	s.setChannel(nil)
	s.leave(errLost) // if it hasn't ended yet
	s.senders.Wait()
	if ch != nil {
		ch.leave()
	}
	s.mu.Lock()
	streams := s.streams
	s.mu.Unlock()
	for _, st := range streams { // one after the other, so that their packets have an order
		close(st.stop)
		<-st.done
	}
	s.calls.Wait()
	s.sockets.Close()
	s.http.CloseIdleConnections()
}

func (s *session) setChannel(ch *channel) {
	s.mu.Lock()
	s.channel = ch
	s.mu.Unlock()
}

// current is the message connection, or an error when there is none.
func (s *session) current() (*channel, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channel == nil {
		return nil, errLost
	}
	return s.channel, nil
}

// receive acts on a frame that SD-RTN sent by itself.
func (s *session) receive(f sdrtn.Frame) {
	switch f.Type {
	case sdrtn.TypeMessage:
		s.mu.Lock()
		missing, again := f.Seq-s.lastSeq-1, f.Seq <= s.lastSeq
		if !again {
			s.lastSeq = f.Seq
			s.stats.MessagesReceived++
		}
		s.mu.Unlock()
		switch {
		case again:
			return
		case missing > 0:
			s.c.event(contract.Event{Type: contract.EventError, Reason: fmt.Sprintf("%d messages are missing before message %d", missing, f.Seq)})
		}
		s.c.event(contract.Event{Type: contract.EventMessage, UID: f.UID, Text: f.Text})
	case sdrtn.TypeUserJoined:
		s.c.event(contract.Event{Type: contract.EventUserJoined, UID: f.UID})
	case sdrtn.TypeUserLeft:
		s.c.event(contract.Event{Type: contract.EventUserLeft, UID: f.UID})
	case sdrtn.TypeUserPublished:
		s.announced(f.UID)
		s.c.event(contract.Event{Type: contract.EventPublished, UID: f.UID})
	case sdrtn.TypeUserUnpub:
		s.withdrawn(f.UID)
		s.c.event(contract.Event{Type: contract.EventUnpublished, UID: f.UID})
	}
}

func (s *session) state(state, reason string) {
	s.c.event(contract.Event{Type: contract.EventState, State: state, Reason: reason})
}
