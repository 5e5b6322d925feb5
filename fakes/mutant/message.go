package mutant

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdk"
)

// messages are mistakes with what an application says.
var messages = []Mutant{
	{
		Name: "alters-messages", Breaks: []string{"CP-FLOW-06"},
		Description: "cuts the last character off every message",
		make:        rewrites(contract.MethodSend, func(p *contract.Send) { p.Text = p.Text[:max(0, len(p.Text)-1)] }),
	},
	{
		Name: "trims-messages", Breaks: []string{"CP-FLOW-06"},
		Description: "strips the white space around messages",
		make:        rewrites(contract.MethodSend, func(p *contract.Send) { p.Text = strings.TrimSpace(p.Text) }),
	},
	{
		Name: "cuts-long-messages", Breaks: []string{"CP-FLOW-06"},
		Description: "cuts messages to 4,096 bytes",
		make:        rewrites(contract.MethodSend, func(p *contract.Send) { p.Text = p.Text[:min(len(p.Text), 4096)] }),
	},
	{
		Name: "cuts-huge-messages", Breaks: []string{"CP-FLOW-06"},
		Description: "cuts messages to 65,535 bytes",
		make:        rewrites(contract.MethodSend, func(p *contract.Send) { p.Text = p.Text[:min(len(p.Text), 65535)] }),
	},
	{
		Name: "cuts-messages-at-zero", Breaks: []string{"CP-FLOW-06"},
		Description: "takes a zero byte for the end of a message",
		make:        rewrites(contract.MethodSend, func(p *contract.Send) { p.Text, _, _ = strings.Cut(p.Text, "\x00") }),
	},
	{
		Name: "loses-messages", Breaks: []string{"CP-CFG-07", "CP-CFG-08", "CP-FLOW-06", "CP-RES-13"},
		Description: "says that it has sent a message and sends only every other one",
		make: conduct(func(f *front) func(*contract.Call) {
			sent := 0
			return func(c *contract.Call) {
				if c.Method == contract.MethodSend {
					if sent++; sent%2 == 1 {
						c.Reply(nil, nil)
						return
					}
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "sent-in-vain", Breaks: []string{"CP-RES-17"},
		Description: "says that it has sent a message when it could not",
		make: conduct(func(f *front) func(*contract.Call) {
			return func(c *contract.Call) {
				if call := c; c.Method == contract.MethodSend {
					c = c.Divert(func(any, error) { call.Reply(nil, nil) })
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "mute-once-back", Breaks: []string{"CP-RES-06", "CP-RES-09"},
		Description: "says that it has sent what it is given after it has reconnected, and sends nothing",
		make: func(cfg sdk.Config) SDK {
			var back atomic.Bool
			cfg.Route = func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
				back.Store(back.Load() || r.Reconnect)
				return sdk.FindRoute(ctx, r)
			}
			return conduct(func(f *front) func(*contract.Call) {
				return func(c *contract.Call) {
					if c.Method == contract.MethodSend && back.Load() {
						c.Reply(nil, nil)
						return
					}
					f.inner.Begin(c)
				}
			})(cfg)
		},
	},
	{
		Name: "queues-twice", Breaks: []string{"CP-RES-17"},
		Description: "keeps a message that it can't send, and sends it twice when it can",
		make: conduct(func(f *front) func(*contract.Call) {
			var keep func(*contract.Call)
			keep = func(c *contract.Call) {
				again := as(c, contract.MethodSend)
				f.later(time.Second, func() {
					f.inner.Begin(again.Divert(func(_ any, err error) {
						if err != nil {
							keep(again)
						}
					}))
				})
			}
			return func(c *contract.Call) {
				if call := c; c.Method == contract.MethodSend {
					c = c.Divert(func(_ any, err error) {
						if err != nil {
							keep(call)
							keep(call)
						}
						call.Reply(nil, nil)
					})
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "repeats-messages", Breaks: []string{"CP-FLOW-06"},
		Description: "sends every message twice",
		make: conduct(func(f *front) func(*contract.Call) {
			return func(c *contract.Call) {
				if c.Method == contract.MethodSend {
					f.inner.Begin(c.Divert(func(any, error) {}))
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "takes-delay-for-failure", Breaks: []string{"CP-RES-14"},
		Description: "reports an error when a message has had no answer after 150 ms",
		make: conduct(func(f *front) func(*contract.Call) {
			return func(c *contract.Call) {
				if c.Method == contract.MethodSend {
					call, began := c, time.Now()
					c = c.Divert(func(result any, err error) {
						if time.Since(began) > 150*time.Millisecond {
							from := paramsOf[contract.Send](call).Client
							call.Line().Event(contract.Event{Type: contract.EventError, Client: from, Reason: "no answer in time"})
						}
						call.Reply(result, err)
					})
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "resends-unanswered", Breaks: []string{"CP-RES-14"},
		Description: "sends a message again when it has had no answer after 150 ms",
		make: conduct(func(f *front) func(*contract.Call) {
			return func(c *contract.Call) {
				if c.Method == contract.MethodSend {
					answered, call, again := make(chan struct{}), c, as(c, contract.MethodSend)
					c = c.Divert(func(result any, err error) {
						close(answered)
						call.Reply(result, err)
					})
					f.later(150*time.Millisecond, func() {
						select {
						case <-answered:
						default:
							f.inner.Begin(again)
						}
					})
				}
				f.inner.Begin(c)
			}
		}),
	},
}
