package contract

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
)

// Fault is what an adapter did that the contract forbids. After one on the line itself the session is
// over: every open and every later call ends with the same *Fault. An *Error, by contrast, is the SDK's.
type Fault struct {
	Reason string // in words
	Line   []byte // the offending line as it arrived, if there is one
}

func (f *Fault) Error() string {
	if f.Line == nil {
		return "adapter: " + f.Reason
	}
	return fmt.Sprintf("adapter: %s: %s", f.Reason, quote(f.Line))
}

// ClientConfig is the harness' side of a session. The callbacks are made by Run's goroutine in the order
// of the lines, and hold up the next line; each may be nil.
type ClientConfig struct {
	RW    io.ReadWriteCloser
	Reply func(*Pending) // a call has ended: Result has its outcome
	Event func(Event)
	Log   func(Log)
}

// Client is the harness' side of a session: it calls an SDK.
type Client struct {
	cfg     ClientConfig
	out     *outbox
	notices notices // of Run

	mu   sync.Mutex
	next int64 // ID of the next call
	open map[int64]*Pending
	err  error // set once the session is over
}

// Pending is a call that has begun.
type Pending struct {
	ID     int64
	Method string

	done   chan struct{}
	result json.RawMessage
	err    error
}

// NewClient makes a client that calls once Run runs.
func NewClient(cfg ClientConfig) *Client {
	return &Client{cfg: cfg, out: newOutbox(), next: 1, open: map[int64]*Pending{}}
}

// ErrClosed ends the calls that are open when the harness itself ends the session.
var ErrClosed = errors.New("the session with the SDK is over")

// Run carries the session until ctx ends or the adapter closes its side; it closes RW. It returns nil
// when ctx ended or when the adapter left after it answered shutdown, otherwise a *Fault.
func (c *Client) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var children sync.WaitGroup
	children.Go(func() { _ = c.out.run(c.cfg.RW) }) // what breaks the pipe shows when reading
	children.Go(func() {
		<-ctx.Done()
		_ = c.cfg.RW.Close()
	})
	fault := c.read(ctx)
	if l, any := c.notices.left(); any && c.cfg.Log != nil {
		c.cfg.Log(l)
	}
	if fault != nil {
		c.end(fault)
	} else {
		c.end(ErrClosed)
	}
	cancel()
	children.Wait()
	if fault != nil {
		return fault
	}
	return nil
}

// read takes lines until the session is over. A nil fault means that the harness wanted it to end.
func (c *Client) read(ctx context.Context) *Fault {
	in := newLines(c.cfg.RW)
	left := false // shutdown has been answered
	for {
		raw, err := in.next()
		switch {
		case ctx.Err() != nil && len(raw) > 0 && !left: // a reply, perhaps, for which an SDK would be blamed
			return &Fault{Reason: "it began a line and never ended it with a line feed", Line: raw}
		case ctx.Err() != nil || errors.Is(err, io.EOF) && left:
			return nil
		case err == io.EOF || errors.Is(err, io.ErrClosedPipe): // an EOF with more to say keeps its own words
			return &Fault{Reason: "it closed the line"}
		case err != nil:
			return &Fault{Reason: err.Error(), Line: raw}
		}
		p, err := c.take(raw)
		if err == nil && p == nil {
			err = c.notices.count(raw)
		}
		if err != nil {
			return &Fault{Reason: err.Error(), Line: raw}
		}
		left = left || p != nil && p.Method == MethodShutdown && p.err == nil
	}
}

// take acts on one line: the call that it ends, if any, or what is wrong with it.
func (c *Client) take(raw []byte) (*Pending, error) {
	f, err := parse(raw)
	switch {
	case errors.As(err, new(*json.SyntaxError)):
		return nil, fmt.Errorf("%w (%s)", err, advice(raw))
	case err != nil:
		return nil, err
	case f.ID != nil && f.Method == "":
		return c.reply(f)
	case f.ID == nil && f.Method == NotifyEvent:
		return nil, notify(f, Event.readable, c.event)
	case f.ID == nil && f.Method == NotifyLog:
		return nil, notify(f, func(Log) error { return nil }, c.log)
	default:
		return nil, errors.New("neither a reply nor a notification that the contract has")
	}
}

// advice is what to do about a line that isn't JSON.
func advice(raw []byte) string {
	switch {
	case bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")):
		return "it begins with a byte order mark: write UTF-8 without one"
	case bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")):
		return "a message is one JSON object in one line, written whole"
	default: // a banner of npm's, a library's log
		return "only messages may be on standard output: whatever else is printed belongs on standard error"
	}
}

func notify[T any](f Frame, readable func(T) error, to func(T)) error {
	var v T
	if err := decode(f.Params, &v); err != nil {
		return fmt.Errorf("parameters of the notification %s: %w", f.Method, err)
	}
	if err := readable(v); err != nil {
		return err
	}
	to(v)
	return nil
}

func (c *Client) event(e Event) {
	if e.Reason = Kept(e.Reason); c.cfg.Event != nil {
		c.cfg.Event(e)
	}
}

func (c *Client) log(l Log) {
	if c.notices.keeps() && c.cfg.Log != nil {
		c.cfg.Log(Log{Level: Kept(l.Level), Message: Kept(l.Message)})
	}
}

// reply ends the call that f answers. A reply that is itself a fault leaves its call open, to end with
// the session.
func (c *Client) reply(f Frame) (*Pending, error) {
	c.mu.Lock()
	p, begun := c.open[*f.ID], *f.ID >= 1 && *f.ID < c.next
	c.mu.Unlock()
	switch {
	case p == nil && begun:
		return nil, fmt.Errorf("a second reply to request %d", *f.ID)
	case p == nil:
		return nil, fmt.Errorf("a reply to request %d, which was never made", *f.ID)
	case (f.Error == nil) == (f.Result == nil):
		return nil, fmt.Errorf("the reply to %s must have either a result or an error", p.Method)
	}
	var outcome error
	if f.Error != nil {
		switch f.Error.Code {
		case CodeSDK, CodeMethodNotFound, CodeInvalidParams:
			f.Error.Message = Kept(f.Error.Message)
			outcome = f.Error
		default:
			return nil, fmt.Errorf("the reply to %s has error code %d, which the contract doesn't have", p.Method, f.Error.Code)
		}
	} else if err := readableResult(p.Method, f.Result); err != nil {
		return nil, err
	}
	c.mu.Lock()
	delete(c.open, p.ID)
	c.mu.Unlock()
	p.finish(f.Result, outcome, c.cfg.Reply)
	return p, nil
}

// end finishes every call, open or still to come, with err.
func (c *Client) end(err error) {
	c.out.close()
	c.mu.Lock()
	c.err = err
	open := slices.SortedFunc(maps.Values(c.open), func(a, b *Pending) int { return cmp.Compare(a.ID, b.ID) })
	clear(c.open)
	c.mu.Unlock()
	for _, p := range open {
		p.finish(nil, err, c.cfg.Reply)
	}
}

// Begin begins a call. Calls reach the SDK in the order in which Begin was called; it never blocks. The
// error says that the session is over or that params can't be sent.
func (c *Client) Begin(method string, params any) (*Pending, error) {
	raw, err := marshal(params)
	if err != nil {
		return nil, fmt.Errorf("parameters of %s: %w", method, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, c.err
	}
	p := &Pending{ID: c.next, Method: method, done: make(chan struct{})}
	line, err := encode(Frame{ID: &p.ID, Method: method, Params: raw})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	c.next++
	c.open[p.ID] = p
	c.out.put(line) // under the lock: IDs go out in order
	return p, nil
}

// Call begins a call and waits for it. See Pending.Wait.
func (c *Client) Call(ctx context.Context, method string, params, result any) error {
	p, err := c.Begin(method, params)
	if err != nil {
		return err
	}
	return p.Wait(ctx, result)
}

// Done is closed when the call has ended.
func (p *Pending) Done() <-chan struct{} { return p.done }

// Result is the outcome of a call that has ended: the SDK's result, or an *Error of the SDK, a *Fault of
// the adapter or ErrClosed.
func (p *Pending) Result() (json.RawMessage, error) { return p.result, p.err }

// Wait waits for the call to end and reads its result into result, unless that is nil. Its error is that
// of Result or of ctx, or a *Fault if the result isn't what the method promises.
func (p *Pending) Wait(ctx context.Context, result any) error {
	select {
	case <-p.done:
	case <-ctx.Done():
		return fmt.Errorf("%s has not ended: %w", p.Method, context.Cause(ctx))
	}
	if p.err != nil || result == nil {
		return p.err
	}
	if err := decode(p.result, result); err != nil {
		return &Fault{Reason: fmt.Sprintf("result of %s: %v", p.Method, err), Line: p.result}
	}
	return nil
}

func (p *Pending) finish(result json.RawMessage, err error, reply func(*Pending)) {
	p.result, p.err = result, err
	if reply != nil {
		reply(p) // before Wait returns, so that a log has the outcome before what follows from it
	}
	close(p.done)
}
