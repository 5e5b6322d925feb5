package selfhosted

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/logging"
	"github.com/pion/turn/v4"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/fakes/internal/memnet"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
)

var (
	ours   = netip.MustParseAddr("192.0.2.80")
	beyond = netip.MustParseAddr("192.0.2.11")
	client = netip.MustParseAddr("203.0.113.9")
)

// lab is a network in virtual time with one of our servers. What is left of it at the end fails the test.
type lab struct {
	*testing.T
	net    *memnet.Network
	server *tls.Config
	trust  *tls.Config

	mu  sync.Mutex
	log []Event
}

func inBubble(t *testing.T, f func(*lab)) {
	synctest.Test(t, func(t *testing.T) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		require.NoError(t, err)
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			IPAddresses: []net.IP{ours.AsSlice(), beyond.AsSlice()}, IsCA: true, BasicConstraintsValid: true,
		}
		der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
		require.NoError(t, err)
		cert, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		roots := x509.NewCertPool()
		roots.AddCert(cert)
		f(&lab{
			T: t, net: memnet.New(), trust: &tls.Config{RootCAs: roots},
			server: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		})
	})
}

func (l *lab) event(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log = append(l.log, e)
}

func (l *lab) names() (names []string) {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.log {
		names = append(names, e.Name)
	}
	return names
}

func (l *lab) last() Event {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log[len(l.log)-1]
}

// serve runs a server; the function that it returns ends it.
func (l *lab) serve(serve func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(l.Context())
	done := make(chan error, 1)
	go func() { done <- serve(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		require.NoError(l, <-done)
	})
}

func (l *lab) startProxy() (stop func()) {
	p := &ReverseProxy{
		Name: "proxy", Net: l.net.Host(ours), Addr: netip.AddrPortFrom(ours, 443), TLS: l.server, Upstream: l.trust, Log: l.event}
	require.NoError(l, p.Listen())
	return l.serve(p.Serve)
}

func (l *lab) http() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: l.net.Host(client).DialContext, TLSClientConfig: l.trust, DisableKeepAlives: true}}
}

// startUpstream is a server that echoes WebSocket messages on the gateways' path and greets elsewhere.
func (l *lab) startUpstream() (stop func()) {
	listener, err := l.net.Host(beyond).ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(beyond, 443)))
	require.NoError(l, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != sdrtn.ChannelPath {
			_, _ = io.WriteString(w, "hello from "+r.Host+r.URL.Path)
			return
		}
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = ws.CloseNow() }()
		for {
			kind, text, err := ws.Read(r.Context())
			if err != nil || ws.Write(r.Context(), kind, text) != nil {
				return
			}
		}
	})}
	go func() { _ = server.Serve(tls.NewListener(listener, l.server)) }()
	return func() { _ = server.Close() }
}

func TestReverseProxyPassesWebSockets(t *testing.T) {
	inBubble(t, func(l *lab) {
		defer l.startUpstream()()
		stop := l.startProxy()
		defer stop()
		ws, _, err := websocket.Dial(l.Context(), "wss://192.0.2.80/ws/?h=192.0.2.11&p=443", &websocket.DialOptions{HTTPClient: l.http()})
		require.NoError(t, err)
		require.NoError(t, ws.Write(l.Context(), websocket.MessageText, []byte("good morning")))
		_, text, err := ws.Read(l.Context())
		require.NoError(t, err)
		require.Equal(t, "good morning", string(text))
		require.NoError(t, ws.Close(websocket.StatusNormalClosure, ""))
		require.Equal(t, []string{EventRequest, EventOpened, EventClosed}, l.names())
		closed := l.last()
		require.Equal(t, "192.0.2.11:443", closed.Peer)
		require.Equal(t, client, closed.From.Addr())
		require.Positive(t, closed.Up.Bytes)
		require.Positive(t, closed.Down.Bytes)
	})
}

func TestReverseProxyCutsWebSocketsWhenItStops(t *testing.T) {
	inBubble(t, func(l *lab) {
		defer l.startUpstream()()
		stop := l.startProxy()
		ws, _, err := websocket.Dial(l.Context(), "wss://192.0.2.80/ws/?h=192.0.2.11&p=443", &websocket.DialOptions{HTTPClient: l.http()})
		require.NoError(t, err)
		stop()
		_, _, err = ws.Read(l.Context())
		require.Error(t, err)
		_ = ws.CloseNow()
	})
}

func TestReverseProxyPassesRequests(t *testing.T) {
	inBubble(t, func(l *lab) {
		defer l.startUpstream()()
		defer l.startProxy()()
		for path, want := range map[string]string{
			"/ap/?url=192.0.2.11/v1/region":       "hello from 192.0.2.11/v1/region",
			"/cs/?h=192.0.2.11&p=443&d=stats/one": "hello from 192.0.2.11:443/stats/one",
			"/ws/?h=192.0.2.11&p=443&d=elsewhere": "hello from 192.0.2.11:443/elsewhere",
		} {
			response, err := l.http().Get("https://192.0.2.80" + path)
			require.NoError(t, err)
			text, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			_ = response.Body.Close()
			require.Equal(t, want, string(text))
		}
	})
}

func TestReverseProxyRefuses(t *testing.T) {
	inBubble(t, func(l *lab) {
		defer l.startProxy()()
		for path, status := range map[string]int{
			"/":                          http.StatusNotFound,
			"/somewhere/?h=192.0.2.11":   http.StatusNotFound,
			"/ws/?p=443":                 http.StatusNotFound,
			"/ws/?h=192.0.2.11&p=443":    http.StatusBadGateway, // nobody is there
			"/ap/?url=192.0.2.11/nobody": http.StatusBadGateway,
		} {
			response, err := l.http().Get("https://192.0.2.80" + path)
			require.NoError(t, err)
			_ = response.Body.Close()
			require.Equal(t, status, response.StatusCode, path)
			require.Contains(t, l.names(), EventRefused)
		}
	})
}

func TestTarget(t *testing.T) {
	for text, want := range map[string]string{
		"/ws/?h=gateway.test&p=443":       "https://gateway.test:443" + sdrtn.ChannelPath,
		"/ws/?h=gateway.test&p=8443&d=/x": "https://gateway.test:8443/x",
		"/rs/?h=2001:db8::1&p=443&d=y":    "https://[2001:db8::1]:443/y",
		"/ap/?url=lookup.test/a/b":        "https://lookup.test/a/b",
	} {
		u, err := url.Parse(text)
		require.NoError(t, err)
		got, err := target(u)
		require.NoError(t, err)
		require.Equal(t, want, got.String())
	}
}

// TestTURNServer relays a packet each way, over UDP and over TCP.
func TestTURNServer(t *testing.T) {
	for _, proto := range []string{"udp", "tcp"} {
		t.Run(proto, func(t *testing.T) {
			inBubble(t, func(l *lab) {
				defer l.startTURN()()
				host := l.net.Host(client)
				c, closeClient := l.dialTURN(proto, host, "wonderland")
				defer closeClient()
				relayed, err := c.Allocate()
				require.NoError(t, err)
				require.Equal(t, ours.String(), relayed.LocalAddr().(*net.UDPAddr).IP.String())

				peer, err := l.net.Host(beyond).ListenPacket("udp4", "192.0.2.11:5000")
				require.NoError(t, err)
				_, err = relayed.WriteTo([]byte("there"), peer.LocalAddr())
				require.NoError(t, err)
				buffer := make([]byte, 100)
				n, from, err := peer.ReadFrom(buffer)
				require.NoError(t, err)
				require.Equal(t, "there", string(buffer[:n]))
				require.Equal(t, relayed.LocalAddr().String(), from.String(), "it comes from the relayed address")
				_, err = peer.WriteTo([]byte("and back"), from)
				require.NoError(t, err)
				n, _, err = relayed.ReadFrom(buffer)
				require.NoError(t, err)
				require.Equal(t, "and back", string(buffer[:n]))

				require.NoError(t, relayed.Close())
				require.NoError(t, peer.Close())
				require.Equal(t, []string{EventAllocated, EventMediaUp, EventMediaDown, EventDeleted}, l.names())
				deleted := l.last()
				require.Equal(t, Traffic{1, len("there")}, deleted.Up)
				require.Equal(t, Traffic{1, len("and back")}, deleted.Down)
				require.Equal(t, "alice", deleted.User)
			})
		})
	}
}

func TestTURNServerRefuses(t *testing.T) {
	inBubble(t, func(l *lab) {
		defer l.startTURN()()
		c, closeClient := l.dialTURN("udp", l.net.Host(client), "looking-glass")
		defer closeClient()
		_, err := c.Allocate()
		require.Error(t, err)
		require.Contains(t, l.names(), EventRefused)
	})
}

func TestTURNServerEndsAllocations(t *testing.T) {
	inBubble(t, func(l *lab) {
		stop := l.startTURN()
		for _, proto := range []string{"udp", "tcp"} {
			c, closeClient := l.dialTURN(proto, l.net.Host(client), "wonderland")
			defer closeClient()
			relayed, err := c.Allocate()
			require.NoError(t, err)
			defer func() { _ = relayed.Close() }()
		}
		stop()
		require.Equal(t, []string{EventAllocated, EventAllocated, EventDeleted, EventDeleted}, l.names())
	})
}

func (l *lab) startTURN() (stop func()) {
	s := &TURNServer{
		Name: "turn", Net: l.net.Host(ours), Addr: netip.AddrPortFrom(ours, 3478), User: "alice", Password: "wonderland", Log: l.event}
	require.NoError(l, s.Listen())
	return l.serve(s.Serve)
}

func (l *lab) dialTURN(proto string, host *memnet.Host, password string) (*turn.Client, func()) {
	var conn net.PacketConn
	var err error
	if proto == "udp" {
		conn, err = host.ListenPacket("udp4", client.String()+":0")
	} else {
		var c net.Conn
		c, err = host.Dial("tcp4", "192.0.2.80:3478")
		conn = turn.NewSTUNConn(c)
	}
	require.NoError(l, err)
	c, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: "192.0.2.80:3478", Conn: conn, Net: host, Username: "alice", Password: password,
		LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
	})
	require.NoError(l, err)
	require.NoError(l, c.Listen())
	return c, func() {
		c.Close()
		_ = conn.Close()
	}
}
