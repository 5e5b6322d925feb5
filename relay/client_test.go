package relay_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/turn/v4"
	"github.com/stretchr/testify/require"
)

// answer and refused are the wire contract's answers, written down once more from the package
// documentation and not from the package's types.
type answer struct {
	Session string
	Expires time.Time
	Relays  []struct {
		Address                          string
		MessagePorts, UDPPorts, TCPPorts []int
	}
	MessageURLs []string `json:"messageUrls"`
	ICEServers  []struct {
		URLs                 []string
		Username, Credential string
	}
}

type refused struct {
	status int
	header http.Header
	Error  struct{ Code, Message string }
}

func (r *refused) String() string {
	return fmt.Sprint(r.status, " ", r.Error.Code, ": ", r.Error.Message)
}

// ask sends an HTTP request and returns the answer with its body.
func (w *world) ask(t testing.TB, method, target, contentType, body string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	require.NoError(t, err)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := w.https.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, b
}

// look looks up, and returns either the answer or the refusal.
func (w *world) look(t testing.TB, body string) (*answer, *refused) {
	t.Helper()
	resp, b := w.ask(t, "POST", w.lookup, "application/json", body)
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(t, resp, b)
	}
	a := &answer{}
	decode(t, b, a)
	return a, nil
}

// mustLook is the answer for a user of an App ID in the channel "town-hall".
func (w *world) mustLook(t testing.TB, appID, uid string) *answer {
	t.Helper()
	a, r := w.look(t, fmt.Sprintf(`{"appId":%q,"sdkVersion":"2.5.1","channel":"town-hall","uid":%q}`, appID, uid))
	require.Nil(t, r)
	return a
}

func refusal(t testing.TB, resp *http.Response, body []byte) *refused {
	t.Helper()
	require.Equal(t, "application/json", resp.Header.Get("Content-Type"))
	r := &refused{status: resp.StatusCode, header: resp.Header}
	decode(t, body, r)
	require.NotEmpty(t, r.Error.Message)
	return r
}

func decode(t testing.TB, b []byte, v any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(v), "%s", b)
}

// open opens a message connection, or returns why it was refused.
func (w *world) open(t *testing.T, target string) (*websocket.Conn, *refused) {
	t.Helper()
	ws, resp, err := websocket.Dial(t.Context(), target, &websocket.DialOptions{HTTPClient: w.https})
	if err != nil {
		require.NotNil(t, resp, "%v", err)
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return nil, refusal(t, resp, b)
	}
	ws.SetReadLimit(-1)
	t.Cleanup(func() { ws.CloseNow() })
	return ws, nil
}

func (w *world) mustOpen(t *testing.T, target string) *websocket.Conn {
	t.Helper()
	ws, r := w.open(t, target)
	require.Nil(t, r)
	return ws
}

func send(t *testing.T, ws *websocket.Conn, text string) {
	t.Helper()
	require.NoError(t, ws.Write(context.Background(), websocket.MessageText, []byte(text)))
}

func receive(t *testing.T, ws *websocket.Conn) string {
	t.Helper()
	_, message, err := ws.Read(context.Background())
	require.NoError(t, err)
	return string(message)
}

// turnClient is a TURN client and its connection, which closing the client leaves open.
type turnClient struct {
	*turn.Client
	conn net.PacketConn
}

// turn is a TURN client at a URL of iceServers.
func (w *world) turn(t *testing.T, target, username, credential string) turnClient {
	t.Helper()
	server, transport, _ := strings.Cut(strings.TrimPrefix(target, "turn:"), "?transport=")
	var conn net.PacketConn
	if transport == "udp" {
		udp, err := w.host.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
		require.NoError(t, err)
		conn = udp
	} else {
		tcp, err := w.host.CreateDialer(&net.Dialer{}).Dial("tcp", server)
		require.NoError(t, err)
		conn = turn.NewSTUNConn(tcp)
	}
	t.Cleanup(func() { conn.Close() })
	c, err := turn.NewClient(&turn.ClientConfig{
		Net: w.host, TURNServerAddr: server, Conn: conn, Username: username, Password: credential,
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	require.NoError(t, c.Listen())
	return turnClient{c, conn}
}

// tls is a TLS connection to the server of a URL.
func (w *world) tls(t *testing.T, target string) *tls.Conn {
	t.Helper()
	u, err := url.Parse(target)
	require.NoError(t, err)
	conn, err := w.host.CreateDialer(&net.Dialer{}).Dial("tcp", u.Host)
	require.NoError(t, err)
	secure := tls.Client(conn, &tls.Config{RootCAs: w.trust, ServerName: u.Hostname()})
	require.NoError(t, secure.Handshake())
	t.Cleanup(func() { secure.Close() })
	return secure
}
