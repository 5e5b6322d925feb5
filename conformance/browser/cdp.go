package browser

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// cdp is a connection of the Chrome DevTools Protocol over a pipe: JSON messages that end in a zero byte.
type cdp struct {
	w     io.Writer
	event func(session, method string, params json.RawMessage) // called by the reader, in order; it must not call the browser

	writing sync.Mutex // gives commands their order; taken before mu

	mu   sync.Mutex
	next int64
	open map[int64]chan message
	over error         // why there will be no more answers
	done chan struct{} // closed then
}

type message struct {
	ID      int64           `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// errGone is the error of every call after the browser has ended.
var errGone = errors.New("the browser has ended")

func newCDP(w io.Writer, event func(session, method string, params json.RawMessage)) *cdp {
	return &cdp{w: w, event: event, open: map[int64]chan message{}, done: make(chan struct{})}
}

// run reads until the browser closes the pipe.
func (c *cdp) run(r io.Reader) {
	in := bufio.NewReaderSize(r, 1<<16)
	for {
		text, err := in.ReadBytes(0)
		if err != nil {
			c.end(errGone)
			return
		}
		var m message
		if err := json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &m); err != nil {
			c.end(fmt.Errorf("the browser sent what is no message: %w", err))
			return
		}
		if m.ID == 0 {
			c.event(m.Session, m.Method, m.Params)
			continue
		}
		c.mu.Lock()
		answer := c.open[m.ID]
		delete(c.open, m.ID)
		c.mu.Unlock()
		if answer != nil {
			answer <- m // has room for it
		}
	}
}

func (c *cdp) end(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = why
	close(c.done)
}

// begin sends a command; await waits for its result. Commands go out in the order of the calls.
func (c *cdp) begin(session, method string, params any) (await func(result any) error) {
	fail := func(err error) func(any) error { return func(any) error { return fmt.Errorf("%s: %w", method, err) } }
	raw, err := json.Marshal(params)
	if err != nil {
		return fail(err)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	id, answer, err := c.expect()
	if err != nil {
		return fail(err)
	}
	text, err := json.Marshal(message{ID: id, Session: session, Method: method, Params: raw})
	if err != nil {
		return fail(err)
	}
	if _, err := c.w.Write(append(text, 0)); err != nil {
		return fail(err)
	}
	return func(result any) error {
		select {
		case m := <-answer:
			switch {
			case m.Error != nil:
				return fmt.Errorf("%s: %s (%d)", method, m.Error.Message, m.Error.Code)
			case result == nil:
				return nil
			}
			return json.Unmarshal(m.Result, result)
		case <-c.done:
			return fmt.Errorf("%s: %w", method, c.over)
		}
	}
}

// expect makes room for the answer to the next command.
func (c *cdp) expect() (id int64, answer chan message, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over != nil {
		return 0, nil, c.over
	}
	c.next++
	answer = make(chan message, 1)
	c.open[c.next] = answer
	return c.next, answer, nil
}

// call sends a command and waits for its result.
func (c *cdp) call(session, method string, params, result any) error {
	return c.begin(session, method, params)(result)
}
