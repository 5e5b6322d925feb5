package mutant

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdk"
	"github.com/proxyspec/proxyspec/relay"
)

// habits are mistakes that an SDK's author makes with an eye on one call, and that show in the next.
var habits = []Mutant{
	{
		Name: "keeps-first-server", Breaks: []string{"CP-CFG-07", "CP-CFG-08"},
		Description: "accepts a second setProxyServer or setTurnServer and goes on with the first",
		make: decide(func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
			next, err := sdk.Decide(in, s, c)
			if err == nil && c.Method == setProxy && s.Proxy != "" {
				next.Proxy = s.Proxy
			}
			if err == nil && c.Method == setTurn && s.Turn != nil {
				next.Turn = s.Turn
			}
			return next, err
		}),
	},
	{
		Name: "failed-join-clears", Breaks: []string{"CP-SEQ-08"},
		Description: "forgets what was set when a join fails",
		make: conduct(func(f *front) func(*contract.Call) {
			return func(c *contract.Call) {
				if call := c; c.Method == contract.MethodJoin {
					c = c.Divert(func(result any, err error) {
						if err != nil {
							f.inner.Begin(as(call, stop))
						}
						call.Reply(result, err)
					})
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "sulks-about-servers", Breaks: []string{"CP-API-10"},
		Description: "refuses setProxyServer and setTurnServer after a join that failed",
		make:        sulks(setProxy, setTurn),
	},
	{
		Name: "toggles", Breaks: []string{"CP-API-27"},
		Description: "takes a second startProxyServer for the end of the first",
		make: decide(func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
			next, err := sdk.Decide(in, s, c)
			if err == nil && c.Method == start && s.Cloud {
				next.Cloud = false
			}
			return next, err
		}),
	},
	{
		Name: "tires", Breaks: []string{"CP-SEQ-03"},
		Description: "accepts startProxyServer again and again, and goes direct from the third time on",
		make: counting(func(n *int, s sdk.Setting, c sdk.Change, next *sdk.Setting) {
			if c.Method == start {
				*n++
				next.Cloud = *n < 3
			}
		}),
	},
	{
		Name: "sticks", Breaks: []string{"CP-SEQ-02"},
		Description: "accepts stopProxyServer again, and goes on by the cloud proxy from the second time on",
		make: counting(func(n *int, s sdk.Setting, c sdk.Change, next *sdk.Setting) {
			if c.Method == stop && s.Cloud {
				*n++
				next.Cloud = *n > 1
			}
		}),
	},
	{
		Name: "counts-starts", Breaks: []string{"CP-API-30"},
		Description: "stops only when stopProxyServer has been called as often as startProxyServer",
		make: counting(func(n *int, s sdk.Setting, c sdk.Change, next *sdk.Setting) {
			if c.Method == start {
				*n++
			}
			if c.Method == stop && s.Cloud {
				*n--
				next.Cloud = *n > 0
			}
		}),
	},
	{
		Name: "start-after-optional-turn", Breaks: []string{"CP-API-13"},
		Description: "accepts startProxyServer after setTurnServer without forceturn",
		make: mixes(func(s sdk.Setting, c sdk.Change) bool {
			return c.Method == start && s.Proxy == "" && s.Turn != nil && !slices.ContainsFunc(s.Turn, func(t contract.TurnServer) bool { return t.ForceTurn })
		}),
	},
	{
		Name: "start-after-list", Breaks: []string{"CP-CFG-06"},
		Description: "accepts startProxyServer after setTurnServer with an array of servers",
		make:        mixes(func(s sdk.Setting, c sdk.Change) bool { return c.Method == start && len(s.Turn) > 1 }),
	},
	{
		Name: "list-after-start", Breaks: []string{"CP-API-15"},
		Description: "accepts setTurnServer with an array of servers after startProxyServer",
		make:        mixes(func(s sdk.Setting, c sdk.Change) bool { return c.Method == setTurn && s.Cloud && len(c.Turn) > 1 }),
	},
	{
		Name: "falls-back-without-edges", Breaks: []string{"CP-FLOW-09"},
		Description: "joins directly when no lookup edge can be reached",
		make: cloud(func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
			p, err := sdk.FindRoute(ctx, r)
			if err != nil {
				_, failed := answer(ctx, r, r.Endpoints.Lookup[0])
				if op := (*net.OpError)(nil); errors.As(failed, &op) && op.Op == "dial" {
					return direct(ctx, r)
				}
			}
			return p, err
		}),
	},
	{
		Name: "needs-every-edge", Breaks: []string{"CP-RES-16"},
		Description: "joins only when every lookup edge answers",
		make: cloud(func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
			for _, edge := range r.Endpoints.Lookup {
				if _, err := answer(ctx, r, edge); err != nil {
					return sdk.Path{}, contract.SDKError(sdk.CodeAborted, "a lookup edge doesn't answer")
				}
			}
			return sdk.FindRoute(ctx, r)
		}),
	},
	{
		Name: "fills-the-gaps", Breaks: []string{"CP-FLOW-10"},
		Description: "sends messages directly when the lookup's answer has a way for media only",
		make: cloud(func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
			p, err := sdk.FindRoute(ctx, r)
			if err != nil {
				if a, _ := answer(ctx, r, r.Endpoints.Lookup[0]); len(a.ICEServers) > 0 {
					return direct(ctx, r)
				}
			}
			return p, err
		}),
	},
	{
		Name: "media-direct-when-lost", Breaks: []string{"CP-RES-06"},
		Description: "reconnects through the cloud proxy, but sends media directly from then on",
		make: path(func(p *sdk.Path, r sdk.Request) {
			if r.Reconnect {
				p.ICEServers, p.RelayOnly = nil, false
			}
		}),
	},
	{
		Name: "probes-when-lost", Breaks: []string{"CP-RES-06"},
		Description: "tries whether SD-RTN can be reached directly before it reconnects through the cloud proxy",
		make: cloud(func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
			if r.Reconnect {
				try(ctx, r, r.Endpoints.Gateways[0])
			}
			return sdk.FindRoute(ctx, r)
		}),
	},
	{
		Name: "no-turn-over-tcp", Breaks: []string{"CP-CFG-08"},
		Description: "accepts a TURN server's tcpport and never uses it",
		make: own(func(s *sdk.Setting) {
			s.Turn = slices.Clone(s.Turn)
			for i := range s.Turn {
				s.Turn[i].TCPPort = ""
			}
		}),
	},
	{
		Name: "stops-once", Breaks: []string{"CP-API-21"},
		Description: "acts on the first stopProxyServer only",
		make: func(cfg sdk.Config) SDK {
			stopped := false
			return decide(func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
				next, err := sdk.Decide(in, s, c)
				if err == nil && c.Method == stop && (s.Cloud || ownSet(s)) {
					if stopped {
						return s, nil
					}
					stopped = true
				}
				return next, err
			})(cfg)
		},
	},
}

// sulks makes a mutant that refuses methods after a join that failed.
func sulks(methods ...string) func(sdk.Config) SDK {
	return conduct(func(f *front) func(*contract.Call) {
		failed := map[string]bool{}
		return func(c *contract.Call) {
			client := paramsOf[contract.ClientCall](c).Client
			f.mu.Lock()
			sulking := failed[client]
			f.mu.Unlock()
			if sulking && slices.Contains(methods, c.Method) {
				c.Reply(nil, contract.SDKError(sdk.CodeInvalidOperation, c.Method+" after a join that failed"))
				return
			}
			if call := c; c.Method == contract.MethodJoin {
				c = c.Divert(func(result any, err error) {
					f.mu.Lock()
					failed[client] = err != nil
					f.mu.Unlock()
					call.Reply(result, err)
				})
			}
			f.inner.Begin(c)
		}
	})
}

// counting makes a mutant that counts calls which succeed, each SDK its own, and changes what comes of them.
func counting(change func(n *int, s sdk.Setting, c sdk.Change, next *sdk.Setting)) func(sdk.Config) SDK {
	return func(cfg sdk.Config) SDK {
		n := 0
		return decide(func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
			next, err := sdk.Decide(in, s, c)
			if err == nil {
				change(&n, s, c, &next)
			}
			return next, err
		})(cfg)
	}
}

// waitsForLeave makes a mutant that refuses some methods until a leave has finished.
func waitsForLeave(methods ...string) func(sdk.Config) SDK {
	return conduct(func(f *front) func(*contract.Call) {
		leaving := map[string]int{}
		return func(c *contract.Call) {
			client := paramsOf[contract.ClientCall](c).Client
			f.mu.Lock()
			busy := leaving[client] > 0
			f.mu.Unlock()
			switch {
			case busy && slices.Contains(methods, c.Method):
				c.Reply(nil, contract.SDKError(sdk.CodeInvalidOperation, c.Method+" while leaving"))
				return
			case c.Method == contract.MethodLeave:
				call := c
				f.mu.Lock()
				leaving[client]++
				f.mu.Unlock()
				c = c.Divert(func(result any, err error) {
					f.mu.Lock()
					leaving[client]--
					f.mu.Unlock()
					call.Reply(result, err)
				})
			}
			f.inner.Begin(c)
		}
	})
}

// answer is what an edge answers, whatever it is worth.
func answer(ctx context.Context, r sdk.Request, edge string) (a relay.LookupAnswer, err error) {
	body, err := json.Marshal(r.Lookup)
	if err != nil {
		return a, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, edge, bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := r.HTTP.Do(request)
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	err = json.NewDecoder(response.Body).Decode(&a)
	return a, err
}
