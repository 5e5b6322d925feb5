package sdk_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/contract"
)

// user is an application with an SDK of its own.
type user struct {
	t      *testing.T
	line   *contract.Client
	client string

	mu     sync.Mutex
	events []contract.Event
	change chan struct{} // closed and replaced at every event
}

func (u *user) createClient(p contract.CreateClient) string {
	u.t.Helper()
	var made contract.CreateClientResult
	u.call(contract.MethodCreateClient, p, &made)
	u.call(contract.MethodInit, contract.Init{Client: made.Client, AppID: "app"}, nil)
	return made.Client
}

func (u *user) event(e contract.Event) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.events = append(u.events, e)
	close(u.change)
	u.change = make(chan struct{})
}

func (u *user) begin(method string, params any) *contract.Pending {
	u.t.Helper()
	p, err := u.line.Begin(method, params)
	require.NoError(u.t, err)
	return p
}

// try makes a call and waits for its outcome.
func (u *user) try(method string, params, result any) error {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	return u.begin(method, params).Wait(ctx, result)
}

// call makes a call that must succeed.
func (u *user) call(method string, params, result any) {
	u.t.Helper()
	require.NoError(u.t, u.try(method, params, result), method)
}

// fails makes a call that must fail with a code.
func (u *user) fails(code, method string, params any) {
	u.t.Helper()
	err := u.try(method, params, nil)
	var e *contract.Error
	require.ErrorAs(u.t, err, &e, method)
	require.Equal(u.t, contract.CodeSDK, e.Code)
	require.Equal(u.t, code, e.Data.Code, e.Message)
}

func (u *user) me() contract.ClientCall { return contract.ClientCall{Client: u.client} }

func (u *user) joining(uid string) contract.Join {
	return contract.Join{Client: u.client, Channel: "town-hall", UID: uid}
}

func (u *user) both() contract.Publish {
	return contract.Publish{Client: u.client, Audio: true, Video: true}
}

func (u *user) to(uid string) contract.Subscribe {
	return contract.Subscribe{Client: u.client, UID: uid, Audio: true, Video: true}
}

func (u *user) send(text string) contract.Send { return contract.Send{Client: u.client, Text: text} }

func (u *user) stats() (s contract.Stats) {
	u.t.Helper()
	u.call(contract.MethodStats, u.me(), &s)
	return s
}

// await waits until n events have fitted.
func (u *user) await(n int, fits func(contract.Event) bool) {
	u.t.Helper()
	waitFor(u.t, func() (bool, <-chan struct{}) {
		u.mu.Lock()
		defer u.mu.Unlock()
		seen := 0
		for _, e := range u.events {
			if fits(e) {
				seen++
			}
		}
		return seen >= n, u.change
	})
}

// states are the connection states that the SDK has told, in order.
func (u *user) states() (states []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, e := range u.events {
		if e.Type == contract.EventState && e.Client == u.client {
			states = append(states, e.State)
		}
	}
	return states
}

// texts are the messages that have arrived, in order.
func (u *user) texts() (texts []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, e := range u.events {
		if e.Type == contract.EventMessage {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

func is(kind, uid string) func(contract.Event) bool {
	return func(e contract.Event) bool { return e.Type == kind && e.UID == uid }
}

func state(s string) func(contract.Event) bool {
	return func(e contract.Event) bool { return e.Type == contract.EventState && e.State == s }
}
