package relay_test

import (
	"bytes"
	"encoding/json"
	"net"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/pion/turn/v4"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
)

func TestSmoke(t *testing.T) {
	w := newWorld(t, nil)
	c := w.client(t)
	body, _ := json.Marshal(relay.LookupRequest{AppID: "app", SDKVersion: "2.5.1", Channel: "town-hall", UID: "7"})
	resp, err := c.Post(w.lookup, "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	var a relay.LookupAnswer
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&a))
	resp.Body.Close()
	t.Logf("%+v", a)

	ws, _, err := websocket.Dial(t.Context(), a.MessageURLs[0], &websocket.DialOptions{HTTPClient: c})
	require.NoError(t, err)
	require.NoError(t, ws.Write(t.Context(), websocket.MessageText, []byte("hello")))
	_, m, err := ws.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, "hello", string(m))
	require.NoError(t, ws.Close(1000, "bye"))

	peer, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer peer.Close()
	s := a.ICEServers[0]
	host := strings.TrimSuffix(strings.TrimPrefix(s.URLs[0], "turn:"), "?transport=udp")
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer conn.Close()
	tc, err := turn.NewClient(&turn.ClientConfig{STUNServerAddr: host, TURNServerAddr: host, Conn: conn, Username: s.Username, Password: s.Credential})
	require.NoError(t, err)
	defer tc.Close()
	require.NoError(t, tc.Listen())
	rc, err := tc.Allocate()
	require.NoError(t, err)
	_, err = rc.WriteTo([]byte("media"), peer.LocalAddr())
	require.NoError(t, err)
	buf := make([]byte, 100)
	n, from, err := peer.ReadFrom(buf)
	require.NoError(t, err)
	_, err = peer.WriteTo(buf[:n], from)
	require.NoError(t, err)
	n, _, err = rc.ReadFrom(buf)
	require.NoError(t, err)
	require.Equal(t, "media", string(buf[:n]))
	require.NoError(t, rc.Close())
	w.stop()
	for _, e := range w.events {
		t.Logf("%+v", e)
	}
}
