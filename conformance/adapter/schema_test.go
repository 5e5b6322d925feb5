package adapter_test

import (
	"context"
	"encoding/json"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/adapter"
	"github.com/proxyspec/proxyspec/conformance/contract"
)

// watched is one end of a session that holds what passes against the schema.
type watched struct {
	net.Conn
	mu     sync.Mutex
	schema *adapter.Schema
	errs   []error
}

func (w *watched) Write(b []byte) (int, error) { // the harness writes whole lines
	w.mu.Lock()
	if err := w.schema.ToAdapter(b); err != nil {
		w.errs = append(w.errs, err)
	}
	w.mu.Unlock()
	return w.Conn.Write(b)
}

type answers func(*contract.Call)

func (a answers) Begin(c *contract.Call) { a(c) }

// TestTheHarnessKeepsToTheSchema makes every call with every parameter.
func TestTheHarnessKeepsToTheSchema(t *testing.T) {
	ours, theirs := net.Pipe()
	w := &watched{Conn: ours, schema: &adapter.Schema{}}
	c := contract.NewClient(contract.ClientConfig{RW: w})
	results := map[string]any{
		contract.MethodCreateClient: contract.CreateClientResult{Client: "c"},
		contract.MethodStats:        contract.Stats{},
	}
	go func() {
		_ = contract.Serve(context.Background(), theirs, answers(func(c *contract.Call) { c.Reply(results[c.Method], nil) }))
	}()
	ended := make(chan error, 1)
	go func() { ended <- c.Run(t.Context()) }()
	raw := json.RawMessage(`{"turnServerURL":"turn.example.test","udpport":"3478"}`)
	for method, params := range map[string]any{
		contract.MethodHello: contract.Hello{Protocol: 1, Network: "kernel", CA: "x", Endpoints: contract.Endpoints{
			Lookup: []string{"https://192.0.2.17/v1/lookup"}, Gateways: []string{"wss://gateway-1.sd-rtn.test/v1/channel"}}},
		contract.MethodCreateClient:     contract.CreateClient{Mode: "live", Codec: "vp8", ProxyServer: "proxy.example.test", TurnServer: raw},
		contract.MethodInit:             contract.Init{Client: "c", AppID: "a"},
		contract.MethodStartProxyServer: contract.ClientCall{Client: "c"},
		contract.MethodStopProxyServer:  contract.ClientCall{Client: "c"},
		contract.MethodSetProxyServer:   contract.SetProxyServer{Client: "c", ProxyServer: "p"},
		contract.MethodSetTurnServer:    contract.SetTurnServer{Client: "c", TurnServer: raw},
		contract.MethodJoin:             contract.Join{Client: "c", ChannelKey: "k", Channel: "ch", UID: "7"},
		contract.MethodLeave:            contract.ClientCall{Client: "c"},
		contract.MethodPublish:          contract.Publish{Client: "c", Audio: true},
		contract.MethodSubscribe:        contract.Subscribe{Client: "c", UID: "bob", Video: true},
		contract.MethodSend:             contract.Send{Client: "c", Text: "t"},
		contract.MethodStats:            contract.ClientCall{Client: "c"},
		contract.MethodReset:            struct{}{},
	} {
		require.NoError(t, c.Call(t.Context(), method, params, nil))
	}
	require.NoError(t, c.Call(t.Context(), contract.MethodShutdown, struct{}{}, nil))
	require.NoError(t, <-ended)
	require.Empty(t, w.errs)
}

// TestSchemaNamesWhatIsWrong holds lines of adapters against it.
func TestSchemaNamesWhatIsWrong(t *testing.T) {
	s := &adapter.Schema{}
	hello, err := json.Marshal(contract.Frame{JSONRPC: "2.0", ID: new(int64), Method: "hello", Params: json.RawMessage(`{}`)})
	require.NoError(t, err)
	require.ErrorContains(t, s.ToAdapter(hello), "parameters of hello")
	require.NoError(t, s.ToAdapter([]byte(`{"jsonrpc":"2.0","id":1,"method":"stats","params":{"client":"c"}}`)))
	for line, want := range map[string]string{
		`{"jsonrpc":"2.0","id":1,"result":{"messagesSent":-1,"messagesReceived":0,"sent":{}}}`: "result of stats",
		`{"jsonrpc":"2.0","id":2,"result":{}}`:                                                 "never made",
		`{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}`:                             "/error/code",
		`{"jsonrpc":"2.0","id":1,"result":{},"extra":1}`:                                       "extra",
		`{"jsonrpc":"2.0","method":"event","params":{"client":"c","type":"party"}}`:            "at /type: value must be one of",
		`{"jsonrpc":"2.0","method":"event","params":{"type":"warning"}}`:                       "parameters of the notification event: at /: missing property 'client'",
		`{"jsonrpc":"2.0","method":"log","params":"x"}`:                                        "parameters of the notification log: at /: got string, want object",
		`[{"jsonrpc":"2.0","id":1,"result":{}}]`:                                               "at /: got array, want object",
	} {
		require.ErrorContains(t, s.FromAdapter([]byte(line)), want, line)
	}
	none := `{"packets":0,"bytes":0,"frames":0}`
	require.NoError(t, s.FromAdapter([]byte(`{"jsonrpc":"2.0","id":1,"result":{"messagesSent":0,"messagesReceived":0,"sent":{"audio":`+none+`,"video":`+none+`}}}`)))
	require.NoError(t, s.FromAdapter([]byte(`{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}`)))
	require.NoError(t, s.FromAdapter([]byte(`{"jsonrpc":"2.0","method":"log","params":{"level":"info","message":"x"}}`)))
}
