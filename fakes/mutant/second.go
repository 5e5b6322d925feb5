package mutant

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdk"
)

// seconds get the first call, user, channel or minute right, and not what comes second.
var seconds = []Mutant{
	{
		Name: "second-user-direct", Breaks: []string{"CP-FLOW-05"},
		Description: "takes the direct way for the media of a second user",
		make:        directMedia(contract.MethodSubscribe, func(n int, _ *contract.Call) bool { return n > 1 }),
	},
	{
		Name: "second-publication-direct", Breaks: []string{"CP-SEQ-08"},
		Description: "takes the direct way for media from its second publication on",
		make:        directMedia(contract.MethodPublish, func(n int, _ *contract.Call) bool { return n > 1 }),
	},
	{
		Name: "direct-when-alone", Breaks: []string{"CP-FLOW-04"},
		Description: "takes the direct way for audio without video, and for video without audio",
		make: directMedia(contract.MethodPublish, func(_ int, c *contract.Call) bool {
			p := paramsOf[contract.Publish](c)
			return p.Audio != p.Video
		}),
	},
	{
		Name: "direct-ping-later", Breaks: []string{"CP-RES-03"},
		Description: "measures the direct way to SD-RTN when a call is some minutes old",
		make:        pings(contract.MethodJoin, 5*time.Minute),
	},
	{
		Name: "one-speaker", Breaks: []string{"CP-FLOW-06"},
		Description: "tells its application that every message came from whoever spoke first",
		make: config(func(cfg *sdk.Config) {
			var speaker atomic.Pointer[string]
			cfg.Tell = func(e contract.Event, tell func(contract.Event)) {
				if e.Type == contract.EventMessage {
					uid := e.UID
					speaker.CompareAndSwap(nil, &uid)
					e.UID = *speaker.Load()
				}
				tell(e)
			}
		}),
	},
	{
		Name: "hears-twice-in-second-call", Breaks: []string{"CP-FLOW-06"},
		Description: "tells its application of each message twice from its second call on",
		make:        tellsOnce(contract.StateConnecting, 2, 2),
	},
	{
		Name: "deaf-in-second-call", Breaks: []string{"CP-FLOW-06"},
		Description: "tells its application of no message from its second call on",
		make:        tellsOnce(contract.StateConnecting, 2, 0),
	},
	{
		Name: "hears-twice-once-back", Breaks: []string{"CP-RES-09"},
		Description: "tells its application of each message twice when it has reconnected",
		make:        tellsOnce(contract.StateReconnecting, 1, 2),
	},
	{
		Name: "deaf-once-back", Breaks: []string{"CP-RES-09"},
		Description: "tells its application of no message when it has reconnected",
		make:        tellsOnce(contract.StateReconnecting, 1, 0),
	},
	{
		Name: "keeps-first-channel", Breaks: []string{"CP-FLOW-06"},
		Description: "joins the channel of a client's first call again, whatever join says",
		make: conduct(func(f *front) func(*contract.Call) {
			first := map[string]string{}
			return func(c *contract.Call) {
				if c.Method == contract.MethodJoin {
					p := paramsOf[contract.Join](c)
					if first[p.Client] == "" {
						first[p.Client] = p.Channel
					}
					p.Channel = first[p.Client]
					c.Params, _ = json.Marshal(p)
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "channels-in-small-letters", Breaks: []string{"CP-FLOW-06"},
		Description: "writes a channel's name in small letters",
		make:        rewrites(contract.MethodJoin, func(p *contract.Join) { p.Channel = strings.ToLower(p.Channel) }),
	},
	{
		Name: "escapes-channels", Breaks: []string{"CP-FLOW-06"},
		Description: "escapes a channel's name, as for a URL, and joins the channel that is called that",
		make:        rewrites(contract.MethodJoin, func(p *contract.Join) { p.Channel = url.QueryEscape(p.Channel) }),
	},
	{
		Name: "leaves-with-every-client", Breaks: []string{"CP-API-29"},
		Description: "ends the calls of all clients when one leaves",
		make: conduct(func(f *front) func(*contract.Call) {
			clients := map[string]bool{}
			return func(c *contract.Call) {
				mine := paramsOf[contract.ClientCall](c).Client
				clients[mine] = true // those that nothing has been called on have nothing to leave
				for other := range clients {
					if c.Method == contract.MethodLeave && other != mine {
						leave := as(c, contract.MethodLeave)
						leave.Params, _ = json.Marshal(contract.ClientCall{Client: other})
						f.inner.Begin(leave)
					}
				}
				f.inner.Begin(c)
			}
		}),
	},
	{
		Name: "own-servers-from-the-first", Breaks: []string{"CP-CFG-07", "CP-CFG-08"},
		Description: "goes by the servers that were set before its first join, whatever is set later",
		make: config(func(cfg *sdk.Config) {
			var first atomic.Pointer[sdk.Setting]
			cfg.Route = func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
				s := r.Setting
				if !first.CompareAndSwap(nil, &s) && ownSet(s) {
					r.Setting = *first.Load()
				}
				return sdk.FindRoute(ctx, r)
			}
		}),
	},
	{
		Name: "stop-keeps-what-was-used", Breaks: []string{"CP-API-22", "CP-API-23", "CP-API-24"},
		Description: "clears servers of one's own when stopProxyServer is called, but for those that a call went through",
		make: config(func(cfg *sdk.Config) {
			var used atomic.Pointer[sdk.Setting]
			cfg.Route = func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
				if s := r.Setting; ownSet(s) {
					used.Store(&s)
				} else if before := used.Load(); before != nil && !s.Cloud {
					r.Setting = *before
				}
				return sdk.FindRoute(ctx, r)
			}
		}),
	},
	{
		Name: "refused-mix-waits", Breaks: []string{"CP-API-17"},
		Description: "reports an error when methods are mixed, and lets the later one have its way after stopProxyServer",
		make: config(func(cfg *sdk.Config) {
			var refused, waiting atomic.Pointer[sdk.Change] // calls of the four methods come one after the other
			cfg.Decide = func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
				next, err := sdk.Decide(in, s, c)
				switch {
				case !in && conflicts(s, c):
					refused.Store(&c)
				case err == nil && c.Method == stop:
					waiting.Store(refused.Load())
				case err == nil:
					waiting.Store(nil)
				}
				return next, err
			}
			cfg.Route = func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
				if c := waiting.Load(); c != nil {
					r.Setting, _ = sdk.Decide(false, sdk.Setting{}, *c)
				}
				return sdk.FindRoute(ctx, r)
			}
		}),
	},
	{
		Name: "refused-set-in-channel-takes-over", Breaks: []string{"CP-API-28"},
		Description: "reports an error for setProxyServer and setTurnServer in a proxied call, and goes by them in the next",
		make: decide(func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
			next, err := sdk.Decide(in, s, c)
			if in && conflicts(s, c) {
				next, _ = sdk.Decide(false, sdk.Setting{}, c)
			}
			return next, err
		}),
	},
	{
		Name: "invalid-server-clears", Breaks: []string{"CP-CFG-01", "CP-CFG-03"},
		Description: "forgets the server that is set when it refuses another one's parameters",
		make: decide(func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
			next, err := sdk.Decide(in, s, c)
			if err != nil && !in && !conflicts(s, c) {
				next = sdk.Setting{}
			}
			return next, err
		}),
	},
	{
		Name: "forceturn-for-one", Breaks: []string{"CP-CFG-04"},
		Description: "keeps to the TURN server with the first connection for media, in spite of forceturn",
		make: config(func(cfg *sdk.Config) {
			var first atomic.Bool
			cfg.Media = func(p *sdk.Path) {
				if first.Swap(true) && len(p.ICEServers) == 1 { // a server of one's own: the cloud proxy names more
					p.ICEServers, p.RelayOnly = nil, false
				}
			}
		}),
	},
	{
		Name: "last-of-list", Breaks: []string{"CP-CFG-06"},
		Description: "uses the last TURN server of an array and no other",
		make:        own(func(s *sdk.Setting) { s.Turn = s.Turn[max(0, len(s.Turn)-1):] }),
	},
}

// directMedia makes a mutant that takes the direct way for the media of some calls of a method through the cloud proxy. n
// counts them.
func directMedia(method string, of func(n int, c *contract.Call) bool) func(sdk.Config) SDK {
	return func(cfg sdk.Config) SDK {
		var astray atomic.Bool
		cfg.Media = func(p *sdk.Path) {
			if astray.Load() && p.RelayOnly {
				p.ICEServers, p.RelayOnly = nil, false
			}
		}
		return conduct(func(f *front) func(*contract.Call) {
			n := 0
			return func(c *contract.Call) {
				if c.Method == method {
					n++
					astray.Store(of(n, c))
				}
				f.inner.Begin(c)
			}
		})(cfg)
	}
}

// tellsOnce makes a mutant that, once it has told of a state so many times, tells of each message some times.
func tellsOnce(state string, said int32, times int) func(sdk.Config) SDK {
	return config(func(cfg *sdk.Config) {
		var n atomic.Int32
		cfg.Tell = func(e contract.Event, tell func(contract.Event)) {
			if e.Type == contract.EventState && e.State == state {
				n.Add(1)
			}
			if e.Type != contract.EventMessage || n.Load() < said {
				tell(e)
				return
			}
			for range times {
				tell(e)
			}
		}
	})
}
