package suite_test

import (
	"context"
	"crypto/tls"
	"flag"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/pion/transport/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/suite"
	"github.com/proxyspec/proxyspec/fakes/sdk"
)

var soundTags = flag.String("sound-tags", "@CP-FLOW-08 or @CP-API-12 or @CP-SEQ-06 or @CP-RES-15",
	`what sound SDKs are tested with; "not @exhaustive" is the long form`)

// sound are SDKs that do what they must in ways of their own.
var sound = map[string]func(transport.Net, uint64) contract.Handler{
	"other words": func(n transport.Net, seed uint64) contract.Handler {
		return replying{sdk.New(suite.Sound(n, seed)), func(c *contract.Call, result any, err error) {
			if err != nil {
				err = contract.SDKError("E17", "das geht so nicht")
			}
			c.Reply(result, err)
		}}
	},
	"in no hurry": func(n transport.Net, seed uint64) contract.Handler {
		pauses := map[string]time.Duration{contract.MethodJoin: 5 * time.Second, contract.MethodPublish: 5 * time.Second, contract.MethodSubscribe: 5 * time.Second}
		return replying{sdk.New(suite.Sound(n, seed)), func(c *contract.Call, result any, err error) {
			if d := pauses[c.Method]; d > 0 {
				time.AfterFunc(d, func() { c.Reply(result, err) })
				return
			}
			c.Reply(result, err)
		}}
	},
	"leave that returns at once": func(n transport.Net, seed uint64) contract.Handler {
		return hasty{sdk.New(suite.Sound(n, seed))}
	},
	"TLS 1.2":                 changed(func(cfg *sdk.Config) { cfg.TLS = func(t *tls.Config) { t.MaxVersion = tls.VersionTLS12 } }),
	"60 ms of audio a packet": changed(func(cfg *sdk.Config) { cfg.Audio = 60 * time.Millisecond }),
	"another User-Agent, and a lookup that is repeated": route(func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
		r.HTTP = &http.Client{Transport: agent{r.HTTP.Transport}, CheckRedirect: r.HTTP.CheckRedirect}
		if p, err := sdk.FindRoute(ctx, r); err != nil {
			return p, err
		}
		return sdk.FindRoute(ctx, r)
	}),
	"another try a second later": route(func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
		p, err := sdk.FindRoute(ctx, r)
		if err == nil {
			return p, nil
		}
		select {
		case <-time.After(time.Second):
			return sdk.FindRoute(ctx, r)
		case <-ctx.Done():
			return p, err
		}
	}),
	"a connection to every relay": route(func(ctx context.Context, r sdk.Request) (sdk.Path, error) {
		p, err := sdk.FindRoute(ctx, r)
		if !r.Setting.Cloud {
			return p, err
		}
		for _, message := range p.Messages {
			ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
			if u, bad := url.Parse(message); bad == nil {
				if conn, failed := r.HTTP.Transport.(*http.Transport).DialContext(ctx, "tcp", u.Host); failed == nil {
					conn.Close()
				}
			}
			cancel()
		}
		return p, err
	}),
}

func changed(change func(*sdk.Config)) func(transport.Net, uint64) contract.Handler {
	return func(n transport.Net, seed uint64) contract.Handler {
		cfg := suite.Sound(n, seed)
		change(&cfg)
		return sdk.New(cfg)
	}
}

func route(way sdk.Route) func(transport.Net, uint64) contract.Handler {
	return changed(func(cfg *sdk.Config) { cfg.Route = way })
}

// replying is an SDK that replies in a way of its own.
type replying struct {
	contract.Handler
	reply func(c *contract.Call, result any, err error)
}

func (s replying) Begin(c *contract.Call) {
	s.Handler.Begin(c.Divert(func(result any, err error) { s.reply(c, result, err) }))
}

// hasty says that it has left when it has stopped sending, and takes its connections down meanwhile.
type hasty struct{ contract.Handler }

func (s hasty) Begin(c *contract.Call) {
	if c.Method != contract.MethodLeave {
		s.Handler.Begin(c)
		return
	}
	s.Handler.Begin(c.Divert(func(any, error) {}))
	c.Reply(nil, nil)
}

type agent struct{ http.RoundTripper }

func (a agent) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", "Mozilla/5.0 (a stranger)")
	r.Header.Set("X-Trace", "17")
	return a.RoundTripper.RoundTrip(r)
}

// TestSoundSDKsPass has the suite take SDKs for sound that aren't the reference.
func TestSoundSDKsPass(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs scenarios with eight SDKs")
	}
	cases, err := suite.Cases(*soundTags)
	require.NoError(t, err)
	var tasks []runner.Task
	for _, name := range slices.Sorted(maps.Keys(sound)) {
		for _, c := range cases {
			tasks = append(tasks, runner.Task{Case: c, SDK: name})
		}
	}
	require.NoError(t, runner.Each(t.Context(), runner.Config{Seed: 1}, tasks, func(i int, c *result.Case) {
		if c.Outcome != result.Pass {
			t.Errorf("%s: %s: %s: %+v", tasks[i].SDK, c.ID, c.Outcome, c.Failure)
		}
	}))
	t.Logf("%d SDKs, %d cases each", len(sound), len(cases))
}
