package adapter_test

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/adapter"
	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/sim/kernel"
)

// sound serves an SDK whose joins take for ever, and end when it leaves.
func sound(how string) {
	var join *contract.Call
	initialized := false
	_ = contract.Serve(context.Background(), contract.Duplex(io.NopCloser(os.Stdin), os.Stdout), answers(func(c *contract.Call) {
		switch c.Method {
		case contract.MethodHello:
			c.Reply(contract.HelloResult{Protocol: contract.Protocol, Name: "a sound SDK", Version: "1.0.0"}, nil)
		case contract.MethodCreateClient:
			if how == "ends no line" {
				os.Stdout.WriteString(`{"jsonrpc":"2.0","id":2,"result":{"client":"c1"}}`)
				return
			}
			c.Reply(contract.CreateClientResult{Client: "c1"}, nil)
		case contract.MethodStartProxyServer:
			if how == "has no cloud proxy" {
				c.Reply(nil, contract.NotSupported(c.Method))
				return
			}
			if how == "refuses to start" || how == "starts after init" && !initialized {
				c.Reply(nil, contract.SDKError("NO", "not today"))
				return
			}
			c.Reply(nil, nil)
		case contract.MethodInit:
			initialized = true
			c.Reply(nil, nil)
		case contract.MethodJoin:
			switch how {
			case "waits for the join":
				select {}
			case "ends in a join":
				os.Exit(7)
			case "one call at a time":
				time.Sleep(time.Second)
				fallthrough
			case "fails at once":
				c.Reply(nil, contract.SDKError("BUG", "no relay in the answer"))
			default:
				join = c
			}
		case contract.MethodLeave:
			if join != nil {
				join.Reply(nil, contract.SDKError("LEFT", "left while joining"))
			}
			c.Reply(nil, nil)
		case "noSuchMethod":
			if how == "knows everything" {
				c.Reply(nil, nil)
				return
			}
			c.Reply(nil, contract.NotSupported(c.Method))
		case contract.MethodShutdown:
			c.Reply(nil, nil)
			if how == "stays after shutdown" {
				select {}
			}
		default:
			c.Reply(nil, nil)
		}
	}))
}

// TestCheck sees who is blamed for what.
func TestCheck(t *testing.T) {
	if err := kernel.Probe(); err != nil {
		t.Skip(err)
	}
	for how, want := range map[string]adapter.Finding{
		"sound":                {},
		"refuses to start":     {Name: "smoke call", Blame: adapter.BlameSDK, Words: "startProxyServer failed on a new client: NO: not today"},
		"has no cloud proxy":   {Words: `what needs startProxyServer will be "not supported": the SDK doesn't have it`},
		"knows everything":     {Name: "unknown method", Blame: adapter.BlameAdapter, Words: "noSuchMethod succeeded"},
		"garbage":              {Name: "handshake", Blame: adapter.BlameAdapter, Words: `not a JSON-RPC frame: invalid character 'r' looking for beginning of value (only messages may be on standard output: whatever else is printed belongs on standard error): "ready!"`},
		"invalid UTF-8":        {Name: "handshake", Blame: adapter.BlameAdapter, Words: "the line is not UTF-8"},
		"ends no line":         {Name: "smoke call", Blame: adapter.BlameAdapter, Words: "createClient got no reply within 5s; the last line on its standard output has no line feed at its end: "},
		"one call at a time":   {Name: "slow call", Blame: adapter.BlameAdapter, Words: "when join had ended: calls mustn't wait for earlier ones"},
		"waits for the join":   {Name: "slow call", Blame: adapter.BlameAdapter, Words: "stopProxyServer got no reply within 5s while a join was under way: calls mustn't wait for earlier ones"},
		"starts after init":    {Name: "smoke call", Blame: adapter.BlameSDK, Words: "startProxyServer failed on a new client: NO: not today"},
		"stays after shutdown": {Name: "end", Blame: adapter.BlameAdapter, Words: "after shutdown it went on running for 5s and was killed"},
		"ends in a join":       {Name: "slow call", Blame: adapter.BlameAdapter, Words: "join: adapter: it ended: exit status 7"},
		"fails at once":        {Words: "BUG: no relay in the answer"},
		"exit in a call":       {Name: "handshake", Blame: adapter.BlameAdapter, Words: "it ended: exit status 3"},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			self, err := os.Executable()
			require.NoError(t, err)
			var wrong []adapter.Finding
			var all []string
			ok, err := adapter.Check(t.Context(), []string{"env", conduct + "=" + how, self}, func(f adapter.Finding) {
				all = append(all, f.Name+": "+f.Words)
				if f.Blame != "" {
					wrong = append(wrong, f)
				}
			})
			require.NoError(t, err)
			require.Equal(t, want.Blame == "", ok, "%q", all)
			if want.Blame == "" {
				require.Len(t, all, 6, "%q", all)
				require.Contains(t, strings.Join(all, "\n"), want.Words)
				return
			}
			require.Equal(t, want.Name, wrong[0].Name, "%q", all)
			require.Equal(t, want.Blame, wrong[0].Blame, "%q", all)
			require.Contains(t, wrong[0].Words, want.Words)
			require.NotContains(t, all[len(all)-1], "additional properties", "of what is no message the schema says nothing")
		})
	}
}
