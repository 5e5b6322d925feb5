package suite_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pion/transport/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/limits"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/conformance/runner"
	"github.com/proxyspec/proxyspec/conformance/suite"
	"github.com/proxyspec/proxyspec/conformance/suite/stranger"
	"github.com/proxyspec/proxyspec/conformance/world"
	"github.com/proxyspec/proxyspec/fakes/mutant"
	"github.com/proxyspec/proxyspec/fakes/sdk"
)

// slowly is the name of an SDK that does everything right, and nothing in the time that the defaults allow.
const slowly = "slowly"

// old is the name of the reference as it may have been before it had the cloud proxy.
const old = "2.4.0"

// populate knows those SDKs too.
func populate(job runner.Job, cfg *world.Config) error {
	name := job.SDK
	own := sound[name]
	if twist, is := strings.CutPrefix(name, strangerPrefix); is {
		own = func(n transport.Net, _ uint64) contract.Handler { return stranger.New(n, twist) }
	}
	if name != slowly && name != old && own == nil {
		return suite.Populate(job, cfg)
	}
	job.SDK = suite.Reference
	if err := suite.Populate(job, cfg); err != nil {
		return err
	}
	cfg.Tested = func(n transport.Net, seed uint64) (contract.Handler, error) {
		if own != nil {
			return own(n, seed), nil
		}
		if name == old {
			c := suite.Sound(n, seed)
			c.Version = old
			return sdk.New(c), nil
		}
		eager, _ := mutant.Find("asks-in-volleys") // 32 lookups where nobody answers
		return slow{eager.New(suite.Sound(n, seed))}, nil
	}
	return nil
}

// slow replies late.
type slow struct{ contract.Handler }

var late = map[string]time.Duration{
	contract.MethodJoin: 65 * time.Second, contract.MethodPublish: 65 * time.Second, contract.MethodSubscribe: 65 * time.Second,
	contract.MethodStartProxyServer: 8 * time.Second, contract.MethodStopProxyServer: 8 * time.Second,
	contract.MethodSetProxyServer: 8 * time.Second, contract.MethodSetTurnServer: 8 * time.Second,
}

func (s slow) Begin(c *contract.Call) {
	if d := late[c.Method]; d > 0 {
		call := c
		c = c.Divert(func(result any, err error) { time.AfterFunc(d, func() { call.Reply(result, err) }) })
	}
	s.Handler.Begin(c)
}

// TestLimitsAreForSDKsOfAnotherPace shows that what is too slow by the defaults passes with limits of its own.
func TestLimitsAreForSDKsOfAnotherPace(t *testing.T) {
	own, err := limits.Read([]byte("join: 2m\nmedia: 2m\nreply: 10s\nlookups: 40\n"))
	require.NoError(t, err)
	const judgesPace = "@CP-FLOW-02 or @CP-FLOW-11 or @CP-SEQ-09"
	for _, tt := range []struct {
		name   string
		limits limits.Limits
		tags   string
		want   result.Outcome
	}{
		{"by the defaults", limits.Limits{}, judgesPace, result.Fail},
		{"by its own", own, judgesPace + " or @CP-FLOW-08 or @CP-API-12 or @CP-SEQ-02", result.Pass},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cases, err := suite.Cases(tt.tags)
			require.NoError(t, err)
			run, err := runner.Run(t.Context(), runner.Config{Cases: cases, Seed: 1, SDK: slowly, Limits: tt.limits})
			require.NoError(t, err)
			require.Len(t, run.Limits, len(tt.limits.Changed()))
			for _, c := range run.Cases {
				require.Equal(t, tt.want, c.Outcome, "%s: %+v", c.ID, c.Failure)
			}
		})
	}
}

// TestAnOldSDKIsAskedForWhatItHas runs scenarios of the cloud proxy and of the set methods against SDK 2.4.0.
func TestAnOldSDKIsAskedForWhatItHas(t *testing.T) {
	cases, err := suite.Cases("@CP-FLOW-01 or @CP-FLOW-14 or @CP-API-12 or @CP-API-30 and not @exhaustive or @CP-CFG-01 or @CP-CFG-04")
	require.NoError(t, err)
	run, err := runner.Run(t.Context(), runner.Config{Cases: cases, Seed: 1, SDK: old})
	require.NoError(t, err)
	outcomes := map[string]result.Outcome{}
	for _, c := range run.Cases {
		for _, id := range c.Requirements {
			outcomes[id] = c.Outcome
			if c.Outcome == result.NotSupported {
				require.Contains(t, c.Failure.Message, "declares version 2.4.0", c.ID)
			}
		}
	}
	require.Equal(t, map[string]result.Outcome{
		"CP-FLOW-01": result.NotSupported, "CP-FLOW-14": result.Pass, "CP-API-12": result.NotSupported, "CP-API-30": result.NotSupported,
		"CP-CFG-01": result.Pass, "CP-CFG-04": result.Pass,
	}, outcomes)
}
