package mutant

import (
	"context"

	"github.com/proxyspec/proxyspec/fakes/sdk"
)

// route makes a mutant that takes another way while the cloud proxy is set. It is given the sound way.
func route(other func(context.Context, sdk.Request) (sdk.Path, error)) func(sdk.Config) SDK {
	return config(func(cfg *sdk.Config) {
		cfg.Route = func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
			if !r.Setting.Cloud {
				return sdk.FindRoute(ctx, r)
			}
			return other(ctx, r)
		}
	})
}

// path makes a mutant that changes what the lookup answered.
func path(change func(*sdk.Path, sdk.Request)) func(sdk.Config) SDK {
	return route(func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
		p, err := sdk.FindRoute(ctx, r)
		if err == nil {
			change(&p, r)
		}
		return p, err
	})
}

// directMedia sends media around the proxy.
func directMedia(p *sdk.Path, _ sdk.Request) { p.ICEServers, p.RelayOnly = nil, false }

// direct is the way without a proxy.
func direct(ctx context.Context, r sdk.Request) (sdk.Path, error) {
	r.Setting = sdk.Setting{}
	return sdk.FindRoute(ctx, r)
}
