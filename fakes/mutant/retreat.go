package mutant

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdk"
	"github.com/proxyspec/proxyspec/relay"
)

// retreats go another way where the cloud proxy says no in a certain way, or when a call has to come back.
var retreats = []Mutant{
	{
		Name: "falls-back-when-full", Breaks: []string{"CP-FLOW-09"},
		Description: "joins directly when as many users are in as the account is for",
		make: retreat(func(_ sdk.Request, err error) bool {
			var refusal *contract.Error
			return errors.As(err, &refusal) && refusal.Data != nil && refusal.Data.Code == relay.CodeScale
		}),
	},
	{
		Name: "falls-back-when-busy", Breaks: []string{"CP-FLOW-10"},
		Description: "joins directly when lookup edges answer with status 429 or 503",
		make: retreat(func(_ sdk.Request, err error) bool {
			return strings.Contains(err.Error(), "status 429") || strings.Contains(err.Error(), "status 503")
		}),
	},
	{
		Name: "falls-back-when-not-found", Breaks: []string{"CP-FLOW-10"},
		Description: "takes status 404 of a lookup edge for an account without the cloud proxy, and joins directly",
		make:        retreat(func(_ sdk.Request, err error) bool { return strings.Contains(err.Error(), "status 404") }),
	},
	{
		Name: "falls-back-when-all-is-lost", Breaks: []string{"CP-RES-06"},
		Description: "reconnects directly when no lookup edge can be reached either",
		make:        retreat(func(r sdk.Request, _ error) bool { return r.Reconnect }),
	},
	{
		Name: "fills-the-gap-for-media", Breaks: []string{"CP-FLOW-10"},
		Description: "sends media directly when the lookup's answer has a way for messages only",
		make: cloud(func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
			p, err := sdk.FindRoute(ctx, r)
			if err != nil {
				if a, _ := answer(ctx, r, r.Endpoints.Lookup[0]); len(a.MessageURLs) > 0 && len(a.ICEServers) == 0 {
					return sdk.Path{Messages: a.MessageURLs}, nil
				}
			}
			return p, err
		}),
	},
	{
		Name: "refused-start-counts-when-lost", Breaks: []string{"CP-API-03"},
		Description: "reports an error for startProxyServer in a channel, and reconnects through the cloud proxy",
		make:        countsWhenLost(start, sdk.Setting{Cloud: true}),
	},
	{
		Name: "refused-stop-counts-when-lost", Breaks: []string{"CP-API-07"},
		Description: "reports an error for stopProxyServer in a channel, and reconnects directly",
		make:        countsWhenLost(stop, sdk.Setting{}),
	},
	{
		Name: "latest-setting-counts-when-lost", Breaks: []string{"CP-API-29"},
		Description: "reconnects the way that was set last, on whichever client",
		make: config(func(cfg *sdk.Config) {
			var on atomic.Bool
			cfg.Decide = func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
				next, err := sdk.Decide(in, s, c)
				if err == nil {
					on.Store(next.Cloud)
				}
				return next, err
			}
			cfg.Route = func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
				if r.Reconnect {
					r.Setting.Cloud = on.Load()
				}
				return sdk.FindRoute(ctx, r)
			}
		}),
	},
	{
		Name: "leaves-the-proxy-server-when-lost", Breaks: []string{"CP-CFG-07"},
		Description: "reconnects directly when a connection through the proxy server is lost",
		make: config(func(cfg *sdk.Config) {
			cfg.Route = func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
				if r.Reconnect {
					r.Setting.Proxy = ""
				}
				return sdk.FindRoute(ctx, r)
			}
		}),
	},
}

// retreat makes a mutant that goes direct where some lookups fail.
func retreat(when func(sdk.Request, error) bool) func(sdk.Config) SDK {
	return cloud(func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
		p, err := sdk.FindRoute(ctx, r)
		if err != nil && when(r, err) {
			return direct(ctx, r)
		}
		return p, err
	})
}

// countsWhenLost makes a mutant that refuses a method in a channel, and reconnects by what it would have set.
func countsWhenLost(method string, then sdk.Setting) func(sdk.Config) SDK {
	return config(func(cfg *sdk.Config) {
		var called atomic.Bool
		cfg.Decide = func(in bool, s sdk.Setting, c sdk.Change) (sdk.Setting, error) {
			if in && c.Method == method {
				called.Store(true)
			}
			return sdk.Decide(in, s, c)
		}
		cfg.Route = func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
			if r.Reconnect && called.Load() {
				r.Setting = then
			}
			return sdk.FindRoute(ctx, r)
		}
	})
}
