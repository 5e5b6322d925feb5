package world

import (
	"errors"
	"testing"

	"github.com/pion/transport/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/fakes/sdk"
)

// clientless is an SDK that makes no client, for this reason; without one it never answers.
type clientless struct {
	contract.Handler
	why error
}

func (c clientless) Begin(call *contract.Call) {
	switch {
	case call.Method != contract.MethodCreateClient:
		c.Handler.Begin(call)
	case c.why != nil:
		call.Reply(nil, c.why)
	}
}

// TestWhoMakesNoClient: the SDK under test fails if it doesn't, unless its adapter is at fault. Without another user's
// the ground isn't sound.
func TestWhoMakesNoClient(t *testing.T) {
	for _, tc := range []struct {
		why     error
		message string
		judged  bool
	}{
		{contract.SDKError("NO_CRYPTO", "no secure context"), "createClient failed: NO_CRYPTO: no secure context", true},
		{nil, "createClient did not return within 5s", true},
		{&contract.Error{Code: contract.CodeInvalidParams, Message: "no codec"}, "createClient: JSON-RPC error -32602: no codec", false},
	} {
		inBubble(t, func() {
			broken := func(n transport.Net, _ uint64) (contract.Handler, error) {
				return clientless{sdk.New(sdk.Config{Net: n}), tc.why}, nil
			}
			w, err := New(Config{Seed: 1, Tested: broken, Reference: broken})
			require.NoError(t, err)
			for _, who := range []string{Alice, "bob"} {
				_, err := w.User(who)
				var failure *result.Failure
				var stop *result.Stop
				if who == Alice && tc.judged {
					require.True(t, errors.As(err, &failure), "%v", err)
					require.NotEmpty(t, failure.Events)
				} else {
					require.True(t, errors.As(err, &stop), "%v", err)
					require.Equal(t, result.HarnessFault, stop.Outcome)
					failure = &stop.Failure
				}
				require.Equal(t, who+": "+tc.message, failure.Message)
			}
			require.NoError(t, w.Close())
		})
	}
}
