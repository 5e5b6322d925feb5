package crowd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdk"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/sim"
)

// whole is a user with the reference SDK whole: messages, and audio over WebRTC through a relay.
type whole struct {
	uid, channel, appID string

	rpc    *contract.Client
	client string
	stop   context.CancelFunc
	tasks  sync.WaitGroup

	mu        sync.Mutex
	changed   chan struct{} // closed when published or heard changes
	published map[string]bool
	heard     []string // messages, in order
	errs      []string // what the SDK reports by itself
	tell      func(event, time.Duration)
	lost      time.Time // since when it has been looking for another way; zero: it isn't
}

// newWhole starts an SDK on a host. audio is from one packet to the next.
func (f *fleet) newWhole(host *sim.Host, appID, channel, uid string, audio time.Duration) *whole {
	w := &whole{uid: uid, channel: channel, appID: appID, changed: make(chan struct{}), published: map[string]bool{}}
	s := sdk.New(sdk.Config{Net: host, Rand: f.rand("SDK of " + uid), Audio: audio})
	near, far := net.Pipe()
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	w.rpc = contract.NewClient(contract.ClientConfig{RW: near, Event: w.event})
	w.tasks.Go(func() { _ = contract.Serve(ctx, far, s) })
	w.tasks.Go(func() { _ = w.rpc.Run(ctx) })
	return w
}

func (w *whole) event(e contract.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e.Type {
	case contract.EventPublished:
		w.published[e.UID] = true
	case contract.EventUnpublished:
		delete(w.published, e.UID)
	case contract.EventMessage:
		w.heard = append(w.heard, e.Text)
	case contract.EventState:
		w.turned(e.State)
	case contract.EventError:
		w.errs = append(w.errs, e.Reason)
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

// follow has somebody told of ways that are lost and of others that are found.
func (w *whole) follow(tell func(event, time.Duration)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tell = tell
}

// turned takes note of a state of the connection. w.mu is held.
func (w *whole) turned(to string) {
	switch {
	case w.tell == nil:
	case to == contract.StateReconnecting && w.lost.IsZero():
		w.lost = time.Now()
		w.tell(lost, 0)
	case to == contract.StateConnected && !w.lost.IsZero():
		w.tell(rejoined, time.Since(w.lost))
		w.lost = time.Time{}
	}
}

// messages is what has come so far.
func (w *whole) messages() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.heard)
}

// await waits until something is so, for a minute at most.
func (w *whole) await(ctx context.Context, so func() bool) error {
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for {
		w.mu.Lock()
		ok, changed := so(), w.changed
		w.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-limit.C:
			return fmt.Errorf("user %s has waited for a minute", w.uid)
		}
	}
}

func (w *whole) call(method string, params, result any) error {
	if err := w.rpc.Call(context.Background(), method, params, result); err != nil {
		return fmt.Errorf("%s of user %s: %w", method, w.uid, err)
	}
	return nil
}

// join has the user join by way of the cloud proxy and publish audio.
func (w *whole) join(f *fleet) error {
	hello := contract.Hello{Protocol: contract.Protocol, Network: "virtual", CA: f.trust.PEM}
	for i := range edges {
		hello.Endpoints.Lookup = append(hello.Endpoints.Lookup, "https://"+nth(edgeBlock, i+1).String()+relay.LookupPath)
	}
	for _, g := range f.gateways {
		hello.Endpoints.Gateways = append(hello.Endpoints.Gateways, "wss://"+g.String()+sdrtn.ChannelPath)
	}
	none := &struct{}{}
	if err := w.call(contract.MethodHello, hello, &contract.HelloResult{}); err != nil {
		return err
	}
	var made contract.CreateClientResult
	if err := w.call(contract.MethodCreateClient, contract.CreateClient{Mode: "live", Codec: "vp8"}, &made); err != nil {
		return err
	}
	w.client = made.Client
	if err := w.call(contract.MethodStartProxyServer, contract.ClientCall{Client: w.client}, none); err != nil {
		return err
	}
	if err := w.call(contract.MethodInit, contract.Init{Client: w.client, AppID: w.appID}, none); err != nil {
		return err
	}
	if err := w.call(contract.MethodJoin, contract.Join{Client: w.client, Channel: w.channel, UID: w.uid}, &contract.JoinResult{}); err != nil {
		return err
	}
	return w.call(contract.MethodPublish, contract.Publish{Client: w.client, Audio: true}, none)
}

// listen subscribes to another user, once that one publishes.
func (w *whole) listen(ctx context.Context, to string) error {
	if err := w.await(ctx, func() bool { return w.published[to] }); err != nil {
		return err
	}
	return w.call(contract.MethodSubscribe, contract.Subscribe{Client: w.client, UID: to, Audio: true}, &struct{}{})
}

func (w *whole) say(text string) error {
	return w.call(contract.MethodSend, contract.Send{Client: w.client, Text: text}, &struct{}{})
}

func (w *whole) stats() (s contract.Stats, err error) {
	err = w.call(contract.MethodStats, contract.ClientCall{Client: w.client}, &s)
	return s, err
}

// leave leaves the channel and ends the SDK.
func (w *whole) leave() error {
	return errors.Join(w.call(contract.MethodLeave, contract.ClientCall{Client: w.client}, &struct{}{}), w.end())
}

// end ends the SDK.
func (w *whole) end() error {
	err := w.call(contract.MethodShutdown, struct{}{}, &struct{}{})
	w.stop()
	w.tasks.Wait()
	return err
}
