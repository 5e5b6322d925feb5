package serve

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
)

func demo(t *testing.T) Config {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	cfg, err := Demo(ctx, t.TempDir())
	require.NoError(t, err)
	return cfg
}

// TestPortsForTwo names both parts that would have a port, before one of them finds it taken by "another program".
func TestPortsForTwo(t *testing.T) {
	require.NoError(t, Check(demo(t)), "free ports are nobody's yet")
	at := netip.MustParseAddrPort
	for want, change := range map[string]func(*Config){
		"edge-1 and relay-1 can't both have TCP port 443 of 127.0.0.1": func(c *Config) {
			c.Edges[0].Addr, c.Relays[0].MessagePorts = at("127.0.0.1:443"), []int{443}
		},
		"edge-1 and relay-1 can't both have TCP port 3433 of 127.0.0.1": func(c *Config) {
			c.Edges[0].Addr, c.Relays[0].TCPPorts = at("0.0.0.0:3433"), []int{3433}
		},
		"admin and edge-1 can't both have TCP port 443 of 0.0.0.0": func(c *Config) {
			c.Admin, c.Edges[0].Addr = at("127.0.0.1:443"), at("0.0.0.0:443")
		},
		"relay-1 and relay-2 can't both have UDP port 3479 of 127.0.0.1": func(c *Config) {
			c.Relays[0].UDPPorts = []int{3478, 3479}
			c.Relays = append(c.Relays, relay.RelaySite{Name: "relay-2", Addr: loopback, UDPPorts: []int{3479}})
		},
	} {
		cfg := demo(t)
		change(&cfg)
		require.ErrorContains(t, Check(cfg), want)
		_, err := New(cfg)
		require.ErrorContains(t, err, want)
		cfg.Nodes, cfg.Admin = []string{"relay-1"}, netip.AddrPort{}
		require.NoError(t, Check(cfg), "the other runs elsewhere")
	}
	cfg := demo(t)
	cfg.Edges[0].Addr, cfg.Relays[0].MessagePorts = at("127.0.0.2:443"), []int{443}
	require.NoError(t, Check(cfg), "of another address")
}

// TestCertificateOfAnotherAddress is one that every client refuses: it isn't for the address that the client is told.
func TestCertificateOfAnotherAddress(t *testing.T) {
	const want = "isn't for 127.0.0.2, the address of relay-1: clients will refuse it"
	move := func(c *Config) { c.Relays[0].Addr = netip.MustParseAddr("127.0.0.2") }
	cfg := demo(t)
	move(&cfg)
	require.ErrorContains(t, Check(cfg), want)
	cfg.Relays[0].Host = "localhost"
	require.NoError(t, Check(cfg), "its name is in the certificate")
	cfg.Relays[0].Host, cfg.Nodes = "", []string{"edge-1"}
	require.NoError(t, Check(cfg), "the relay has its own, elsewhere")

	cfg.Cert = "nowhere"
	require.ErrorContains(t, Check(cfg), "read the certificate nowhere")

	r := start(t, move)
	r.log.await(t, "clients will refuse the certificate")
	r.log.await(t, want)
	r.log.clear()
	require.NoError(t, r.Reload())
	r.log.await(t, want)
}

// TestCertificateOfTomorrow is one that clients refuse today, and that a machine whose clock is behind finds.
func TestCertificateOfTomorrow(t *testing.T) {
	cfg := demo(t)
	c := &certificate{cert: cfg.Cert, key: cfg.Key}
	require.NoError(t, c.reload())
	require.NoError(t, c.fits(cfg.Relays))
	c.now.Load().Leaf.NotBefore = time.Now().Add(time.Hour)
	require.ErrorContains(t, c.fits(cfg.Relays), "isn't valid before")
}

// heldLog is a log that takes no line until it is let go, as a terminal after Ctrl-S is, and then has no room for any.
type heldLog struct{ let chan struct{} }

func (l heldLog) Write([]byte) (int, error) {
	<-l.let
	return 0, errors.New("no space left on device")
}

// TestNobodyWaitsForALog has one that is held up: signals are obeyed all the same, and calls go on and end.
func TestNobodyWaitsForALog(t *testing.T) {
	held := heldLog{make(chan struct{})}
	t.Cleanup(func() { close(held.let) })
	r := start(t, func(cfg *Config) { cfg.Log = slog.New(slog.NewTextHandler(held, nil)) })
	c := r.call(t)
	require.NoError(t, r.Reload())
	c.talk(t)
	r.Drain()
	c.hangUp(t)
	require.NoError(t, <-r.ended)
}

// TestStartThatFailsIsLogged has a warning, and then a port that can't be had: nobody runs what would write the log.
func TestStartThatFailsIsLogged(t *testing.T) {
	cfg, err := Demo(t.Context(), t.TempDir())
	require.NoError(t, err)
	log := &logBuffer{news: make(chan struct{})}
	cfg.Log = slog.New(slog.NewTextHandler(log, nil))
	cfg.Relays[0].Host = "relay.example.org"
	cfg.Admin = netip.MustParseAddrPort("192.0.2.1:9090")
	_, err = New(cfg)
	require.ErrorContains(t, err, "give an address that this machine has")
	require.Contains(t, log.text.String(), "clients will refuse the certificate")
}

// tally is a counter that can be asked.
type tally struct {
	prometheus.Counter
	n int
}

func (t *tally) Inc() { t.n++ }

// TestLinesThatCouldNotBeWrittenAreCounted has a log that nothing can be written to.
func TestLinesThatCouldNotBeWrittenAreCounted(t *testing.T) {
	full := heldLog{make(chan struct{})}
	close(full.let)
	lost := &tally{}
	j := newJournal(slog.NewTextHandler(full, nil), lost)
	slog.New(j).Info("a line of the server's own")
	j.hear(relay.Event{Name: relay.EventAllocationRefused})
	slog.New(j).Debug("nobody wants to know")
	ended, end := context.WithCancel(t.Context())
	end()
	j.write(ended)
	require.Equal(t, 2, lost.n)
}

// TestAdminComplainsIntoTheLog and not past it, as lines that no reader of JSON expects.
func TestAdminComplainsIntoTheLog(t *testing.T) {
	r := start(t, nil)
	r.Server.admin.server.ErrorLog.Print("http: Accept error: too many open files")
	r.log.await(t, `level=WARN msg="http: Accept error: too many open files"`)
}

// TestCountersBeginAtZero has nothing happen: what first appears with its first event hides it from rate().
func TestCountersBeginAtZero(t *testing.T) {
	_, text := start(t, nil).admin(t, "/metrics")
	for _, line := range []string{
		`cloudproxy_reloads_total{result="failed"} 0`, `cloudproxy_reloads_total{result="done"} 0`,
		`cloudproxy_connection_errors_total{node="edge-1"} 0`, `cloudproxy_connection_errors_total{node="relay-1"} 0`,
		`cloudproxy_lookups_total{edge="edge-1",result="answered"} 0`,
		`cloudproxy_refused_total{code="no-capacity",node="edge-1",what="connection"} 0`,
		`cloudproxy_refused_total{code="no-capacity",node="relay-1",what="connection"} 0`,
	} {
		require.Contains(t, text, line+"\n")
	}
}

// TestConnectionsOnTopAreCounted has one connection more than an address may have.
func TestConnectionsOnTopAreCounted(t *testing.T) {
	r := start(t, func(cfg *Config) { cfg.Limits.SourceConnections = 1 })
	for range 2 {
		conn, err := net.Dial("tcp", r.edges[0].Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { conn.Close() })
	}
	r.log.await(t, "connection.refused")
	require.Equal(t, 1.0, r.metric(t, "refused_total", `code="no-capacity",node="edge-1",what="connection"`))
	require.Equal(t, 1.0, r.metric(t, "refused_total", ""))
}

// TestOwnAddressStaysClosed warns of a prefix that seems to open the relay's own address.
func TestOwnAddressStaysClosed(t *testing.T) {
	r := start(t, func(cfg *Config) { cfg.Peers = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	r.log.await(t, `level=WARN msg="127.0.0.1, the address of relay-1, stays closed to media: to open it, name it alone in peers"`)
	require.Empty(t, Config{Relays: r.cfg.Relays, Peers: append(r.cfg.Peers, netip.PrefixFrom(loopback, 32))}.ownPeers())
	require.Empty(t, Config{Relays: r.cfg.Relays}.ownPeers())
}

func TestSecretsThatEverybodyReads(t *testing.T) {
	cfg := demo(t)
	require.Empty(t, cfg.Warnings())
	cfg.SecretFile = filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(cfg.SecretFile, nil, 0o600))
	require.Empty(t, cfg.Warnings())
	for _, file := range []string{cfg.SecretFile, cfg.Key} {
		require.NoError(t, os.Chmod(file, 0o644))
		require.Equal(t, []string{"everybody on this machine can read " + file + ": chmod o= " + file}, cfg.Warnings())
		require.NoError(t, os.Chmod(file, 0o640), "a group is somebody's choice")
	}
}
