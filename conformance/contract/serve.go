package contract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Handler is an SDK, or the adapter in front of one.
type Handler interface {
	// Begin begins a call and returns without waiting for anything: Serve reads the next call only
	// after Begin has returned. The call is finished by its Reply, now or later, from any goroutine.
	// What Begin does before it returns has happened before the next call begins.
	Begin(*Call)
}

// Call is one request of the harness.
type Call struct {
	Method string
	Params json.RawMessage

	id   int64
	line *Line
	to   func(result any, err error) // where a diverted reply goes
}

// Line is an adapter's way to the harness. Its methods never block, and drop what comes after the
// session's end.
type Line struct {
	out  *outbox
	last func() // ends the session, after what is queued
}

// Line is the session that the call came by: events go there.
func (c *Call) Line() *Line { return c.line }

// Divert is a copy of the call whose Reply calls to, for a handler in front of another one: it may change
// the copy's Method and Params, and owes the call itself a reply.
func (c *Call) Divert(to func(result any, err error)) *Call {
	d := *c
	d.to = to
	return &d
}

// Bind reads the call's parameters into params, a pointer to a struct of this package. Its error is
// one to reply with.
func (c *Call) Bind(params any) error {
	if err := decode(c.Params, params); err != nil {
		return &Error{Code: CodeInvalidParams, Message: fmt.Sprintf("parameters of %s: %v", c.Method, err)}
	}
	return nil
}

// Reply finishes the call, exactly once. An err that is not an *Error goes out as the SDK's own, without
// a code; a nil result goes out as {}. A second reply goes out too: the harness blames the adapter for it.
func (c *Call) Reply(result any, err error) {
	if c.to != nil {
		c.to(result, err)
		return
	}
	f := Frame{ID: &c.id}
	if err != nil {
		if !errors.As(err, &f.Error) {
			f.Error = &Error{Code: CodeSDK, Message: err.Error()}
		}
	} else if f.Result, err = marshal(result); err != nil {
		f.Error = &Error{Code: codeInternal, Message: fmt.Sprintf("result of %s: %v", c.Method, err)}
	}
	c.line.put(f)
	if c.Method == MethodShutdown && f.Error == nil {
		c.line.last()
	}
}

// Event tells the harness what the SDK told its application.
func (l *Line) Event(e Event) { l.notify(NotifyEvent, e) }

// Log hands the harness a line of the SDK's own log.
func (l *Line) Log(e Log) { l.notify(NotifyLog, e) }

func (l *Line) notify(method string, params any) {
	raw, err := json.Marshal(params)
	if err != nil {
		panic(fmt.Sprintf("contract: %T cannot be marshalled: %v", params, err)) // Event and Log always can
	}
	l.put(Frame{Method: method, Params: raw})
}

func (l *Line) put(f Frame) {
	line, err := encode(f)
	if err != nil { // only its size can be wrong: everything in a frame has been marshalled before
		line, _ = encode(Frame{ID: f.ID, Method: f.Method, Error: &Error{Code: codeInternal, Message: err.Error()}})
	}
	l.out.put(line)
}

// NotSupported is the error of a method that the SDK doesn't have.
func NotSupported(method string) *Error {
	return &Error{Code: CodeMethodNotFound, Message: method + " is not supported"}
}

// codeInternal is JSON-RPC's "internal error": the adapter could not say what it had to.
const codeInternal = -32603

func marshal(v any) (json.RawMessage, error) {
	if v == nil {
		return json.RawMessage("{}"), nil
	}
	return json.Marshal(v)
}

// Serve is an adapter's session: it begins the calls that arrive on rw, in order, until the harness
// closes rw, shutdown has been answered or ctx ends. Then it returns nil, having closed rw. An error
// says what the harness sent that is not a call. Calls still open are the handler's to end.
func Serve(ctx context.Context, rw io.ReadWriteCloser, h Handler) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := newOutbox()
	line := &Line{out: out, last: out.close}

	var children sync.WaitGroup
	children.Go(func() { // ends when out is closed, or when rw is
		defer cancel()
		_ = out.run(rw) // a broken pipe is the harness' way to close
	})
	children.Go(func() {
		<-ctx.Done()
		_ = rw.Close()
	})
	err := serve(ctx, newLines(rw), line, h)
	out.close()
	if err != nil {
		cancel() // the peer may not read any more: don't wait for it
	}
	children.Wait()
	return err
}

// serve is Serve's reader.
func serve(ctx context.Context, in *lines, line *Line, h Handler) error {
	for n := 1; ; n++ {
		raw, err := in.next()
		if ctx.Err() != nil || errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("request %d: %w: %s", n, err, quote(raw))
		}
		f, err := parse(raw)
		if err == nil && (f.ID == nil || f.Method == "") {
			err = errors.New("not a request: it has no id or no method")
		}
		if err != nil {
			return fmt.Errorf("request %d: %w: %s", n, err, quote(raw))
		}
		h.Begin(&Call{Method: f.Method, Params: f.Params, id: *f.ID, line: line})
	}
}

// quote shows the beginning of a line in an error.
func quote(line []byte) string {
	const most = 200
	if len(line) > most {
		return fmt.Sprintf("%q and %d bytes more", line[:most], len(line)-most)
	}
	return fmt.Sprintf("%q", line)
}
