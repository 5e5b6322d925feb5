package mutant

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdk"
)

// routes take a wrong way to SD-RTN, or find the right one in a wrong way.
var routes = []Mutant{
	{
		Name: "direct-media", Breaks: []string{"CP-FLOW-04", "CP-FLOW-05", "CP-FLOW-08", "CP-SEQ-10"},
		Description: "sends messages through the cloud proxy and media directly to SD-RTN",
		make:        path(func(p *sdk.Path, _ sdk.Request) { p.ICEServers, p.RelayOnly = nil, false }),
	},
	{
		Name: "direct-messages", Breaks: []string{"CP-FLOW-04", "CP-FLOW-05", "CP-FLOW-08"},
		Description: "sends media through the cloud proxy and messages directly to SD-RTN",
		make:        path(func(p *sdk.Path, r sdk.Request) { p.Messages = r.Endpoints.Gateways }),
	},
	{
		Name: "host-candidates", Breaks: []string{"CP-FLOW-07", "CP-RES-13"},
		Description: "lets ICE try the direct way beside the relays",
		make:        path(func(p *sdk.Path, _ sdk.Request) { p.RelayOnly = false }),
	},
	{
		Name: "skips-lookup", Breaks: []string{"CP-FLOW-01"},
		Description: "contacts SD-RTN without having asked the cloud proxy",
		make:        cloud(direct),
	},
	{
		Name: "early-contact", Breaks: []string{"CP-FLOW-01", "CP-FLOW-03"},
		Description: "opens a connection to SD-RTN while it asks the cloud proxy",
		make: cloud(func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
			try(ctx, r, r.Endpoints.Gateways[0])
			return sdk.FindRoute(ctx, r)
		}),
	},
	{
		Name: "late-lookup", Breaks: []string{"CP-FLOW-01", "CP-FLOW-03", "CP-FLOW-04"},
		Description: "joins directly and asks the cloud proxy afterwards, for the record",
		make: cloud(func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
			p, err := direct(ctx, r)
			try(ctx, r, p.Messages[0])
			_, _ = sdk.FindRoute(ctx, r)
			return p, err
		}),
	},
	{
		Name: "tries-direct-in-vain", Breaks: []string{"CP-FLOW-09", "CP-FLOW-10"},
		Description: "tries whether SD-RTN can be reached directly when its lookup has failed, and fails all the same",
		make:        cloud(afterFailure(func(r sdk.Request) string { return r.Endpoints.Gateways[0] })),
	},
	{
		Name: "asks-elsewhere", Breaks: []string{"CP-FLOW-09", "CP-FLOW-10"},
		Description: "asks a host that it knows by heart when its lookup has failed, and fails all the same",
		make:        cloud(afterFailure(func(sdk.Request) string { return "https://203.0.113.250" })),
	},
	{
		Name: "ignores-credentials", Breaks: []string{"CP-FLOW-02"},
		Description: "asks the relays for media with a password of its own",
		make: path(func(p *sdk.Path, _ sdk.Request) {
			for i := range p.ICEServers {
				p.ICEServers[i].Credential = "secret"
			}
		}),
	},
	{
		Name: "falls-back-when-refused", Breaks: []string{"CP-FLOW-09", "CP-FLOW-10", "CP-RES-07"},
		Description: "joins directly when the cloud proxy refuses, is silent or answers nonsense",
		make: cloud(func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
			if p, err := sdk.FindRoute(ctx, r); err == nil {
				return p, nil
			}
			return direct(ctx, r)
		}),
	},
	{
		Name: "tunnels-out", Breaks: []string{"CP-FLOW-09"},
		Description: "finds the office's HTTP proxy by its name, and joins through that and around the cloud proxy when there is no other way",
		make: func(cfg sdk.Config) SDK {
			isGateway := func(address string) bool { return strings.HasSuffix(address, ".sd-rtn.test:443") }
			cfg.Net = &tunnelNet{Net: cfg.Net, proxy: "http-proxy.test:3128", to: isGateway}
			return cloud(func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
				if p, err := sdk.FindRoute(ctx, r); err == nil {
					return p, nil
				}
				p, err := direct(ctx, r)
				if conn, found := r.HTTP.Get("http://http-proxy.test:3128/"); found == nil {
					conn.Body.Close()
					return p, err
				}
				return sdk.Path{}, errors.New("there is no HTTP proxy either")
			})(cfg)
		},
	},
	{
		Name: "asks-in-volleys", Breaks: []string{"CP-FLOW-11"},
		Description: "asks every edge eight times at once",
		make: cloud(func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
			var volley sync.WaitGroup
			for range 7 {
				volley.Go(func() { _, _ = sdk.FindRoute(ctx, r) })
			}
			defer volley.Wait()
			return sdk.FindRoute(ctx, r)
		}),
	},
	{
		Name: "keeps-first-answer", Breaks: []string{"CP-FLOW-12"},
		Description: "asks the cloud proxy for every join and goes by its first answer",
		make: perSDK(func() sdk.Route {
			var kept atomic.Pointer[sdk.Path]
			return func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
				p, err := sdk.FindRoute(ctx, r)
				if err != nil || kept.CompareAndSwap(nil, &p) {
					return p, err
				}
				return *kept.Load(), nil
			}
		}),
	},
	{
		Name: "reuses-lookup", Breaks: []string{"CP-FLOW-12"},
		Description: "asks the cloud proxy once and uses the answer for every later join",
		make: perSDK(func() sdk.Route {
			var kept atomic.Pointer[sdk.Path]
			return func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
				if p := kept.Load(); p != nil {
					return *p, nil
				}
				p, err := sdk.FindRoute(ctx, r)
				if err == nil {
					kept.Store(&p)
				}
				return p, err
			}
		}),
	},
	{
		Name: "always-proxied", Breaks: []string{"CP-FLOW-14", "CP-API-05", "CP-API-06", "CP-API-21", "CP-SEQ-02", "CP-SEQ-05", "CP-SEQ-11", "CP-API-29", "CP-API-03"},
		Description: "uses the cloud proxy whatever is set",
		make: config(func(cfg *sdk.Config) {
			cfg.Route = func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
				r.Setting = sdk.Setting{Cloud: true}
				return sdk.FindRoute(ctx, r)
			}
		}),
	},
	{
		Name: "never-proxied", Breaks: []string{"CP-FLOW-01", "CP-API-01", "CP-API-02", "CP-SEQ-01"},
		Description: "accepts startProxyServer and joins directly",
		make:        cloud(direct),
	},
	{
		Name: "proxied-by-name", Breaks: []string{"CP-SEQ-01"},
		Description: "uses the cloud proxy only for joins that name a user ID",
		make: cloud(func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
			if r.Lookup.UID == "" {
				return direct(ctx, r)
			}
			return sdk.FindRoute(ctx, r)
		}),
	},
	{
		Name: "proxied-once", Breaks: []string{"CP-SEQ-03", "CP-SEQ-08"},
		Description: "uses the cloud proxy for the first join only",
		make: perSDK(func() sdk.Route {
			var used atomic.Bool
			return func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
				if used.Swap(true) {
					return direct(ctx, r)
				}
				return sdk.FindRoute(ctx, r)
			}
		}),
	},
	{
		Name: "falls-back-when-lost", Breaks: []string{"CP-RES-06", "CP-RES-09"},
		Description: "reconnects directly when a relay dies",
		make: cloud(func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
			if r.Reconnect {
				return direct(ctx, r)
			}
			return sdk.FindRoute(ctx, r)
		}),
	},
	{
		Name: "gives-up-when-lost", Breaks: []string{"CP-RES-09"},
		Description: "doesn't reconnect when its message connection is lost",
		make: cloud(func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
			if r.Reconnect {
				return sdk.Path{}, contract.SDKError(sdk.CodeAborted, "the connection is lost")
			}
			return sdk.FindRoute(ctx, r)
		}),
	},
	{
		Name: "falls-back-when-unreachable", Breaks: []string{"CP-RES-12"},
		Description: "tries the direct way for messages where no relay can be reached",
		make:        path(func(p *sdk.Path, r sdk.Request) { p.Messages = slices.Concat(p.Messages, r.Endpoints.Gateways) }),
	},
	{
		Name: "first-relay-only", Breaks: []string{"CP-RES-15"},
		Description: "uses the first relay of the answer and no other",
		make: path(func(p *sdk.Path, _ sdk.Request) {
			host := func(wss string) string { u, _ := url.Parse(wss); return u.Hostname() }
			first := host(p.Messages[0])
			p.Messages = slices.DeleteFunc(slices.Clone(p.Messages), func(u string) bool { return host(u) != first })
			p.ICEServers = p.ICEServers[:1]
		}),
	},
	{
		Name: "one-port-only", Breaks: []string{"CP-RES-10"},
		Description: "asks relays for media on their last UDP port and on no other",
		make: path(func(p *sdk.Path, _ sdk.Request) {
			for i := range p.ICEServers {
				p.ICEServers[i].URLs = []string{strings.Replace(p.ICEServers[i].URLs[0], ":3478?", ":3500?", 1)}
			}
		}),
	},
	{
		Name: "needs-names", Breaks: []string{"CP-RES-08"},
		Description: "asks for the address of SD-RTN before anything else, and fails without it",
		make: config(func(cfg *sdk.Config) {
			cfg.Route = func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
				u, err := url.Parse(r.Endpoints.Gateways[0])
				if err == nil {
					_, err = cfg.Net.ResolveIPAddr("ip4", u.Hostname())
				}
				if err != nil {
					return sdk.Path{}, err
				}
				return sdk.FindRoute(ctx, r)
			}
		}),
	},
	{
		Name: "udp-only", Breaks: []string{"CP-RES-01"},
		Description: "asks relays for media over UDP only",
		make:        path(func(p *sdk.Path, _ sdk.Request) { overUDP(p) }),
	},
	{
		Name: "ignores-proxy-server", Breaks: []string{"CP-API-17", "CP-API-18", "CP-CFG-07"},
		Description: "accepts setProxyServer and sends messages directly",
		make:        own(func(s *sdk.Setting) { s.Proxy = "" }),
	},
	{
		Name: "ignores-turn-server", Breaks: []string{"CP-API-17", "CP-API-18", "CP-CFG-08"},
		Description: "accepts setTurnServer and sends media directly",
		make:        own(func(s *sdk.Setting) { s.Turn = nil }),
	},
	{
		Name: "ignores-forceturn", Breaks: []string{"CP-CFG-04"},
		Description: "lets media go directly in spite of forceturn",
		make:        own(func(s *sdk.Setting) { force(s, false) }),
	},
	{
		Name: "always-forceturn", Breaks: []string{"CP-CFG-04", "CP-CFG-05"},
		Description: "sends media through the TURN server only, without having been told to",
		make:        own(func(s *sdk.Setting) { force(s, true) }),
	},
}

// cloud makes a mutant that takes another way while the cloud proxy is set.
func cloud(other sdk.Route) func(sdk.Config) SDK {
	return perSDK(func() sdk.Route { return other })
}

// perSDK is cloud for a way that remembers: each SDK has one of its own.
func perSDK(other func() sdk.Route) func(sdk.Config) SDK {
	return config(func(cfg *sdk.Config) {
		way := other()
		cfg.Route = func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
			if !r.Setting.Cloud {
				return sdk.FindRoute(ctx, r)
			}
			return way(ctx, r)
		}
	})
}

// path makes a mutant that changes what the cloud proxy answered.
func path(change func(*sdk.Path, sdk.Request)) func(sdk.Config) SDK {
	return cloud(func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
		p, err := sdk.FindRoute(ctx, r)
		if err == nil {
			change(&p, r)
		}
		return p, err
	})
}

// overUDP takes TURN over TCP out of a path.
func overUDP(p *sdk.Path) {
	for i := range p.ICEServers {
		p.ICEServers[i].URLs = slices.DeleteFunc(slices.Clone(p.ICEServers[i].URLs), func(u string) bool {
			return strings.HasSuffix(u, "transport=tcp")
		})
	}
}

// own makes a mutant that misunderstands what is set of one's own servers.
func own(change func(*sdk.Setting)) func(sdk.Config) SDK {
	return config(func(cfg *sdk.Config) {
		cfg.Route = func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
			if !r.Setting.Cloud {
				change(&r.Setting)
			}
			return sdk.FindRoute(ctx, r)
		}
	})
}

func force(s *sdk.Setting, on bool) {
	s.Turn = slices.Clone(s.Turn)
	for i := range s.Turn {
		s.Turn[i].ForceTurn = on
	}
}

// afterFailure tries a host where there is no route.
func afterFailure(host func(sdk.Request) string) sdk.Route {
	return func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
		p, err := sdk.FindRoute(ctx, r)
		if err != nil {
			try(ctx, r, host(r))
		}
		return p, err
	}
}

// direct is the way without a proxy.
func direct(ctx context.Context, r sdk.Request) (sdk.Path, error) {
	r.Setting = sdk.Setting{}
	return sdk.FindRoute(ctx, r)
}

// try asks the host of a URL for something that it hasn't got.
func try(ctx context.Context, r sdk.Request, to string) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.Replace(to, "wss:", "https:", 1), nil)
	if err != nil {
		return
	}
	if response, err := r.HTTP.Do(request); err == nil {
		_ = response.Body.Close()
	}
}
