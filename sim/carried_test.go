package sim_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/bubble"
)

var seeds = flag.Uint64("seeds", 1, "how many seeds the transfers over lossy links take; make soak says 100")

// TestTLSOverLossyLinks moves a mebibyte each way at once, over links that lose, in order and out of it.
func TestTLSOverLossyLinks(t *testing.T) {
	for _, reorder := range []bool{false, true} {
		for _, loss := range []float64{0, 0.01, 0.05, 0.1} {
			t.Run(fmt.Sprintf("loss=%v,reorder=%v", loss, reorder), func(t *testing.T) {
				for seed := range *seeds {
					link := sim.LinkConfig{Delay: 20 * time.Millisecond, Loss: loss}
					if reorder {
						link.Jitter, link.Reorder = 10*time.Millisecond, true
					}
					between(t, seed+1, link, func(client, server *sim.Host) error { return exchange(client, server, seed) })
				}
			})
		}
	}
}

// exchange sends a mebibyte each way over TLS and compares hashes.
func exchange(client, server *sim.Host, seed uint64) error {
	l, err := server.ListenTCP("tcp", &net.TCPAddr{Port: 443})
	if err != nil {
		return err
	}
	defer l.Close()
	serverConfig, clientConfig := certified()
	there, back := noise(seed, 1<<20), noise(seed+1000, 1<<20)
	served := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			err = swap(tls.Server(conn, serverConfig), back, there)
		}
		served <- err
	}()
	conn, err := client.Dial("tcp", net.JoinHostPort(server.Addr().String(), "443"))
	if err != nil {
		return err
	}
	if err := swap(tls.Client(conn, clientConfig), there, back); err != nil {
		return err
	}
	return <-served
}

// swap sends one thing while it expects another.
func swap(conn *tls.Conn, send, want []byte) error {
	if err := conn.Handshake(); err != nil { // in a bubble both directions must not wait for it at once
		return err
	}
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(send)
		if err == nil {
			err = conn.CloseWrite()
		}
		sent <- err
	}()
	got, err := io.ReadAll(conn)
	if err != nil {
		return err
	}
	if err := <-sent; err != nil {
		return err
	}
	if sha256.Sum256(got) != sha256.Sum256(want) {
		return fmt.Errorf("%d bytes came, not the %d that were sent", len(got), len(want))
	}
	return conn.Close()
}

func noise(seed uint64, n int) []byte {
	p := make([]byte, n)
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	_, _ = rand.NewChaCha8(key).Read(p)
	return p
}

// certified is a server's and a client's side of one certificate.
func certified() (server, client *tls.Config) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"example.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"h2", "http/1.1"}},
		&tls.Config{RootCAs: pool, ServerName: "example.test"}
}

// between runs f in a bubble with two hosts and a link.
func between(t *testing.T, seed uint64, link sim.LinkConfig, f func(client, server *sim.Host) error) {
	t.Helper()
	world, err := bubble.Open(bubble.Config{Watchdog: time.Minute})
	require.NoError(t, err)
	require.NoError(t, world.Do(func() {
		n := sim.New(sim.Config{Seed: seed, Settle: bubble.Settle})
		client, server := n.Host("client", netip.MustParseAddr("10.0.0.2")), n.Host("server", netip.MustParseAddr("192.0.2.1"))
		n.Connect(client, server, link)
		stop := serve(n)
		require.NoError(t, f(client, server), "seed %d", seed)
		time.Sleep(5 * time.Minute) // TIME-WAIT, and what was lost of the end
		stop()
	}))
	require.NoError(t, world.Close(time.Minute))
}

// TestHTTP2 and WebSockets, as they are.
func TestHTTP2(t *testing.T) {
	between(t, 1, sim.LinkConfig{Delay: 10 * time.Millisecond, Loss: 0.01}, func(client, server *sim.Host) error {
		l, err := server.ListenTCP("tcp", &net.TCPAddr{Port: 443})
		if err != nil {
			return err
		}
		serverConfig, clientConfig := certified()
		web := &http.Server{TLSConfig: serverConfig, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(w, r.Body)
		})}
		go func() { _ = web.ServeTLS(l, "", "") }()
		transport := &http.Transport{DialContext: client.DialContext, TLSClientConfig: clientConfig, ForceAttemptHTTP2: true}
		body := noise(1, 2<<20)
		answer, err := (&http.Client{Transport: transport}).Post("https://192.0.2.1/", "application/octet-stream", bytes.NewReader(body))
		if err != nil {
			return err
		}
		got, err := io.ReadAll(answer.Body)
		if err != nil {
			return err
		}
		if answer.ProtoMajor != 2 || !bytes.Equal(got, body) {
			return fmt.Errorf("%s, %d bytes of %d", answer.Proto, len(got), len(body))
		}
		transport.CloseIdleConnections()
		return web.Close()
	})
}

func TestWebSocket(t *testing.T) {
	between(t, 1, sim.LinkConfig{Delay: 10 * time.Millisecond, Loss: 0.05}, func(client, server *sim.Host) error {
		l, err := server.ListenTCP("tcp", &net.TCPAddr{Port: 80})
		if err != nil {
			return err
		}
		web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			for {
				kind, message, err := conn.Read(r.Context())
				if err != nil || conn.Write(r.Context(), kind, message) != nil {
					return
				}
			}
		}))
		_ = web.Listener.Close()
		web.Listener = l
		web.Start()
		defer web.Close()
		transport := &http.Transport{DialContext: client.DialContext}
		defer transport.CloseIdleConnections()
		ctx := context.Background()
		conn, _, err := websocket.Dial(ctx, "ws://192.0.2.1/", &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
		if err != nil {
			return err
		}
		for i := range 100 {
			want := fmt.Sprint("message ", i)
			if err := conn.Write(ctx, websocket.MessageText, []byte(want)); err != nil {
				return err
			}
			_, got, err := conn.Read(ctx)
			if err != nil || string(got) != want {
				return fmt.Errorf("%q came back for %q: %w", got, want, err)
			}
		}
		return conn.Close(websocket.StatusNormalClosure, "")
	})
}

// TestNetTestConnVirtually is nettest.TestConn in virtual time. Its subtests can't be the bubble's, so they run
// as tests of their own.
func TestNetTestConnVirtually(t *testing.T) {
	world, err := bubble.Open(bubble.Config{Watchdog: 5 * time.Minute})
	require.NoError(t, err)
	passed := false
	require.NoError(t, world.Do(func() {
		passed = testing.RunTests(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{
			Name: "TestConn", F: func(t *testing.T) { nettest.TestConn(t, pipe) },
		}})
	}))
	require.True(t, passed)
	require.NoError(t, world.Close(5*time.Minute))
}

func pipe() (one, two net.Conn, stop func(), err error) {
	n := sim.New(sim.Config{Seed: 1, Settle: bubble.Settle})
	a, b := n.Host("left", netip.MustParseAddr("10.0.0.2")), n.Host("right", netip.MustParseAddr("192.0.2.1"))
	n.Connect(a, b, sim.LinkConfig{Delay: 100 * time.Microsecond})
	end := serve(n)
	l, err := b.ListenTCP("tcp", &net.TCPAddr{Port: 80})
	if err == nil {
		if one, err = a.Dial("tcp", "192.0.2.1:80"); err == nil {
			two, err = l.Accept()
		}
	}
	for _, c := range []net.Conn{one, two} {
		// Some of the tests write without end: the clock moves only if that has to wait.
		if c, ok := c.(interface{ SetWriteBuffer(bytes int) error }); ok {
			_ = c.SetWriteBuffer(64 << 10)
		}
	}
	return one, two, func() {
		_, _, _ = one.Close(), two.Close(), l.Close()
		end()
	}, err
}
