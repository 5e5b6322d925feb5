package sdk

import (
	"context"
	"fmt"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
)

// stream is a publication or a subscription: a peer connection that is kept up from the call that asked for
// it until the session ends.
type stream struct {
	s       *session
	name    string      // in words: "publishing"
	request sdrtn.Frame // that begins it, without its offer
	undo    sdrtn.Frame // that ends it at SD-RTN
	setUp   func(*peer) error
	started func(*peer) // the peer is up

	again chan struct{} // capacity 1: connect anew, on a new message connection
	stop  chan struct{} // closed when the stream is to end
	done  chan struct{} // closed when nothing of it is left

	on *channel // where it has asked for what it has, or is about to; nil: it has nothing. Guarded by s.mu
}

// begin runs a stream that the session has room for. The caller holds s.mu.
func (s *session) begin(st *stream, first func(error)) error {
	st.s = s
	st.again, st.stop, st.done = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	if !s.calls.Go(func() { defer close(st.done); st.run(first) }) {
		return errLeft
	}
	s.streams = append(s.streams, st)
	return nil
}

var streamPauses = []time.Duration{0, 2 * time.Second, 4 * time.Second}

// restart makes the stream connect anew.
func (st *stream) restart() {
	select {
	case st.again <- struct{}{}:
	default:
	}
}

// run connects, tells first how it went, and keeps the stream up. It returns when nothing of it is left.
func (st *stream) run(first func(error)) {
	p, err := st.connect()
	first(err)
	if err != nil {
		return
	}
	for {
		var down <-chan struct{}
		if p != nil {
			down = p.down
		}
		reconnect := false
		select {
		case <-st.stop:
			if p != nil {
				p.close()
			}
			return
		case <-st.again:
			reconnect = true
		case <-down:
			reconnect = p.broke()
		}
		if p != nil {
			broke := p.broke()
			p.close()
			p = nil
			if broke {
				st.forget()
			}
		}
		if reconnect {
			p = st.reconnect()
		}
	}
}

// connect makes a peer connection and brings it up.
func (st *stream) connect() (*peer, error) {
	ctx, cancel := context.WithTimeoutCause(st.s.life, mediaLimit,
		contract.SDKError(CodeMedia, fmt.Sprintf("%s did not begin within %v", st.name, mediaLimit)))
	defer cancel()
	ch, err := st.s.current()
	if err != nil {
		return nil, err
	}
	st.s.mu.Lock()
	path := st.s.path
	st.on = ch
	st.s.mu.Unlock()
	p, err := st.s.newPeer(path)
	if err != nil {
		return nil, err
	}
	if err = st.setUp(p); err == nil {
		err = p.negotiate(ctx, ch, st.request, path)
	}
	if err != nil {
		st.s.mu.Lock()
		st.on = nil
		st.s.mu.Unlock()
		p.close()
		if p.accepted {
			st.forget()
		}
		return nil, err
	}
	st.started(p)
	return p, nil
}

// reconnect tries a few times. Without a message connection it gives up at once: restart comes with the
// next one.
func (st *stream) reconnect() *peer {
	var err error
	for _, pause := range streamPauses {
		if !sleep(st.s.life, pause) {
			return nil
		}
		var p *peer
		if p, err = st.connect(); err == nil {
			return p
		}
		if _, lost := st.s.current(); lost != nil || st.s.life.Err() != nil {
			return nil
		}
		if e, ok := named(err); ok && e.Data.Code == sdrtn.CodeNotPublished {
			return nil // until it is announced again
		}
	}
	st.s.c.event(contract.Event{Type: contract.EventError, Reason: st.name + " has stopped: " + err.Error()})
	return nil
}

// forget tells SD-RTN that the stream's old connection is no more. SD-RTN may know.
func (st *stream) forget() {
	if ch, err := st.s.current(); err == nil {
		_, _ = ch.request(st.s.life, st.undo)
	}
}
