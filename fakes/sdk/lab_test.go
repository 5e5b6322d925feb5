package sdk_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/transport/v3"
	"github.com/pion/transport/v3/stdnet"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/internal/memnet"
	"github.com/proxyspec/proxyspec/fakes/sdk"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
	"github.com/proxyspec/proxyspec/relay"
)

// lab is a small internet: SD-RTN with two gateways, a cloud proxy with four edges and two relays, and
// users outside any firewall. It lives on loopback with the operating system's sockets, or in a bubble of
// virtual time.
type lab struct {
	t         *testing.T
	mem       *memnet.Network // nil on loopback
	loopback  transport.Net
	ca        authority
	endpoints contract.Endpoints
	hosts     int
	through   func(transport.Net) transport.Net // what users' sockets go through in a bubble; nil: nothing

	mu     sync.Mutex
	sdrtn  []sdrtn.Event
	proxy  []relay.Event
	change chan struct{} // closed and replaced when something was logged
}

// inBubble runs f in virtual time. Whatever goroutine is left at its end fails the test.
func inBubble(t *testing.T, f func(*lab)) {
	synctest.Test(t, func(t *testing.T) {
		f(newLab(t, memnet.New(), nil))
	})
}

// onLoopback runs f with real sockets.
func onLoopback(t *testing.T, f func(*lab)) {
	nw, err := stdnet.NewNet()
	require.NoError(t, err)
	f(newLab(t, nil, nw))
}

func newLab(t *testing.T, mem *memnet.Network, loopback transport.Net) *lab {
	l := &lab{t: t, mem: mem, loopback: loopback, ca: newAuthority(t), change: make(chan struct{})}
	l.startSDRTN()
	l.startProxy()
	return l
}

// The addresses of a bubble's servers.
var (
	gateways = []netip.Addr{netip.MustParseAddr("192.0.2.11"), netip.MustParseAddr("192.0.2.12")}
	edges    = []netip.Addr{
		netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.2"),
		netip.MustParseAddr("198.51.100.3"), netip.MustParseAddr("198.51.100.4"),
	}
	relays = []netip.Addr{netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.2")}
	local  = netip.MustParseAddr("127.0.0.1")
)

// at is the network of a server, its address there, and a port that is its own.
func (l *lab) at(addr netip.Addr, port int) (transport.Net, netip.AddrPort) {
	if l.mem == nil {
		return l.loopback, netip.AddrPortFrom(local, freePort(l.t))
	}
	return l.mem.Host(addr), netip.AddrPortFrom(addr, uint16(port))
}

// freePort is a TCP port that nobody has at the moment.
func freePort(t *testing.T) uint16 {
	l, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0)))
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort().Port()
}

func (l *lab) startSDRTN() {
	backbone := sdrtn.NewBackbone()
	for i, addr := range gateways {
		nw, at := l.at(addr, 443)
		g, err := sdrtn.New(sdrtn.Config{
			Name: fmt.Sprintf("gateway-%d", i+1), Net: nw, Address: at, Backbone: backbone, TLS: l.ca.server,
			Log: func(e sdrtn.Event) { l.log(func() { l.sdrtn = append(l.sdrtn, e) }) },
		})
		require.NoError(l.t, err)
		require.NoError(l.t, g.Listen())
		l.serve(g.Serve)
		l.endpoints.Gateways = append(l.endpoints.Gateways, "wss://"+at.String()+sdrtn.ChannelPath)
	}
}

func (l *lab) startProxy() {
	accounts, err := relay.NewAccounts(relay.Account{AppID: "app", Regions: []string{"EU"}, Scale: 100, Operators: []string{"any"}})
	require.NoError(l.t, err)
	cfg := relay.Config{
		Secret: []byte("0123456789abcdef"), Accounts: accounts, TLS: l.ca.server, GatewayTLS: &tls.Config{RootCAs: l.ca.pool},
		Log: func(e relay.Event) { l.log(func() { l.proxy = append(l.proxy, e) }) },
	}
	for i, url := range l.endpoints.Gateways {
		cfg.Gateways = append(cfg.Gateways, relay.GatewaySite{Name: fmt.Sprintf("gateway-%d", i+1), URL: url})
	}
	for _, addr := range append(gateways, local) {
		cfg.Peers = append(cfg.Peers, netip.PrefixFrom(addr, 32))
	}
	for i, addr := range relays {
		site := relay.RelaySite{
			Name: fmt.Sprintf("relay-%d", i+1), Addr: addr, MessagePorts: []int{443, 4000}, UDPPorts: []int{3478}, TCPPorts: []int{3433},
		}
		if l.mem == nil {
			site.Addr, site.MessagePorts, site.UDPPorts, site.TCPPorts = local, []int{0}, []int{0}, []int{0}
		}
		cfg.Relays = append(cfg.Relays, site)
	}
	cloud, err := relay.New(cfg)
	require.NoError(l.t, err)
	for i, site := range cfg.Relays {
		nw, _ := l.at(relays[i], 0)
		r := cloud.Relay(site.Name, nw)
		require.NoError(l.t, r.Listen())
		l.serve(r.Serve)
	}
	for i, addr := range edges {
		nw, at := l.at(addr, 443)
		e := cloud.Edge(fmt.Sprintf("edge-%d", i+1), nw, at)
		require.NoError(l.t, e.Listen())
		l.serve(e.Serve)
		l.endpoints.Lookup = append(l.endpoints.Lookup, "https://"+at.String()+relay.LookupPath)
	}
}

// serve runs a server until the test ends.
func (l *lab) serve(serve func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve(ctx) }()
	l.t.Cleanup(func() {
		cancel()
		require.NoError(l.t, <-done)
	})
}

func (l *lab) log(add func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	add()
	close(l.change)
	l.change = make(chan struct{})
}

// sees is how many events of SD-RTN fit.
func (l *lab) sees(fits func(sdrtn.Event) bool) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.sdrtn {
		if fits(e) {
			n++
		}
	}
	return n
}

// await is the first event of SD-RTN that fits, once it has happened.
func (l *lab) await(fits func(sdrtn.Event) bool) (found sdrtn.Event) {
	l.t.Helper()
	waitFor(l.t, func() (bool, <-chan struct{}) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, e := range l.sdrtn {
			if fits(e) {
				found = e
				return true, nil
			}
		}
		return false, l.change
	})
	return found
}

// lookups is how many lookups the cloud proxy has answered.
func (l *lab) lookups() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.proxy {
		if e.Name == relay.EventLookupAnswered {
			n++
		}
	}
	return n
}

// waitFor waits until a condition holds that may change when the channel with it is closed.
func waitFor(t *testing.T, holds func() (bool, <-chan struct{})) {
	t.Helper()
	limit := time.NewTimer(5 * time.Minute)
	defer limit.Stop()
	for {
		ok, changed := holds()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-limit.C:
			t.Fatal("what the test waits for did not happen")
		}
	}
}

// authority signs for every server of a lab.
type authority struct {
	pem    string
	pool   *x509.CertPool
	server *tls.Config
}

func newAuthority(t *testing.T) authority {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lab"},
		NotBefore: time.Now().AddDate(0, 0, -1), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	for _, group := range [][]netip.Addr{gateways, edges, relays, {local}} {
		for _, addr := range group {
			template.IPAddresses = append(template.IPAddresses, addr.AsSlice())
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	a := authority{pem: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), pool: x509.NewCertPool()}
	require.True(t, a.pool.AppendCertsFromPEM([]byte(a.pem)))
	a.server = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	return a
}

// user makes an SDK on a host of its own, with one client that has been initialised.
func (l *lab) user() *user {
	cfg := sdk.Config{Net: l.loopback, WebRTC: func(s *webrtc.SettingEngine) { s.SetIncludeLoopbackCandidate(true) }}
	if l.mem != nil {
		l.hosts++
		cfg = sdk.Config{Net: l.mem.Host(netip.AddrFrom4([4]byte{10, 0, 0, byte(l.hosts)}))}
		if l.through != nil {
			cfg.Net = l.through(cfg.Net)
		}
	}
	s := sdk.New(cfg)
	ours, theirs := net.Pipe()
	u := &user{t: l.t, change: make(chan struct{})}
	u.line = contract.NewClient(contract.ClientConfig{RW: ours, Event: u.event})
	ended := make(chan error, 2)
	go func() { ended <- u.line.Run(context.Background()) }()
	go func() {
		err := contract.Serve(context.Background(), theirs, s)
		s.Close()
		ended <- err
	}()
	l.t.Cleanup(func() {
		u.call(contract.MethodShutdown, nil, nil)
		require.NoError(l.t, <-ended)
		require.NoError(l.t, <-ended)
	})
	u.call(contract.MethodHello, contract.Hello{Protocol: contract.Protocol, Network: "virtual", Endpoints: l.endpoints, CA: l.ca.pem}, nil)
	u.client = u.createClient(contract.CreateClient{})
	return u
}
