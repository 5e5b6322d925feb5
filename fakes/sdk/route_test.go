package sdk

import (
	"context"
	"testing"

	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/contract"
)

func TestRouteWithoutTheCloudProxy(t *testing.T) {
	gateways := []string{"wss://gateway-1.test/v1/channel", "wss://192.0.2.12:8443/v1/channel"}
	forced := turn
	forced.ForceTurn, forced.TCPPort = true, "3433"
	tests := []struct {
		name    string
		setting Setting
		want    Path
	}{
		{"direct", Setting{}, Path{Messages: gateways}},
		{"setProxyServer carries messages only", Setting{Proxy: "proxy.test:8080"}, Path{Messages: []string{
			"wss://proxy.test:8080/ws/?h=gateway-1.test&p=443", "wss://proxy.test:8080/ws/?h=192.0.2.12&p=8443"}}},
		{"setTurnServer carries media only", Setting{Turn: []contract.TurnServer{turn}}, Path{
			Messages:   gateways,
			ICEServers: []webrtc.ICEServer{{URLs: []string{"turn:turn.test:3478?transport=udp"}, Username: "u", Credential: "p"}}}},
		{"forceturn", Setting{Turn: []contract.TurnServer{forced}}, Path{
			Messages: gateways, RelayOnly: true,
			ICEServers: []webrtc.ICEServer{{
				URLs:     []string{"turn:turn.test:3478?transport=udp", "turn:turn.test:3433?transport=tcp"},
				Username: "u", Credential: "p"}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path, err := FindRoute(context.Background(), Request{Setting: tt.setting, Endpoints: contract.Endpoints{Gateways: gateways}})
			require.NoError(t, err)
			require.Equal(t, tt.want, path)
		})
	}
}

func TestReadAnswer(t *testing.T) {
	const good = `{"session":"s","messageUrls":["wss://192.0.2.1/v1/messages?s=1"],
		"iceServers":[{"urls":["turn:192.0.2.1:3478?transport=udp"],"username":"u","credential":"c"}]}`
	path, err := readAnswer([]byte(good))
	require.NoError(t, err)
	require.True(t, path.RelayOnly)
	require.Equal(t, []string{"wss://192.0.2.1/v1/messages?s=1"}, path.Messages)

	for name, tt := range map[string]struct{ answer, want string }{
		"not JSON":          {`<html>`, "invalid character"},
		"empty":             {``, "unexpected end"},
		"an empty object":   {`{}`, "no messageUrls"},
		"no relay":          {`{"messageUrls":["wss://a/"],"iceServers":[]}`, "no iceServers"},
		"no way in TLS":     {`{"messageUrls":["ws://a/"],"iceServers":[{"urls":["turn:a:1"]}]}`, "not wss"},
		"a STUN server":     {`{"messageUrls":["wss://a/"],"iceServers":[{"urls":["stun:a:1"]}]}`, "not a relay"},
		"of the wrong type": {`{"messageUrls":"wss://a/"}`, "cannot unmarshal"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readAnswer([]byte(tt.answer))
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		code   string // empty: no refusal
	}{
		{403, `{"error":{"code":"app-not-provisioned","message":"no account"}}`, "app-not-provisioned"},
		{502, `{"error":{"code":"upstream-failed","message":"later"}}`, ""},
		{403, `Forbidden`, ""},
		{403, `{}`, ""},
		{200, `{"error":{"code":"x"}}`, ""},
	} {
		e, ok := refused(tt.status, []byte(tt.body))
		require.Equal(t, tt.code != "", ok, tt)
		if ok {
			require.Equal(t, tt.code, e.Data.Code)
		}
	}
}
