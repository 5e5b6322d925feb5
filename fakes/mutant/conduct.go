package mutant

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdk"
)

// conducts treat calls wrongly, in front of a sound SDK.
var conducts = []Mutant{
	{
		Name: "joined-too-early", Breaks: []string{"CP-FLOW-09", "CP-FLOW-10"},
		Description: "says that it has joined as soon as join is called",
		make: conduct(func(f *front) func(*contract.Call) {
			return func(c *contract.Call) {
				if c.Method == contract.MethodJoin {
					uid := paramsOf[contract.Join](c).UID
					f.inner.Begin(c.Divert(func(any, error) {}))
					c.Reply(contract.JoinResult{UID: uid}, nil)
					return
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "swallows-failure", Breaks: []string{"CP-API-10", "CP-FLOW-09", "CP-FLOW-10", "CP-RES-07", "CP-RES-08", "CP-RES-12"},
		Description: "says that it has joined when it could not",
		make: conduct(func(f *front) func(*contract.Call) {
			return func(c *contract.Call) {
				if c.Method == contract.MethodJoin {
					uid, call := paramsOf[contract.Join](c).UID, c
					c = c.Divert(func(result any, err error) {
						if err != nil {
							result = contract.JoinResult{UID: uid}
						}
						call.Reply(result, nil)
					})
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "never-gives-up", Breaks: []string{"CP-FLOW-09", "CP-FLOW-10"},
		Description: "never says that a join has failed",
		make: conduct(func(f *front) func(*contract.Call) {
			return func(c *contract.Call) {
				if c.Method == contract.MethodJoin {
					call := c
					c = c.Divert(func(result any, err error) {
						if err == nil {
							call.Reply(result, nil)
						}
					})
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "tries-for-ever", Breaks: []string{"CP-FLOW-11"},
		Description: "goes on trying, without end, after it has said that a join failed",
		make: conduct(func(f *front) func(*contract.Call) {
			var try func(*contract.Call)
			try = func(c *contract.Call) {
				f.inner.Begin(c.Divert(func(result any, err error) {
					c.Reply(result, err)
					if err != nil {
						again := as(c, contract.MethodJoin)
						f.later(5*time.Second, func() { try(again) })
					}
				}))
			}
			return func(c *contract.Call) {
				if c.Method == contract.MethodJoin {
					try(c)
					return
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "takes-packets-for-frames", Breaks: []string{"CP-FLOW-06"},
		Description: "counts each packet of media that it gets as a frame",
		make: conduct(func(f *front) func(*contract.Call) {
			return func(c *contract.Call) {
				if call := c; c.Method == contract.MethodStats {
					c = c.Divert(func(result any, err error) {
						if counts, ok := result.(contract.Stats); ok {
							for user, got := range counts.Received {
								got.Audio.Frames, got.Video.Frames = got.Audio.Packets, got.Video.Packets
								counts.Received[user] = got
							}
						}
						call.Reply(result, err)
					})
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "wants-lists-of-servers", Breaks: []string{"CP-CFG-06"},
		Description: "takes an array of TURN servers, and no single one",
		make: conduct(func(f *front) func(*contract.Call) {
			return func(c *contract.Call) {
				if server := paramsOf[contract.SetTurnServer](c).TurnServer; c.Method == setTurn && bytes.HasPrefix(server, []byte("{")) {
					c.Reply(nil, contract.SDKError(sdk.CodeInvalidParams, "turnServer is no array"))
					return
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "publishes-nothing", Breaks: []string{"CP-FLOW-02", "CP-FLOW-06"},
		Description: "says that it publishes, and doesn't",
		make: conduct(func(f *front) func(*contract.Call) {
			return func(c *contract.Call) {
				if c.Method == contract.MethodPublish {
					c.Reply(nil, nil)
					return
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "complains-and-goes-direct", Breaks: []string{"CP-CFG-04"},
		Description: "says that it can't publish where forceturn leaves it no way, and sends its media directly",
		make: func(cfg sdk.Config) SDK {
			forced := atomic.Bool{}
			cfg.Route = func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
				forced.Store(slices.ContainsFunc(r.Setting.Turn, func(t contract.TurnServer) bool { return t.ForceTurn }))
				force(&r.Setting, false)
				return sdk.FindRoute(ctx, r)
			}
			return conduct(func(f *front) func(*contract.Call) {
				return func(c *contract.Call) {
					if call := c; c.Method == contract.MethodPublish && forced.Load() {
						c = c.Divert(func(any, error) { call.Reply(nil, contract.SDKError(sdk.CodeAborted, "no way for media")) })
					}
					f.inner.Begin(c)
				}
			})(cfg)
		},
	},
	{
		Name: "swallows-media-failure", Breaks: []string{"CP-RES-13"},
		Description: "says that it publishes when it could not",
		make: conduct(func(f *front) func(*contract.Call) {
			return func(c *contract.Call) {
				if call := c; c.Method == contract.MethodPublish {
					c = c.Divert(func(any, error) { call.Reply(nil, nil) })
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "audio-only", Breaks: []string{"CP-SEQ-09"},
		Description: "publishes no video",
		make:        rewrites(contract.MethodPublish, func(p *contract.Publish) { p.Video = !p.Audio && p.Video }),
	},
	{
		Name: "video-only", Breaks: []string{"CP-SEQ-09"},
		Description: "publishes no audio",
		make:        rewrites(contract.MethodPublish, func(p *contract.Publish) { p.Audio = !p.Video && p.Audio }),
	},
	{
		Name: "deaf", Breaks: []string{"CP-SEQ-07", "CP-SEQ-09"},
		Description: "says that it receives what others publish, and doesn't",
		make: conduct(func(f *front) func(*contract.Call) {
			return func(c *contract.Call) {
				if c.Method == contract.MethodSubscribe {
					c.Reply(nil, nil)
					return
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "start-needs-init", Breaks: []string{"CP-API-01", "CP-SEQ-01"},
		Description: "refuses startProxyServer before init",
		make: conduct(func(f *front) func(*contract.Call) {
			ready := map[string]bool{}
			return func(c *contract.Call) {
				client := paramsOf[contract.ClientCall](c).Client
				ready[client] = ready[client] || c.Method == contract.MethodInit
				if c.Method == start && !ready[client] {
					c.Reply(nil, contract.SDKError(sdk.CodeInvalidOperation, "init must be called first"))
					return
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "init-clears", Breaks: []string{"CP-API-01", "CP-SEQ-01"},
		Description: "forgets at init what was set before",
		make:        clearsBefore(contract.MethodInit),
	},
	{
		Name: "leave-clears", Breaks: []string{"CP-API-20", "CP-SEQ-08"},
		Description: "forgets at leave what was set",
		make: conduct(func(f *front) func(*contract.Call) {
			return func(c *contract.Call) {
				f.inner.Begin(c)
				if c.Method == contract.MethodLeave {
					f.inner.Begin(as(c, stop))
				}
			}
		}),
	},
	{
		Name: "leave-counts-late", Breaks: []string{"CP-API-09"},
		Description: "refuses the four methods until a leave has finished",
		make:        waitsForLeave(start, stop, setProxy, setTurn),
	},
	{
		Name: "start-waits-for-leave", Breaks: []string{"CP-API-02"},
		Description: "refuses startProxyServer until a leave has finished",
		make:        waitsForLeave(start),
	},
	{
		Name: "shares-settings", Breaks: []string{"CP-API-29"},
		Description: "applies what is set on one client to all of them",
		make: conduct(func(f *front) func(*contract.Call) {
			var clients []string
			return func(c *contract.Call) {
				switch call := c; c.Method {
				case contract.MethodCreateClient:
					c = c.Divert(func(result any, err error) {
						if made, ok := result.(contract.CreateClientResult); ok && err == nil {
							clients = append(clients, made.Client) // createClient ends before Begin returns
						}
						call.Reply(result, err)
					})
				case start, stop, setProxy, setTurn:
					var params map[string]any
					_ = json.Unmarshal(c.Params, &params)
					for _, client := range clients {
						if client != params["client"] {
							others := maps.Clone(params)
							others["client"] = client
							other := as(c, c.Method)
							other.Params, _ = json.Marshal(others)
							f.inner.Begin(other)
						}
					}
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "sulks", Breaks: []string{"CP-API-10"},
		Description: "refuses startProxyServer and stopProxyServer after a join that failed",
		make:        sulks(start, stop),
	},
	{
		Name: "no-lists-of-servers", Breaks: []string{"CP-CFG-06"},
		Description: "refuses an array of TURN servers",
		make: conduct(func(f *front) func(*contract.Call) {
			return func(c *contract.Call) {
				if server := paramsOf[contract.SetTurnServer](c).TurnServer; c.Method == setTurn && len(server) > 0 && server[0] == '[' {
					c.Reply(nil, contract.SDKError(sdk.CodeInvalidParams, "turnServer is not an object"))
					return
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "host-candidates-in-one-mode", Breaks: []string{"CP-SEQ-10"},
		Description: "lets ICE try the direct way beside the relays where the client was made in mode rtc",
		make: func(cfg sdk.Config) SDK {
			var rtc atomic.Bool
			cfg.Route = func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
				p, err := sdk.FindRoute(ctx, r)
				p.RelayOnly = p.RelayOnly && !rtc.Load()
				return p, err
			}
			return conduct(func(f *front) func(*contract.Call) {
				return func(c *contract.Call) {
					if c.Method == contract.MethodCreateClient {
						rtc.Store(paramsOf[contract.CreateClient](c).Mode == "rtc")
					}
					f.inner.Begin(c)
				}
			})(cfg)
		},
	},
	{
		Name: "first-codec-only", Breaks: []string{"CP-SEQ-10"},
		Description: "publishes no video where the client was made for H264",
		make: conduct(func(f *front) func(*contract.Call) {
			blind := map[string]bool{}
			return func(c *contract.Call) {
				switch call := c; c.Method {
				case contract.MethodCreateClient:
					codec := paramsOf[contract.CreateClient](c).Codec
					c = c.Divert(func(result any, err error) {
						if made, ok := result.(contract.CreateClientResult); ok {
							blind[made.Client] = codec == "h264" // createClient ends before Begin returns
						}
						call.Reply(result, err)
					})
				case contract.MethodPublish:
					if p := paramsOf[contract.Publish](c); blind[p.Client] {
						p.Video = false
						c.Params, _ = json.Marshal(p)
					}
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "codec-of-its-own", Breaks: []string{"CP-SEQ-10"},
		Description: "uses VP8 whatever codec the client is made for",
		make:        rewrites(contract.MethodCreateClient, func(p *contract.CreateClient) { p.Codec = "vp8" }),
	},
	{
		Name: "ignores-create-client", Breaks: []string{"CP-API-19"},
		Description: "ignores the proxy values of createClient",
		make: rewrites(contract.MethodCreateClient, func(p *contract.CreateClient) {
			p.ProxyServer, p.TurnServer = "", nil
		}),
	},
	{
		Name: "leaves-in-vain", Breaks: []string{"CP-SEQ-06"},
		Description: "says that it has left while a message of its is unanswered, and goes on reconnecting",
		make: conduct(func(f *front) func(*contract.Call) {
			var unanswered atomic.Int32
			return func(c *contract.Call) {
				switch call := c; {
				case c.Method == contract.MethodLeave && unanswered.Load() > 0:
					c.Reply(nil, nil)
					return
				case c.Method == contract.MethodSend:
					unanswered.Add(1)
					c = c.Divert(func(result any, err error) {
						if err == nil {
							unanswered.Add(-1)
						}
						call.Reply(result, err)
					})
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "leaves-late", Breaks: []string{"CP-SEQ-06"},
		Description: "says that it has left and goes on for a minute",
		make: conduct(func(f *front) func(*contract.Call) {
			return func(c *contract.Call) {
				if c.Method == contract.MethodLeave {
					late := as(c, contract.MethodLeave)
					f.later(time.Minute, func() { f.inner.Begin(late) })
					c.Reply(nil, nil)
					return
				}
				f.inner.Begin(c)
			}
		}),
	},
}
