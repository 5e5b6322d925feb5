package sdk

import (
	"sync"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
)

// client is what createClient makes. Its methods return at once, as the document's do; what they begin
// tells its outcome through the function that they were given.
type client struct {
	sdk   *SDK
	id    string
	video source // of the codec that createClient chose
	line  *contract.Line

	mu      sync.Mutex
	app     string // App ID, once init has been called
	setting Setting
	session *session // from the call of join to that of leave; nil: the client is OUT
	last    *session // the latest one, for stats and for the next join to wait for
}

// change is a call of one of the four methods.
func (c *client) change(change Change) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	next, err := c.sdk.cfg.Decide(c.session != nil, c.setting, change)
	c.setting = next
	return err
}

func (c *client) init(appID string) error {
	if appID == "" {
		return invalid("appId is empty")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session != nil {
		return contract.SDKError(CodeInvalidOperation, "init must be called before join() or after leave()")
	}
	c.app = appID
	return nil
}

func (c *client) appID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.app
}

// join begins a session. If the one before is still leaving, the new one waits for it.
func (c *client) join(j contract.Join, joined func(uid string, err error)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.session != nil:
		return contract.SDKError(CodeInvalidOperation, "the client has joined already, or is joining")
	case c.app == "":
		return contract.SDKError(CodeInvalidOperation, "init must be called before join()")
	case j.Channel == "":
		return invalid("channel is empty")
	}
	s, before := newSession(c, c.setting, j), c.last
	begun := c.sdk.tasks.Go(func() {
		if before != nil {
			s.succeed(before)
		}
		s.run(joined)
	})
	if !begun {
		return errClosed
	}
	c.session, c.last = s, s
	return nil
}

// leave ends the session. It counts from this moment on; left hears when nothing is left of the session.
func (c *client) leave(left func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.session
	if s == nil {
		return contract.SDKError(CodeInvalidOperation, "the client has not joined")
	}
	c.session = nil
	s.leave(errLeft)
	if !c.sdk.tasks.Go(func() { <-s.done; left() }) {
		return errClosed
	}
	return nil
}

// ended takes a session away that ended by itself.
func (c *client) ended(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == s {
		c.session = nil
	}
}

// joined is the session, or an error if there is none.
func (c *client) joined(method string) (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == nil {
		return nil, contract.SDKError(CodeInvalidOperation, method+" needs a client that has joined")
	}
	return c.session, nil
}

// send sends a message. Messages go out in the order of the calls.
func (c *client) send(text string, sent func(error)) error {
	s, err := c.joined(contract.MethodSend)
	if err != nil {
		return err
	}
	ch, err := s.current()
	if err != nil {
		return err
	}
	await := ch.begin(sdrtn.Frame{Type: sdrtn.TypeMessage, Text: text})
	begun := s.calls.Go(func() {
		_, err := await(s.life)
		if err == nil {
			s.mu.Lock()
			s.stats.MessagesSent++
			s.mu.Unlock()
		}
		sent(err)
	})
	if !begun {
		return errLeft
	}
	return nil
}

// stats is what the latest session has counted.
func (c *client) stats() contract.Stats {
	c.mu.Lock()
	s := c.last
	c.mu.Unlock()
	counted := contract.Stats{Received: map[string]contract.MediaStats{}}
	if s == nil {
		return counted
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	counted.MessagesSent, counted.MessagesReceived = s.stats.MessagesSent, s.stats.MessagesReceived
	if s.publication != nil {
		counted.Sent = s.publication.count()
	}
	for uid, sub := range s.subscriptions {
		counted.Received[uid] = sub.count()
	}
	return counted
}

// abandon ends the session, if there is one, and waits until nothing is left of any.
func (c *client) abandon() {
	c.mu.Lock()
	s, last := c.session, c.last
	c.session = nil
	c.mu.Unlock()
	if s != nil {
		s.leave(errLeft)
	}
	if last != nil {
		<-last.done
	}
}

func (c *client) event(e contract.Event) {
	e.Client = c.id
	if c.sdk.cfg.Tell != nil {
		c.sdk.cfg.Tell(e, c.line.Event)
		return
	}
	c.line.Event(e)
}
