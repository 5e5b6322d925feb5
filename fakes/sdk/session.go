package sdk

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/internal/tasks"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
	"github.com/proxyspec/proxyspec/relay"
)

const (
	joinLimit      = 45 * time.Second
	reconnectLimit = 55 * time.Second
	messagesLimit  = 5 * time.Second // for one message URL: TCP, TLS, WebSocket and join
)

// reconnectPauses are the waits before the attempts to reconnect. Each attempt asks up to four edges.
var reconnectPauses = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}

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
	s.http = &http.Client{Transport: &http.Transport{
		DialContext:         s.sockets.DialContext,
		TLSClientConfig:     &tls.Config{RootCAs: c.sdk.trust()},
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

func (s *session) reconnect() (ch *channel, err error) {
	ctx, cancel := context.WithTimeout(s.life, reconnectLimit)
	defer cancel()
	for _, pause := range reconnectPauses {
		if !sleep(ctx, pause) {
			break
		}
		if ch, err = s.connect(ctx); err == nil {
			return ch, nil
		}
		if e, ok := named(err); ok && !passing[e.Data.Code] {
			break
		}
	}
	if err == nil {
		err = context.Cause(ctx)
	}
	return nil, err
}

// passing are the errors that another attempt may not meet again.
var passing = map[string]bool{
	CodeLookup: true, CodeMessages: true, CodeTimeout: true, CodeNotConnected: true,
	sdrtn.CodeUIDInUse: true, // until SD-RTN has noticed that the old connection is lost
}

// connect finds the way and joins SD-RTN, for the first time or anew.
func (s *session) connect(ctx context.Context) (*channel, error) {
	path, err := s.c.sdk.cfg.Route(ctx, s.request())
	if err != nil {
		return nil, s.cause(ctx, err)
	}
	var failures []error
	for _, url := range path.Messages {
		ch, err := s.enter(ctx, url)
		if err == nil {
			s.mu.Lock()
			s.path = path
			s.mu.Unlock()
			return ch, nil
		}
		if _, refused := named(err); refused || ctx.Err() != nil {
			return nil, s.cause(ctx, err)
		}
		failures = append(failures, err)
	}
	return nil, contract.SDKError(CodeMessages, "SD-RTN can't be reached for messages: "+errors.Join(failures...).Error())
}

// enter joins SD-RTN over one URL. A refusal by SD-RTN is a *contract.Error.
func (s *session) enter(ctx context.Context, url string) (*channel, error) {
	ctx, cancel := context.WithTimeout(ctx, messagesLimit)
	defer cancel()
	ch, err := dialChannel(ctx, s.http, url)
	if err != nil {
		return nil, err
	}
	if !s.calls.Go(ch.run) {
		_ = ch.ws.CloseNow()
		return nil, errLeft
	}
	s.mu.Lock()
	join := sdrtn.Frame{
		Type: sdrtn.TypeJoin, AppID: s.c.appID(), ChannelKey: s.join.ChannelKey, Channel: s.join.Channel,
		UID: s.uid, Resume: s.resume, SDKVersion: s.c.sdk.cfg.Version,
	}
	s.mu.Unlock()
	answer, err := ch.request(ctx, join)
	if err != nil {
		ch.lose(err)
		<-ch.done
		if answer.Type != sdrtn.TypeError {
			err = fmt.Errorf("%s: %w", url, errors.New(err.Error())) // not SD-RTN's word: another URL may do
		}
		return nil, err
	}
	s.mu.Lock()
	s.channel, s.uid, s.resume, s.joined, s.lastSeq = ch, answer.UID, answer.Resume, true, 0
	s.mu.Unlock()
	return ch, nil
}

// cause is err or, if ctx has ended, the reason for that, with err as what was being tried.
func (s *session) cause(ctx context.Context, err error) error {
	if e, ok := named(context.Cause(ctx)); ok {
		return contract.SDKError(e.Data.Code, fmt.Sprintf("%s: %v", e.Message, err))
	}
	return err
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
		s.mu.Lock()
		sub := s.subscriptions[f.UID]
		s.mu.Unlock()
		if sub != nil {
			sub.restart()
		}
		s.c.event(contract.Event{Type: contract.EventPublished, UID: f.UID})
	case sdrtn.TypeUserUnpub:
		s.c.event(contract.Event{Type: contract.EventUnpublished, UID: f.UID})
	}
}

func (s *session) state(state, reason string) {
	s.c.event(contract.Event{Type: contract.EventState, State: state, Reason: reason})
}

// request is what the route of this session is found for.
func (s *session) request() Request {
	s.mu.Lock()
	uid, joined := s.uid, s.joined
	s.mu.Unlock()
	return Request{
		Setting:   s.setting,
		Endpoints: s.c.sdk.services(),
		Lookup: relay.LookupRequest{
			AppID: s.c.appID(), SDKVersion: s.c.sdk.cfg.Version, Channel: s.join.Channel, UID: uid,
		},
		Reconnect: joined,
		HTTP:      s.http,
	}
}
