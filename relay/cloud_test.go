package relay_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/relay/batch"
)

// config is a complete one for three nodes in memory.
func config(t *testing.T) relay.Config {
	accounts, err := relay.NewAccounts(relay.Account{AppID: "app", Regions: []string{"EU"}, Scale: 100, Operators: []string{"Example Telecom"}})
	require.NoError(t, err)
	return relay.Config{
		Secret:   secret,
		Accounts: accounts,
		Relays: []relay.RelaySite{
			{Name: "relay-1", Addr: loopback, MessagePorts: []int{443, 4000}, UDPPorts: []int{3478}, TCPPorts: []int{3433}},
		},
		Gateways: []relay.GatewaySite{{Name: "gateway-1", URL: "wss://gateway-1.sd-rtn.test/v1/channel"}},
		TLS:      &tls.Config{Certificates: []tls.Certificate{certificate(t)}},
	}
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	_, err := relay.New(config(t))
	require.NoError(t, err)
	site := func(spoil func(*relay.RelaySite)) func(*relay.Config) {
		return func(cfg *relay.Config) { spoil(&cfg.Relays[0]) }
	}
	for what, spoil := range map[string]func(*relay.Config){
		"Config.Secret":          func(cfg *relay.Config) { cfg.Secret = []byte("short") },
		"Config.Accounts":        func(cfg *relay.Config) { cfg.Accounts = nil },
		"Config.TLS":             func(cfg *relay.Config) { cfg.TLS = nil },
		"Config.TTL":             func(cfg *relay.Config) { cfg.TTL = time.Millisecond },
		"Config.Relays is empty": func(cfg *relay.Config) { cfg.Relays = nil },
		"Config.Gateways is":     func(cfg *relay.Config) { cfg.Gateways = nil },
		`"http://x"`:             func(cfg *relay.Config) { cfg.Gateways[0].URL = "http://x" },
		`"wss:///x"`:             func(cfg *relay.Config) { cfg.Gateways[0].URL = "wss:///x" },
		`"relay-1"`:              func(cfg *relay.Config) { cfg.Relays = append(cfg.Relays, cfg.Relays[0]) },
		`""`:                     site(func(s *relay.RelaySite) { s.Name = "" }),
		"no address":             site(func(s *relay.RelaySite) { s.Addr = netip.Addr{} }),
		"no IPv4 address":        site(func(s *relay.RelaySite) { s.Addr = netip.MustParseAddr("2001:db8::138") }),
		"no domain name":         site(func(s *relay.RelaySite) { s.Host = "relay-1:443" }),
		"message":                site(func(s *relay.RelaySite) { s.MessagePorts = nil }),
		"TURN over UDP":          site(func(s *relay.RelaySite) { s.UDPPorts = nil }),
		"TURN over TCP":          site(func(s *relay.RelaySite) { s.TCPPorts = nil }),
		"65536":                  site(func(s *relay.RelaySite) { s.UDPPorts = []int{65536} }),
		"-1":                     site(func(s *relay.RelaySite) { s.UDPPorts = []int{-1} }),
		"TCP port 443":           site(func(s *relay.RelaySite) { s.TCPPorts = []int{443} }),
		"UDP port 3478":          site(func(s *relay.RelaySite) { s.UDPPorts = []int{3478, 3478} }),
	} {
		cfg := config(t)
		spoil(&cfg)
		_, err := relay.New(cfg)
		require.ErrorContains(t, err, what)
	}
}

func TestListenOpensAllPortsOrNone(t *testing.T) {
	host := newMemnet(loopback)
	cloud, err := relay.New(config(t))
	require.NoError(t, err)
	require.ErrorContains(t, cloud.Relay("relay-9", host).Listen(), "relay-9")

	for _, taken := range []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:3433"), netip.MustParseAddrPort("127.0.0.1:4000")} {
		edge := cloud.Edge("edge-1", host, taken)
		require.NoError(t, edge.Listen())
		node := cloud.Relay("relay-1", host)
		require.ErrorContains(t, node.Listen(), taken.String())
		require.ErrorContains(t, node.Serve(t.Context()), taken.String())
		ended, end := context.WithCancel(t.Context())
		end()
		require.NoError(t, edge.Serve(ended))
		require.Empty(t, host.packets)
		require.Empty(t, host.streams)
	}
}

// tired has one group of sockets, and then no file for another.
type tired struct {
	batch.Net
	groups []*batch.Group
}

var errTired = errors.New("too many open files")

func (n *tired) NewGroup() (*batch.Group, error) {
	if len(n.groups) == 0 {
		return nil, errTired
	}
	g := n.groups[0]
	n.groups = n.groups[1:]
	return g, nil
}

func TestListenLeavesNoGroupBehind(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	host, err := batch.NewNet()
	require.NoError(t, err)
	group, err := host.NewGroup()
	if errors.Is(err, batch.ErrUnsupported) {
		t.Skip(err)
	}
	require.NoError(t, err)
	cloud, err := relay.New(config(t))
	require.NoError(t, err)
	require.ErrorIs(t, cloud.Relay("relay-1", &tired{host, []*batch.Group{group}}).Listen(), errTired)
	_, err = group.Listen(netip.AddrPortFrom(loopback, 0), nil)
	require.ErrorIs(t, err, net.ErrClosed)
}

func TestNodesMayServeAgain(t *testing.T) {
	host := newMemnet(loopback)
	cloud, err := relay.New(config(t))
	require.NoError(t, err)
	edge, node := cloud.Edge("edge-1", host, netip.MustParseAddrPort("127.0.0.1:8443")), cloud.Relay("relay-1", host)
	for range 2 {
		require.NoError(t, edge.Listen())
		require.NoError(t, node.Listen())
		require.Len(t, host.streams, 4)
		require.Len(t, host.packets, 1)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("for a reason of one's own"))
		require.NoError(t, edge.Serve(ctx))
		require.NoError(t, node.Serve(ctx))
		require.Empty(t, host.streams)
		require.Empty(t, host.packets)
	}
}

// A port that fails must not leave a relay half alive.
func TestBrokenPortEndsServe(t *testing.T) {
	for what, breaks := range map[string]func(*memnet) error{
		"UDP 127.0.0.1:3478": func(host *memnet) error { return host.packets[3478].Close() },
		"TCP 127.0.0.1:3433": func(host *memnet) error { return host.streams[3433].Close() },
		"TCP 127.0.0.1:4000": func(host *memnet) error { return host.streams[4000].Close() },
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				host := newMemnet(loopback)
				cloud, err := relay.New(config(t))
				require.NoError(t, err)
				node := cloud.Relay("relay-1", host)
				require.NoError(t, node.Listen())
				ended := make(chan error)
				go func() { ended <- node.Serve(t.Context()) }()
				synctest.Wait()
				require.NoError(t, breaks(host))
				require.ErrorContains(t, <-ended, what)
				require.Empty(t, host.streams)
				require.Empty(t, host.packets)
			})
		})
	}
}
