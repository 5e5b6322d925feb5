package crowd_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/load"
	"github.com/proxyspec/proxyspec/conformance/load/crowd"
)

func run(t *testing.T, p load.Plan) *load.Report {
	t.Helper()
	r, err := crowd.Run(t.Context(), p, func(string) {})
	require.NoError(t, err)
	return r
}

// One enterprise with ten users: everybody joins, media and messages come whole, nothing is left.
func TestOneEnterprise(t *testing.T) {
	r := run(t, load.Plan{Users: 10, Enterprises: 1, Seed: 1, Ramp: time.Second, Hold: 30 * time.Second})
	text, err := json.MarshalIndent(r, "", " ")
	require.NoError(t, err)
	t.Logf("%s", text)
	require.Empty(t, r.Failed)
	require.Empty(t, r.Wrong)
	require.Equal(t, 10, r.Joined)
	require.Zero(t, r.Lost)
	require.Equal(t, r.Media.Sent, r.Media.Returned)
	require.Equal(t, 2*r.Media.Sent, r.Media.In)
	require.Equal(t, r.Media.In, r.Media.Out)
	require.GreaterOrEqual(t, r.Messages.Sent, uint64(20))
	require.Equal(t, r.Messages.Sent, r.Messages.Received)
	require.Equal(t, r.Messages.Sent, r.Messages.Delivered)
}

// Two pairs among twelve users have the reference SDK whole: they hear each other, and the others notice nothing.
func TestWholeUsers(t *testing.T) {
	r := run(t, load.Plan{Users: 12, Enterprises: 2, WebRTC: 4, Seed: 1, Ramp: time.Second, Hold: 30 * time.Second, Media: 50})
	require.Empty(t, load.Goal{}.WithDefaults().Missed(r))
	require.Equal(t, 12, r.Joined)
	require.Zero(t, r.Lost)
	require.Equal(t, r.Media.Sent, r.Media.Returned)
	require.InDelta(t, 4*30*50, r.WebRTC.Sent, 4*2*50, "50 packets a second, by each, while all are in")
	require.InDelta(t, r.WebRTC.Sent, r.WebRTC.Returned, 8, "but for what is on its way")
	require.GreaterOrEqual(t, r.Messages.Sent, uint64(12*2))
	require.Equal(t, r.Messages.Sent, r.Messages.Received)
}
