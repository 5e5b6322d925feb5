package serve_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/relay/serve"
)

// A client of lookups and messages, written by the wire contract in the documentation of package relay and by nothing
// else: where it had to guess, the documentation was mended. It shares no type and no constant with the cloud proxy.

type way struct {
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
	} `json:"iceServers"`
}

// refused is how an edge or a message port says no.
type refused struct {
	status        int
	retry, allow  string
	code, message string
}

func (r *refused) Error() string { return fmt.Sprintf("%d %s: %s", r.status, r.code, r.message) }

type client struct {
	https *http.Client
	edges []string
	urls  []string // message URLs; the next to try is the first
}

func (c *client) do(method, url, kind, body string) (*http.Response, []byte, error) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	response, err := c.https.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response, text, err
}

func readRefusal(response *http.Response, text []byte) error {
	var body struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(text, &body); err != nil {
		return fmt.Errorf("%s: %w: %q", response.Status, err, text)
	}
	return &refused{response.StatusCode, response.Header.Get("Retry-After"), response.Header.Get("Allow"), body.Error.Code, body.Error.Message}
}

// lookup asks two edges at once and takes the first answer; an edge without an answer says nothing about the other.
func (c *client) lookup(body string) (*way, error) {
	type outcome struct {
		way *way
		err error
	}
	outcomes := make(chan outcome, len(c.edges))
	for _, edge := range c.edges {
		go func() {
			response, text, err := c.do("POST", edge, "application/json", body)
			w := new(way)
			switch {
			case err != nil:
			case response.StatusCode != http.StatusOK:
				err = readRefusal(response, text)
			default:
				strictly := json.NewDecoder(bytes.NewReader(text))
				strictly.DisallowUnknownFields()
				err = strictly.Decode(w)
			}
			outcomes <- outcome{w, err}
		}()
	}
	var last error
	for range c.edges {
		o := <-outcomes
		no := new(refused)
		if o.err == nil || errors.As(o.err, &no) && no.code != "internal-error" {
			return o.way, o.err
		}
		last = o.err
	}
	return nil, last
}

// connect opens a message connection by the first URL that works.
func (c *client) connect(ctx context.Context) (*websocket.Conn, error) {
	var err error
	for range c.urls {
		url := c.urls[0]
		c.urls = append(c.urls[1:], url)
		ws, response, failed := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: c.https})
		if failed == nil {
			ws.SetReadLimit(1 << 20)
			return ws, nil
		}
		if err = failed; response == nil {
			continue
		}
		text, _ := io.ReadAll(response.Body)
		no := new(refused)
		if err = readRefusal(response, text); errors.As(err, &no) && no.code != "upstream-failed" {
			return nil, err // it would be the same at every relay
		}
	}
	return nil, err
}

// stage is a cloud proxy for the client, and an SD-RTN that does what it is told: "close 4321 bye" closes so, "die"
// breaks the connection, and everything else comes back.
type stage struct {
	client
	stop    func()
	goodbye chan websocket.CloseError // of connections of SD-RTN's that were closed with a frame
}

func newStage(t *testing.T) *stage {
	ctx, cancel := context.WithCancel(context.Background())
	cfg, err := serve.Demo(ctx, t.TempDir())
	require.NoError(t, err)
	s := &stage{goodbye: make(chan websocket.CloseError, 10)}
	cert, err := tls.LoadX509KeyPair(cfg.Cert, cfg.Key)
	require.NoError(t, err)
	gateway := httptest.NewUnstartedServer(http.HandlerFunc(s.gateway))
	gateway.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	gateway.StartTLS()
	cfg.Gateways = []relay.GatewaySite{{Name: "gateway", URL: strings.Replace(gateway.URL, "https:", "wss:", 1)}}
	require.NoError(t, os.WriteFile(cfg.Accounts, []byte(`accounts:
  - {app-id: app, regions: [EU, NA], scale: 100, operators: [any], set: test}
  - {app-id: small, regions: [EU], scale: 1, operators: [any], set: test}
`), 0o600))
	loopback := netip.MustParseAddr("127.0.0.1")
	cfg.Edges = append(cfg.Edges, serve.EdgeSite{Name: "edge-2", Addr: netip.AddrPortFrom(loopback, 0)})
	second := cfg.Relays[0]
	second.Name = "relay-2"
	cfg.Relays = append(cfg.Relays, second)
	server, err := serve.New(cfg)
	require.NoError(t, err)
	var text strings.Builder
	server.Describe(&text)
	s.edges = regexp.MustCompile(`https://\S+`).FindAllString(text.String(), -1)
	authority, err := os.ReadFile(cfg.Cert)
	require.NoError(t, err)
	trust := x509.NewCertPool()
	trust.AppendCertsFromPEM(authority)
	s.https = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust}}}
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	s.stop = cancel
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
		s.https.CloseIdleConnections()
		gateway.Close()
	})
	return s
}

func (s *stage) gateway(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer ws.CloseNow()
	ws.SetReadLimit(-1)
	for {
		kind, message, err := ws.Read(context.Background())
		if bye := new(websocket.CloseError); errors.As(err, bye) {
			s.goodbye <- *bye
		}
		var code websocket.StatusCode
		var reason string
		switch n, _ := fmt.Sscanf(string(message[:min(len(message), 100)]), "close %d %s", &code, &reason); {
		case err != nil, string(message) == "die":
			return
		case n == 2:
			ws.Close(code, reason)
			return
		}
		if ws.Write(context.Background(), kind, message) != nil {
			return
		}
	}
}

func (s *stage) join(t *testing.T, app, uid string) *way {
	w, err := s.lookup(fmt.Sprintf(`{"appId":%q,"sdkVersion":"2.5.1","channel":"town-hall","uid":%q}`, app, uid))
	require.NoError(t, err)
	s.urls = slices.Clone(w.MessageURLs)
	return w
}

func TestContractOfALookup(t *testing.T) {
	s := newStage(t)
	w := s.join(t, "app", "7")
	require.Len(t, w.Relays, 2)
	require.WithinDuration(t, time.Now().Add(24*time.Hour), w.Expires, time.Minute)
	var urls []string
	for n := range w.Relays[0].MessagePorts {
		for _, r := range w.Relays {
			urls = append(urls, fmt.Sprintf("wss://%s:%d/v1/messages", r.Address, r.MessagePorts[n]))
		}
	}
	for i, url := range w.MessageURLs {
		where, token, _ := strings.Cut(url, "?session=")
		require.Equal(t, urls[i], where)
		require.NotEmpty(t, token)
	}
	for i, r := range w.Relays {
		require.Equal(t, []string{
			fmt.Sprintf("turn:%s:%d?transport=udp", r.Address, r.UDPPorts[0]), fmt.Sprintf("turn:%s:%d?transport=tcp", r.Address, r.TCPPorts[0]),
		}, w.ICEServers[i].URLs)
	}
	for _, uid := range []string{"", "8", "someone with a long name"} {
		other := s.join(t, "app", uid)
		require.NotEqual(t, w.Session, other.Session)
		require.Len(t, other.Session, len(w.Session))
		require.Len(t, other.ICEServers[0].Username, len(w.ICEServers[0].Username))
		require.Len(t, other.ICEServers[0].Credential, len(w.ICEServers[0].Credential))
		require.Equal(t, w.Relays, other.Relays, "the order depends on App ID and channel only")
	}
	for _, version := range []string{"2.5.1", "v2.5.1", "2.5.1.0", "2.5.2-rc.1", "10.0.0+build.7"} {
		_, err := s.lookup(fmt.Sprintf(`{"appId":"app","sdkVersion":%q,"channel":"c","region":"NA"}`, version))
		require.NoError(t, err, version)
	}
	response, _, err := s.do("POST", s.edges[0], "application/json; charset=utf-8", `{"appId":"app","sdkVersion":"2.5.1","channel":"c"}`)
	require.NoError(t, err)
	require.Equal(t, "no-store", response.Header.Get("Cache-Control"))
	require.Equal(t, "*", response.Header.Get("Access-Control-Allow-Origin"))
	s.edges[0] = "https://127.0.0.1:1/v1/lookup" // nobody is there
	s.join(t, "app", "7")
}

func TestContractOfRefusals(t *testing.T) {
	s := newStage(t)
	good := `{"appId":"app","sdkVersion":"2.5.1","channel":"c"}`
	for _, tc := range []struct {
		method, path, kind, body string
		want                     refused
	}{
		{"POST", "", "application/json", `{"appId":"app","sdkVersion":"2.5.1",` + "\n" + `"chanel":"c"}`, refused{status: 400, code: "malformed-request", message: "line 2, column 1"}},
		{"POST", "", "application/json", `{"appId":"app","appId":"app","sdkVersion":"2.5.1","channel":"c"}`, refused{status: 400, code: "malformed-request", message: "line 1, column 16"}},
		{"POST", "", "application/json", `{"appId":"app","sdkVersion":"2.5.1"}`, refused{status: 400, code: "malformed-request", message: "channel"}},
		{"POST", "", "application/json", strings.Replace(good, `"c"`, `"`+strings.Repeat("c", 256)+`"`, 1), refused{status: 400, code: "malformed-request", message: "255"}},
		{"POST", "", "application/json", strings.Replace(good, "2.5.1", "two", 1), refused{status: 400, code: "version-malformed"}},
		{"POST", "", "application/json", strings.Replace(good, "2.5.1", "2.5.0", 1), refused{status: 403, code: "version-unsupported"}},
		{"POST", "", "application/json", strings.Replace(good, "2.5.1", "2.5.1-rc.1", 1), refused{status: 403, code: "version-unsupported"}},
		{"POST", "", "application/json", strings.Replace(good, `"app"`, `"nobody"`, 1), refused{status: 403, code: "app-not-provisioned"}},
		{"POST", "", "application/json", strings.Replace(good, `"c"`, `"c","region":"AP"`, 1), refused{status: 403, code: "region-not-provisioned"}},
		{"POST", "x", "application/json", good, refused{status: 404, code: "not-found"}},
		{"GET", "", "", "", refused{status: 405, code: "method-not-allowed", allow: "OPTIONS, POST"}},
		{"POST", "", "application/json", good + strings.Repeat(" ", 64<<10), refused{status: 413, code: "request-too-large"}},
		{"POST", "", "text/plain", good, refused{status: 415, code: "unsupported-media-type"}},
	} {
		response, text, err := s.do(tc.method, s.edges[0]+tc.path, tc.kind, tc.body)
		require.NoError(t, err)
		require.Equal(t, "application/json", response.Header.Get("Content-Type"))
		no := new(refused)
		require.ErrorAs(t, readRefusal(response, text), &no)
		require.Contains(t, no.message, tc.want.message)
		tc.want.message = no.message
		require.Equal(t, tc.want, *no, "%s: %s", tc.body, no.message)
	}

	for name, want := range map[string]refused{"https": {status: 426, code: "upgrade-required"}, "no session": {status: 401, code: "session-invalid"}} {
		url := strings.Replace(s.join(t, "app", "7").MessageURLs[0], "wss:", "https:", 1)
		if name == "no session" {
			url += "x"
		}
		response, text, err := s.do("GET", url, "", "")
		require.NoError(t, err)
		no := new(refused)
		require.ErrorAs(t, readRefusal(response, text), &no)
		require.Equal(t, want.code, no.code, name)
		require.Equal(t, want.status, no.status, name)
	}

	// One user at a time; looking up reserves nothing.
	first, second := s.join(t, "small", "1"), s.join(t, "small", "2")
	s.urls = first.MessageURLs
	ws, err := s.connect(t.Context())
	require.NoError(t, err)
	s.urls = second.MessageURLs
	no := new(refused)
	_, err = s.connect(t.Context())
	require.ErrorAs(t, err, &no)
	require.Equal(t, "429 scale-exceeded 30", fmt.Sprint(no.status, " ", no.code, " ", no.retry))
	_, err = s.lookup(`{"appId":"small","sdkVersion":"2.5.1","channel":"town-hall","uid":"3"}`)
	require.ErrorAs(t, err, &no)
	require.Equal(t, "429 scale-exceeded", fmt.Sprint(no.status, " ", no.code))
	require.NoError(t, ws.Close(websocket.StatusNormalClosure, ""))
	require.Eventually(t, func() bool { // "at once" is when the close frame has come back from SD-RTN
		ws, err := s.connect(t.Context())
		if err == nil {
			ws.CloseNow()
		}
		return err == nil
	}, 10*time.Second, 5*time.Millisecond)

	s.join(t, "app", "16 connections")
	for range 16 {
		ws, err := s.connect(t.Context())
		require.NoError(t, err)
		defer ws.CloseNow()
	}
	_, err = s.connect(t.Context())
	require.ErrorAs(t, err, &no)
	require.Equal(t, "429 too-many-connections 30", fmt.Sprint(no.status, " ", no.code, " ", no.retry))
}

func TestContractOfMessages(t *testing.T) {
	s := newStage(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s.join(t, "app", "7")
	connect := func() *websocket.Conn {
		ws, err := s.connect(ctx)
		require.NoError(t, err)
		t.Cleanup(func() { ws.CloseNow() })
		return ws
	}
	ends := func(ws *websocket.Conn, code websocket.StatusCode, reason string) {
		t.Helper()
		_, _, err := ws.Read(ctx)
		bye := new(websocket.CloseError)
		require.ErrorAs(t, err, bye)
		require.Equal(t, websocket.CloseError{Code: code, Reason: reason}, *bye)
	}
	say := func(ws *websocket.Conn, text string) {
		require.NoError(t, ws.Write(ctx, websocket.MessageText, []byte(text)))
	}

	ws := connect()
	for kind, message := range map[websocket.MessageType]string{websocket.MessageText: "hello", websocket.MessageBinary: strings.Repeat("\xff", 1<<20)} {
		require.NoError(t, ws.Write(ctx, kind, []byte(message)))
		gotKind, got, err := ws.Read(ctx)
		require.NoError(t, err)
		require.Equal(t, kind, gotKind)
		require.True(t, message == string(got))
	}
	require.Empty(t, ws.Subprotocol())
	for i := range 100 {
		say(ws, fmt.Sprint(i))
	}
	for i := range 100 {
		_, got, err := ws.Read(ctx)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(i), string(got), "in order")
	}

	require.NoError(t, ws.Close(4000, "bye"))
	require.Equal(t, websocket.CloseError{Code: 4000, Reason: "bye"}, <-s.goodbye)
	ws = connect()
	say(ws, "close 4321 enough")
	ends(ws, 4321, "enough")
	ws = connect()
	_ = ws.Write(ctx, websocket.MessageText, bytes.Repeat([]byte("x"), 1<<20+1))
	ends(ws, 1009, "message-too-big")
	require.Equal(t, websocket.CloseError{Code: 1001, Reason: "client-lost"}, <-s.goodbye)

	ws = connect()
	say(ws, "die")
	ends(ws, 4502, "upstream-failed")
	ws = connect() // by the next URL, and it is served
	say(ws, "again")
	_, got, err := ws.Read(ctx)
	require.NoError(t, err)
	require.Equal(t, "again", string(got))
	s.stop()
	ends(ws, 1001, "relay-stopping")
}
