package httpproxy_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/httpproxy"
)

// company is a client, a proxy and a server on the internet, each with 5 ms to the next.
type company struct {
	t              *testing.T
	client, origin *sim.Host
	proxy          string
	stop           func()       // ends the proxy and waits for it
	ended          <-chan error // what Serve returned
}

func within(t *testing.T, c httpproxy.Config, f func(t *testing.T, w *company)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := sim.New(sim.Config{Seed: 1, Settle: synctest.Wait})
		w := &company{t: t, client: n.Host("client", netip.MustParseAddr("10.0.0.2")), proxy: "10.0.0.3:3128"}
		proxy := n.Host("proxy", netip.MustParseAddr("10.0.0.3"))
		w.origin = n.Host("origin", netip.MustParseAddr("192.0.2.1"))
		router := n.Router("router")
		for _, h := range []*sim.Host{w.client, proxy, w.origin} {
			n.Connect(h, router, sim.LinkConfig{Delay: 5 * time.Millisecond})
		}
		n.Connect(n.Host("silent", netip.MustParseAddr("192.0.2.9")), router, sim.LinkConfig{Loss: 1})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- n.Serve(ctx) }()
		c.Net = proxy
		p, err := httpproxy.New(c)
		require.NoError(t, err)
		l, err := proxy.ListenTCP("tcp", &net.TCPAddr{Port: 3128})
		require.NoError(t, err)
		serving, end := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- p.Serve(serving, l) }()
		w.ended, w.stop = ended, func() {
			end()
			require.NoError(t, <-ended)
		}
		f(t, w)
		w.stop()
		cancel()
		require.NoError(t, <-done)
	})
}

// ask sends one request and reads the answer's head.
func (w *company) ask(request string) (net.Conn, *bufio.Reader, *http.Response) {
	w.t.Helper()
	conn, err := w.client.Dial("tcp", w.proxy)
	require.NoError(w.t, err)
	_, err = io.WriteString(conn, request)
	require.NoError(w.t, err)
	r := bufio.NewReader(conn)
	answer, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect})
	require.NoError(w.t, err)
	return conn, r, answer
}

func connect(to string, headers ...string) string {
	request := fmt.Sprintf("CONNECT %s HTTP/1.1\r\nHost: %[1]s\r\n", to)
	for _, h := range headers {
		request += h + "\r\n"
	}
	return request + "\r\n"
}

// serve accepts one connection at the origin.
func (w *company) serve(port int, f func(net.Conn)) (over <-chan struct{}) {
	l, err := w.origin.ListenTCP("tcp", &net.TCPAddr{Port: port})
	require.NoError(w.t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = l.Close() }()
		if c, err := l.Accept(); err == nil {
			f(c)
			_ = c.Close()
		}
	}()
	return done
}

// TestTunnel sends before the answer has come, and half-closes: what was sent early arrives, and the other
// way goes on.
func TestTunnel(t *testing.T) {
	within(t, httpproxy.Config{Allow: []string{"192.0.2.1:443"}}, func(t *testing.T, w *company) {
		var got []byte
		served := w.serve(443, func(c net.Conn) {
			got, _ = io.ReadAll(c)
			time.Sleep(time.Second)
			_, _ = c.Write(bytes.Repeat([]byte("y"), 300_000))
		})
		conn, r, answer := w.ask(connect("192.0.2.1:443") + "early")
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.NoError(t, conn.(interface{ CloseWrite() error }).CloseWrite())
		back, err := io.ReadAll(r)
		require.NoError(t, err)
		<-served
		require.Equal(t, "early", string(got))
		require.Len(t, back, 300_000)
		require.NoError(t, conn.Close())
	})
}

// TestClient is net/http's own way through the proxy.
func TestClient(t *testing.T) {
	within(t, httpproxy.Config{Allow: []string{"*:80"}, Users: map[string]string{"alice": "secret"}}, func(t *testing.T, w *company) {
		l, err := w.origin.ListenTCP("tcp", &net.TCPAddr{Port: 80})
		require.NoError(t, err)
		server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(rw, "from "+r.RemoteAddr[:len("10.0.0.3")])
		})}
		go func() { _ = server.Serve(l) }()
		through := &http.Transport{DialContext: func(ctx context.Context, _, to string) (net.Conn, error) {
			conn, _, answer := w.ask(connect(to, "Proxy-Authorization: Basic YWxpY2U6c2VjcmV0"))
			require.Equal(t, http.StatusOK, answer.StatusCode)
			return conn, nil
		}}
		answer, err := (&http.Client{Transport: through}).Get((&url.URL{Scheme: "http", Host: "192.0.2.1"}).String())
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.Equal(t, "from 10.0.0.3", string(body))
		through.CloseIdleConnections()
		require.NoError(t, server.Close())
	})
}

func TestRefusals(t *testing.T) {
	c := httpproxy.Config{
		Allow:      []string{"192.0.2.1:443", "192.0.2.1:444", "192.0.2.9:443", "*.example.test:443"},
		Users:      map[string]string{"alice": "secret", "nobody": ""},
		DialWithin: 3 * time.Second,
	}
	const alice = "Proxy-Authorization: Basic YWxpY2U6c2VjcmV0"
	within(t, c, func(t *testing.T, w *company) {
		for _, tc := range []struct {
			name, request string
			status        int
			header, value string
			took          time.Duration
		}{
			{"another method", "GET http://192.0.2.1/ HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n", 405, "Allow", "CONNECT", 0},
			{"no password", connect("192.0.2.1:443"), 407, "Proxy-Authenticate", `Basic realm="proxy", charset="UTF-8"`, 0},
			{"a wrong password", connect("192.0.2.1:443", "Proxy-Authorization: Basic YWxpY2U6d3Jvbmc="), 407, "", "", 0},
			{"an unknown user without one", connect("192.0.2.1:443", "Proxy-Authorization: Basic Ym9iOg=="), 407, "", "", 0},
			{"another scheme", connect("192.0.2.1:443", "Proxy-Authorization: Bearer YWxpY2U6c2VjcmV0"), 407, "", "", 0},
			{"another port", connect("192.0.2.1:80", alice), 403, "", "", 0},
			{"another host", connect("192.0.2.2:443", alice), 403, "", "", 0},
			{"the parent of a wildcard", connect("example.test:443", alice), 403, "", "", 0},
			{"a pattern", connect("*.example.test:443", alice), 400, "", "", 0},
			{"no port", connect("192.0.2.1", alice), 400, "", "", 0},
			{"nobody listens", connect("192.0.2.1:443", alice), 502, "", "", 20 * time.Millisecond},
			{"nobody answers", connect("192.0.2.9:443", alice), 504, "", "", 3 * time.Second},
			{"no such name", connect("relay.example.test:443", alice), 502, "", "", 0},
		} {
			begin := time.Now()
			conn, _, answer := w.ask(tc.request)
			require.Equal(t, tc.status, answer.StatusCode, tc.name)
			if tc.header != "" {
				require.Equal(t, tc.value, answer.Header.Get(tc.header), tc.name)
			}
			// 20 ms for the client's connection, 20 ms for the request and its answer.
			require.Equal(t, tc.took+40*time.Millisecond, time.Since(begin), tc.name)
			require.NoError(t, conn.Close())
		}
	})
}

// TestLimits: more tunnels than there may be, a client that says nothing, and a tunnel that is idle.
func TestLimits(t *testing.T) {
	c := httpproxy.Config{Allow: []string{"192.0.2.1:*"}, Tunnels: 1, RequestWithin: 2 * time.Second, Idle: time.Minute}
	within(t, c, func(t *testing.T, w *company) {
		served := w.serve(443, func(c net.Conn) { _, _ = io.Copy(c, c) })
		first, r, answer := w.ask(connect("192.0.2.1:443"))
		require.Equal(t, http.StatusOK, answer.StatusCode)
		second, _, answer := w.ask(connect("192.0.2.1:443"))
		require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
		require.NoError(t, second.Close())

		silent, err := w.client.Dial("tcp", w.proxy)
		require.NoError(t, err)
		begin := time.Now()
		_, err = io.ReadAll(silent)
		require.NoError(t, err)
		require.InDelta(t, 2*time.Second, time.Since(begin), float64(50*time.Millisecond))

		for range 3 { // a byte now and then keeps it
			time.Sleep(50 * time.Second)
			_, err = first.Write([]byte("x"))
			require.NoError(t, err)
			_, err = r.ReadByte()
			require.NoError(t, err)
		}
		begin = time.Now()
		_, err = r.ReadByte()
		require.Error(t, err)
		require.InDelta(t, time.Minute, time.Since(begin), float64(50*time.Millisecond))
		<-served
		_ = first.Close()
	})
}

// TestShutdown: when ctx ends, so do tunnels and dials under way.
func TestShutdown(t *testing.T) {
	within(t, httpproxy.Config{Allow: []string{"*:*"}}, func(t *testing.T, w *company) {
		served := w.serve(443, func(c net.Conn) { _, _ = io.Copy(c, c) })
		conn, r, answer := w.ask(connect("192.0.2.1:443"))
		require.Equal(t, http.StatusOK, answer.StatusCode)
		dialling, err := w.client.Dial("tcp", w.proxy)
		require.NoError(t, err)
		_, err = io.WriteString(dialling, connect("192.0.2.9:443"))
		require.NoError(t, err)
		time.Sleep(time.Second)
		begin := time.Now()
		w.stop()
		require.Less(t, time.Since(begin), time.Second)
		_, err = r.ReadByte()
		require.Error(t, err)
		<-served
		_ = conn.Close()
		_ = dialling.Close()
		w.stop = func() {}
	})
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	_, err := httpproxy.New(httpproxy.Config{})
	require.ErrorContains(t, err, "Config.Net is missing")
	h := sim.New(sim.Config{}).Host("proxy", netip.MustParseAddr("192.0.2.1"))
	for entry, says := range map[string]string{
		"example.test":         "not HOST:PORT",
		"example.test:0":       "not a number from 1 to 65535",
		"example.test:https":   "not a number from 1 to 65535",
		":443":                 "not a name",
		"relay*.example.test:": "not a number",
		"relay*.test:443":      "not a name",
	} {
		_, err := httpproxy.New(httpproxy.Config{Net: h, Allow: []string{entry}})
		require.ErrorContains(t, err, says, entry)
		require.ErrorContains(t, err, fmt.Sprintf("%q", entry))
	}
}
