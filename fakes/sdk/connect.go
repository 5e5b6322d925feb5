package sdk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
	"github.com/proxyspec/proxyspec/relay"
)

const (
	reconnectLimit = 55 * time.Second
	messagesLimit  = 5500 * time.Millisecond // for one message URL: TCP, within dialLimit, TLS, WebSocket and join
)

// reconnectPauses are the waits before the attempts to reconnect. Each attempt asks up to four edges.
var reconnectPauses = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}

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
	ch, err := dialChannel(ctx, s.http, url, s.c.sdk.cfg.Ping)
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

// reconnect joins SD-RTN anew, with a new route at each attempt.
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
