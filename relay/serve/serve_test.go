package serve

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
)

// running is a demo that runs.
type running struct {
	*Server
	https *http.Client
	log   *logBuffer
	ended chan error
}

type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
	news chan struct{}
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.news)
	b.news = make(chan struct{})
	return b.text.Write(p)
}

// clear forgets what the log has.
func (b *logBuffer) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text.Reset()
}

// await waits until the log has a text.
func (b *logBuffer) await(t *testing.T, text string) {
	for late := time.After(time.Minute); ; {
		b.mu.Lock()
		found, news := strings.Contains(b.text.String(), text), b.news
		b.mu.Unlock()
		if found {
			return
		}
		select {
		case <-news:
		case <-late:
			t.Fatalf("no %q in the log:\n%s", text, b.text.String())
		}
	}
}

func start(t *testing.T, change func(*Config)) *running {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	cfg, err := Demo(ctx, t.TempDir())
	require.NoError(t, err)
	r := &running{log: &logBuffer{news: make(chan struct{})}, ended: make(chan error, 1)}
	cfg.Log = slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if change != nil {
		change(&cfg)
	}
	r.Server, err = New(cfg)
	require.NoError(t, err)
	r.https = trusting(t, cfg.Cert, "")
	go func() {
		r.ended <- r.Run(ctx)
		close(r.ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-r.ended
	})
	return r
}

func (r *running) lookup(t *testing.T, appID string) (relay.LookupAnswer, int) {
	return lookUp(t, r.https, fmt.Sprintf("https://%v%s", r.edges[0].Addr(), relay.LookupPath), appID)
}

func (r *running) admin(t *testing.T, path string) (int, string) {
	response, err := http.Get(fmt.Sprintf("http://%v%s", r.Server.admin.at, path))
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

// metric is the sum of the samples whose line matches.
func (r *running) metric(t *testing.T, name, labels string) (sum float64) {
	_, text := r.admin(t, "/metrics")
	line := regexp.MustCompile(`(?m)^` + prefix + name + `(?:\{(.*)\})? ([0-9.e+]+)$`)
	for _, m := range line.FindAllStringSubmatch(text, -1) {
		if matched, _ := regexp.MatchString(labels, m[1]); matched {
			v, err := strconv.ParseFloat(m[2], 64)
			require.NoError(t, err)
			sum += v
		}
	}
	return sum
}

// call is a client with messages and media, and the peer that it talks to.
type call struct {
	ws    *websocket.Conn
	relay net.PacketConn
	peer  *net.UDPConn
}

func (r *running) call(t *testing.T) *call {
	answer, status := r.lookup(t, DemoAppID)
	require.Equal(t, http.StatusOK, status)
	c := &call{}
	var err error
	c.ws, _, err = websocket.Dial(t.Context(), answer.MessageURLs[0], &websocket.DialOptions{HTTPClient: r.https})
	require.NoError(t, err)
	t.Cleanup(func() { c.ws.CloseNow() })
	c.relay, err = r.allocate(t, answer)
	require.NoError(t, err)
	c.peer, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	require.NoError(t, err)
	t.Cleanup(func() { c.peer.Close() })
	return c
}

// allocate asks for an allocation over UDP.
func (r *running) allocate(t *testing.T, answer relay.LookupAnswer) (net.PacketConn, error) {
	client, err := turnClient(answer, "udp")
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client.Allocate()
}

// talk sends a message and a packet each way.
func (c *call) talk(t *testing.T) {
	require.NoError(t, c.ws.Write(t.Context(), websocket.MessageText, []byte("hello")))
	_, message, err := c.ws.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, "hello", string(message))
	_, err = c.relay.WriteTo([]byte("media"), c.peer.LocalAddr())
	require.NoError(t, err)
	buf := make([]byte, 100)
	n, from, err := c.peer.ReadFrom(buf)
	require.NoError(t, err)
	require.Equal(t, "media", string(buf[:n]))
	_, err = c.peer.WriteTo([]byte("back"), from)
	require.NoError(t, err)
	n, _, err = c.relay.ReadFrom(buf)
	require.NoError(t, err)
	require.Equal(t, "back", string(buf[:n]))
}

func (c *call) hangUp(t *testing.T) {
	require.NoError(t, c.relay.Close())
	require.NoError(t, c.ws.Close(websocket.StatusNormalClosure, ""))
}

func TestCallsAreServedAndCounted(t *testing.T) {
	r := start(t, nil)
	code, text := r.admin(t, "/healthz")
	require.Equal(t, http.StatusOK, code, text)
	code, text = r.admin(t, "/readyz")
	require.Equal(t, http.StatusOK, code, text)
	code, _ = r.admin(t, "/debug/pprof/")
	require.Equal(t, http.StatusNotFound, code, "nobody asked for profiles")

	_, status := r.lookup(t, "nobody")
	require.Equal(t, http.StatusForbidden, status)
	c := r.call(t)
	c.talk(t)
	c.talk(t)
	require.Equal(t, 1.0, r.metric(t, "lookups_total", `result="answered"`))
	require.Equal(t, 1.0, r.metric(t, "lookups_total", `result="app-not-provisioned"`))
	require.Equal(t, 1.0, r.metric(t, "message_connections", `account="demo"`))
	require.Equal(t, 1.0, r.metric(t, "allocations", `transport="UDP"`))
	require.Equal(t, 1.0, r.metric(t, "join_seconds_count", ""))
	balanced := func() {
		require.Equal(t, 2.0, r.metric(t, "media_packets_total", `direction="up",outcome="relayed"`))
		require.Equal(t, 2.0, r.metric(t, "media_packets_total", `direction="down",outcome="relayed"`))
		require.Equal(t, 10.0, r.metric(t, "media_bytes_total", `direction="up",outcome="relayed"`))
		require.Equal(t, 4.0, r.metric(t, "media_packets_total", ""), "nothing was dropped")
		require.Equal(t, 2.0, r.metric(t, "account_media_packets_total", `account="demo",direction="up"`))
		require.Equal(t, 8.0, r.metric(t, "account_media_bytes_total", `account="demo",direction="down"`))
		require.Equal(t, 2.0, r.metric(t, "messages_total", `direction="up"`))
		require.Equal(t, 10.0, r.metric(t, "message_bytes_total", `direction="down"`))
	}
	balanced()
	_, err := c.peer.WriteTo([]byte("x"), c.relay.LocalAddr())
	require.NoError(t, err)
	_, _, err = c.relay.ReadFrom(make([]byte, 9))
	require.NoError(t, err)
	require.Equal(t, 3.0, r.metric(t, "media_packets_total", `direction="down"`))
	c.hangUp(t)
	r.log.await(t, "allocation.deleted")
	r.log.await(t, "messages.closed")
	require.Zero(t, r.metric(t, "allocations", ""))
	require.Zero(t, r.metric(t, "message_connections", ""))
	require.Equal(t, 3.0, r.metric(t, "account_media_packets_total", `account="demo",direction="down"`), "what has ended still counts")
	require.NotContains(t, r.log.text.String(), "session=ey", "no token in the log")
}

func TestDrainLetsCallsEnd(t *testing.T) {
	r := start(t, func(cfg *Config) { cfg.Drain = time.Hour })
	first, second := r.call(t), r.call(t)
	answer, _ := r.lookup(t, DemoAppID)
	site := r.relays[0].Site()
	r.Drain()
	r.log.await(t, "draining")
	code, _ := r.admin(t, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Equal(t, 1.0, r.metric(t, "draining", ""))
	first.talk(t)
	_, err := r.allocate(t, answer)
	require.ErrorContains(t, err, "508")
	r.log.await(t, "allocation.refused")
	require.Equal(t, 1.0, r.metric(t, "refused_total", `code="relay-stopping"`), "an operator knows it from a want of ports")
	for _, port := range append(site.MessagePorts, site.TCPPorts...) {
		require.Eventually(t, func() bool {
			conn, err := net.Dial("tcp", netip.AddrPortFrom(site.Addr, uint16(port)).String())
			if err == nil {
				conn.Close()
			}
			return err != nil
		}, time.Minute, time.Millisecond, "port %d still takes connections", port)
	}
	first.hangUp(t)
	second.talk(t)
	select {
	case err := <-r.ended:
		t.Fatalf("it ended before the second call: %v", err)
	default:
	}
	second.hangUp(t)
	require.NoError(t, <-r.ended)
	r.log.await(t, "drained: every call has ended")
}

func TestDrainHasAnEnd(t *testing.T) {
	r := start(t, func(cfg *Config) { cfg.Drain = 10 * time.Millisecond })
	c := r.call(t)
	c.talk(t)
	c.ws.CloseRead(t.Context()) // it answers the close frame
	r.Drain()
	require.NoError(t, <-r.ended)
	r.log.await(t, "drain time is over")
	r.log.await(t, "relay-stopping")
}

func TestReload(t *testing.T) {
	r := start(t, nil)
	c := r.call(t)
	_, status := r.lookup(t, "another")
	require.Equal(t, http.StatusForbidden, status)
	old := r.cert.now.Load().Leaf.SerialNumber

	accounts := "accounts:\n  - {app-id: another, regions: [EU], scale: 100, operators: [any], set: test}\n"
	require.NoError(t, os.WriteFile(r.cfg.Accounts, []byte(accounts), 0o600))
	_, err := selfSigned(r.cfg.Cert, r.cfg.Key)
	require.NoError(t, err)
	require.NoError(t, r.Reload())
	require.NotEqual(t, old, r.cert.now.Load().Leaf.SerialNumber)
	r.https = trusting(t, r.cfg.Cert, "")
	_, status = r.lookup(t, "another")
	require.Equal(t, http.StatusOK, status, "with the new certificate")
	c.talk(t)

	require.NoError(t, os.WriteFile(r.cfg.Accounts, []byte("accounts: 3\n"), 0o600))
	require.NoError(t, os.WriteFile(r.cfg.Key, nil, 0o600))
	err = r.Reload()
	require.ErrorContains(t, err, "accounts.yaml:1:11: accounts must be a list")
	require.ErrorContains(t, err, "read the certificate")
	_, status = r.lookup(t, "another")
	require.Equal(t, http.StatusOK, status, "all is as it was")
	require.Equal(t, 1.0, r.metric(t, "reloads_total", "failed"))
	require.Equal(t, 1.0, r.metric(t, "reloads_total", "done"))
}
