package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/timeline"
)

// User is someone with an SDK. Calls go to it as frames of the SDK contract, and so does everything that
// it says: the suite has no other way to it.
type User struct {
	Name string

	world  *World
	sdk    contract.HelloResult
	rpc    *contract.Client
	client string // the client that calls use
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu    sync.Mutex
	calls map[*contract.Pending]*Call
	last  map[string]*Call // by method
	made  int
}

// Call is one call of a user's SDK.
type Call struct {
	Method  string
	Began   timeline.Event // of kind call
	pending *contract.Pending
	user    *User
	ended   timeline.Event // of kind result
}

// User is the user of this name, with the SDK started and a client made.
func (w *World) User(name string) (*User, error) {
	u, err := w.session(name)
	if err != nil || u.client != "" {
		return u, err
	}
	return u, u.CreateClient(contract.CreateClient{Mode: "live", Codec: "vp8"})
}

// Fresh is the user of this name with the SDK started, but no client made.
func (w *World) Fresh(name string) (*User, error) { return w.session(name) }

func (w *World) session(name string) (*User, error) {
	if u := w.users[name]; u != nil {
		return u, nil
	}
	if !slices.ContainsFunc(people, func(p Place) bool { return p.Name == name }) {
		var known []string
		for _, p := range people {
			known = append(known, p.Name)
		}
		return nil, result.Mistake("there is no user %q: there are %s", name, strings.Join(known, ", "))
	}
	if err := w.Up(); err != nil {
		return nil, err
	}
	u := &User{Name: name, world: w, calls: map[*contract.Pending]*Call{}, last: map[string]*Call{}}
	ctx, cancel := context.WithCancel(context.Background())
	stream, err := u.start(ctx)
	if err != nil {
		cancel()
		return nil, fault(fmt.Sprintf("start the SDK of %s: %v", name, err))
	}
	u.rpc = contract.NewClient(contract.ClientConfig{RW: stream, Reply: u.reply, Event: u.event, Log: u.log})
	u.cancel = cancel
	u.tasks.Go(func() { u.run(ctx) })
	w.users[name] = u
	return u, u.hello()
}

// start starts the user's SDK and returns the stream that it speaks on.
func (u *User) start(ctx context.Context) (io.ReadWriteCloser, error) {
	w := u.world
	if w.real() && u.Name == Alice {
		return w.confine(u.log)
	}
	host, err := w.Host(u.Name)
	if err != nil {
		return nil, err
	}
	make := w.cfg.Reference
	if u.Name == Alice {
		make = w.cfg.Tested
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(u.Name))
	handler, err := make(host, w.cfg.Seed^h.Sum64())
	if err != nil {
		return nil, err
	}
	near, far := net.Pipe()
	u.tasks.Go(func() { _ = contract.Serve(ctx, far, handler) })
	return near, nil
}

// run carries the session. What the adapter did wrong makes the case a fault, whether or not a call was waiting.
func (u *User) run(ctx context.Context) {
	var wrong *contract.Fault
	if err := u.rpc.Run(ctx); errors.As(err, &wrong) {
		w := u.world
		w.fault(fmt.Errorf("the SDK of %s: %w", u.Name, wrong))
		w.mu.Lock()
		w.broken = w.broken || u.Name == Alice
		w.mu.Unlock()
	}
}

// OwnLookup tells whether alice's SDK has said that it asks for its way by a protocol of its own.
func (w *World) OwnLookup() bool {
	u := w.users[Alice]
	return u != nil && u.sdk.Lookup == contract.LookupOwn
}

func (u *User) hello() error {
	trust, err := u.world.trust()
	if err != nil {
		return err
	}
	w := u.world
	hello := contract.Hello{Protocol: contract.Protocol, Network: "virtual", CA: trust.PEM}
	if w.real() && u.Name == Alice {
		hello.Network = "kernel"
	}
	edges, _ := w.CloudProxy()
	for _, p := range edges {
		p.Addr = w.seen(w.AddrOf(u.Name), p.Addr)
		hello.Endpoints.Lookup = append(hello.Endpoints.Lookup, lookupURL(w.host(p)))
	}
	for _, p := range Gateways {
		hello.Endpoints.Gateways = append(hello.Endpoints.Gateways, gatewayURL(p))
	}
	if err := u.mustWithin(helloLimit, contract.MethodHello, hello, &u.sdk); err != nil {
		return err
	}
	if u.Name == Alice && w.real() {
		w.product = &result.Product{Name: u.sdk.Name, Version: u.sdk.Version}
	}
	if u.Name == Alice && u.world.setup.Declared != "" {
		u.sdk.Version = u.world.setup.Declared
		if read := u.world.cfg.Version; read != nil {
			u.sdk.Version = read(u.sdk.Version)
		}
	}
	return nil
}

// CreateClient makes a client; the calls that follow use it.
func (u *User) CreateClient(p contract.CreateClient) error {
	if p.ProxyServer != "" {
		if err := u.tooOld(contract.MethodSetProxyServer); err != nil {
			return err
		}
	}
	if len(p.TurnServer) > 0 {
		if err := u.tooOld(contract.MethodSetTurnServer); err != nil {
			return err
		}
	}
	var made contract.CreateClientResult
	if err := u.must(contract.MethodCreateClient, p, &made); err != nil {
		return err
	}
	u.client = made.Client
	return nil
}

// Reset has the SDK end all sessions and forget all clients.
func (u *User) Reset() error {
	u.client = ""
	return u.must(contract.MethodReset, struct{}{}, &struct{}{})
}

// helloLimit is how long an SDK may take to start: interpreters on a busy machine need seconds.
const helloLimit = 30 * time.Second

// must makes a call without which no scenario can go on.
func (u *User) must(method string, params, result any) error {
	return u.mustWithin(u.world.Limits.Reply, method, params, result)
}

func (u *User) mustWithin(limit time.Duration, method string, params, result any) error {
	c, err := u.Begin(method, params)
	if err != nil {
		return err
	}
	if ended, err := c.Wait(limit); err != nil {
		return err
	} else if !ended {
		return u.without(c, fmt.Sprintf("did not return within %v", limit))
	}
	raw, err := c.pending.Result()
	if err != nil {
		return u.without(c, fmt.Sprintf("failed: %v", err))
	}
	return json.Unmarshal(raw, result)
}

// without ends a case for want of a call without which no scenario can go on. Of these alice's createClient is her SDK's
// own, which is judged; the others are the adapter's, or those of the ground.
func (u *User) without(c *Call, what string) error {
	message := fmt.Sprintf("%s: %s %s", u.Name, c.Method, what)
	if u.Name != Alice || c.Method != contract.MethodCreateClient {
		return fault(message)
	}
	return &result.Failure{Message: message, Events: c.Events()}
}

// Client is the ID of the client that calls use.
func (u *User) Client() string { return u.client }

// Use has the calls that follow use another client, which CreateClient has made.
func (u *User) Use(client string) { u.client = client }

// Begin begins a call. A fault of the adapter, or a method that the SDK doesn't have, ends the case.
func (u *User) Begin(method string, params any) (*Call, error) {
	if err := u.tooOld(method); err != nil {
		return nil, err
	}
	u.mu.Lock()
	u.made++
	number := u.made
	u.mu.Unlock()
	text, err := json.Marshal(params)
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", method, u.Name, err)
	}
	c := &Call{Method: method, user: u}
	c.Began = u.world.record(timeline.Event{
		Kind: timeline.KindCall, Actor: u.Name, Name: method, Call: number, Detail: brief(method, text)})
	u.mu.Lock()
	defer u.mu.Unlock()
	if c.pending, err = u.rpc.Begin(method, params); err != nil {
		return nil, fault(fmt.Sprintf("%s: %s can't be called: %v", u.Name, method, err))
	}
	u.calls[c.pending] = c
	u.last[method] = c
	return c, nil
}

// brief is the parameters of a call in a line; hello's certificate says nothing to a reader.
func brief(method string, params []byte) string {
	if method == contract.MethodHello {
		return ""
	}
	return string(params)
}

// Last is the last call of a method, nil if there was none.
func (u *User) Last(method string) *Call {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.last[method]
}

// reply records the end of a call.
func (u *User) reply(p *contract.Pending) {
	u.mu.Lock()
	c := u.calls[p]
	delete(u.calls, p)
	u.mu.Unlock()
	if c == nil {
		return
	}
	raw, err := p.Result()
	e := timeline.Event{Kind: timeline.KindResult, Actor: u.Name, Name: c.Method, Call: c.Began.Call, Detail: string(raw)}
	var sdk *contract.Error
	if errors.As(err, &sdk) {
		e.Code, e.Detail = "error", sdk.Message
		if sdk.Data != nil && sdk.Data.Code != "" {
			e.Code = sdk.Data.Code
		}
	} else if err != nil {
		e.Code, e.Detail = "fault", err.Error()
	}
	e = u.world.record(e)
	u.mu.Lock()
	c.ended = e
	u.mu.Unlock()
}

func (u *User) event(e contract.Event) {
	detail := e.State
	if e.Reason != "" {
		detail += " " + e.Reason
	}
	u.world.record(timeline.Event{
		Kind: timeline.KindNotice, Actor: u.Name, Name: e.Type, User: e.UID, Digest: digest(e.Text), Detail: detail})
}

func (u *User) log(l contract.Log) {
	u.world.record(timeline.Event{Kind: timeline.KindNotice, Actor: u.Name, Name: "log", Detail: l.Level + ": " + l.Message})
}

// Wait waits for a call to end, and says whether it has. Its error is that of a case which can't go on:
// an adapter's fault, or a method that the SDK doesn't have.
func (c *Call) Wait(limit time.Duration) (ended bool, err error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-c.pending.Done():
	case <-timer.C:
		return false, nil
	}
	_, err = c.pending.Result()
	var sdk *contract.Error
	switch {
	case err == nil:
		return true, nil
	case !errors.As(err, &sdk):
		return true, fault(fmt.Sprintf("%s: %s: %v", c.user.Name, c.Method, err))
	case sdk.Code == contract.CodeMethodNotFound:
		return true, &result.Stop{Outcome: result.NotSupported, Failure: result.Failure{
			Message: fmt.Sprintf("the SDK has no %s: %s", c.Method, sdk.Message), Events: []timeline.Event{c.Began, c.Ended()}}}
	case sdk.Code != contract.CodeSDK:
		return true, fault(fmt.Sprintf("%s: %s: JSON-RPC error %d: %s", c.user.Name, c.Method, sdk.Code, sdk.Message))
	}
	return true, nil
}

// Ended is the result's event; the zero value while there is none.
func (c *Call) Ended() timeline.Event {
	c.user.mu.Lock()
	defer c.user.mu.Unlock()
	return c.ended
}

// Events are the call's own: that it began, and that it ended if it has.
func (c *Call) Events() []timeline.Event {
	if e := c.Ended(); e.Seq != 0 {
		return []timeline.Event{c.Began, e}
	}
	return []timeline.Event{c.Began}
}

// Took is how long the call took; 0 while it hasn't ended.
func (c *Call) Took() time.Duration {
	if e := c.Ended(); e.Seq != 0 {
		return e.At - c.Began.At
	}
	return 0
}

// Over tells whether the call has ended, and how: the SDK's error, or nil.
func (c *Call) Over() (over bool, err error) {
	select {
	case <-c.pending.Done():
	default:
		return false, nil
	}
	_, err = c.pending.Result()
	return true, err
}

// Result reads what the call returned.
func (c *Call) Result(into any) error {
	raw, err := c.pending.Result()
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// close ends the session with the SDK, as an application that quits.
func (u *User) close() {
	if u.sdk.Protocol != 0 { // it has said hello
		if c, err := u.Begin(contract.MethodShutdown, struct{}{}); err == nil {
			_, _ = c.Wait(u.world.Limits.Teardown)
		}
	}
	u.cancel()
	u.tasks.Wait()
	if u.world.real() && u.Name == Alice {
		_ = u.world.cfg.Remote.Close() // how it ended matters to nobody now
	}
}

func fault(message string) error {
	return &result.Stop{Outcome: result.HarnessFault, Failure: result.Failure{Message: message}}
}
