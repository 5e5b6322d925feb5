package sdk_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pion/transport/v3"
	"github.com/pion/transport/v3/stdnet"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdk"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// authority signs for every server of a test.
type authority struct {
	pem  string
	pool *x509.CertPool
	tls  *tls.Config // of a server on loopback
}

func newAuthority(t *testing.T) authority {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lab"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		IPAddresses: []net.IP{loopback.AsSlice()},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	a := authority{pem: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), pool: x509.NewCertPool()}
	require.True(t, a.pool.AppendCertsFromPEM([]byte(a.pem)))
	a.tls = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	return a
}

// lab is SD-RTN with some gateways on loopback.
type lab struct {
	t         *testing.T
	ca        authority
	nw        transport.Net
	endpoints contract.Endpoints
	gateways  []*sdrtn.Gateway

	mu     sync.Mutex
	events []sdrtn.Event
	news   chan struct{} // closed when events grew
}

func newLab(t *testing.T, gateways int) *lab {
	nw, err := stdnet.NewNet()
	require.NoError(t, err)
	l := &lab{t: t, ca: newAuthority(t), nw: nw, news: make(chan struct{})}
	backbone := sdrtn.NewBackbone()
	for i := range gateways {
		g, err := sdrtn.New(sdrtn.Config{
			Name: "gateway-" + string(rune('1'+i)), Net: nw, Address: netip.AddrPortFrom(loopback, freePort(t)),
			Backbone: backbone, TLS: l.ca.tls, Log: l.log,
		})
		require.NoError(t, err)
		require.NoError(t, g.Listen())
		l.serve(g.Serve)
		l.gateways = append(l.gateways, g)
		l.endpoints.Gateways = append(l.endpoints.Gateways, "wss://"+g.Address().String()+sdrtn.ChannelPath)
	}
	return l
}

// freePort is a TCP port that nobody has at the moment.
func freePort(t *testing.T) uint16 {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: loopback.AsSlice()})
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort().Port()
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

func (l *lab) log(e sdrtn.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
	close(l.news)
	l.news = make(chan struct{})
}

// await waits for an event that fits.
func (l *lab) await(fits func(sdrtn.Event) bool) sdrtn.Event {
	l.t.Helper()
	for {
		l.mu.Lock()
		news := l.news
		for _, e := range l.events {
			if fits(e) {
				l.mu.Unlock()
				return e
			}
		}
		l.mu.Unlock()
		select {
		case <-news:
		case <-time.After(20 * time.Second):
			l.t.Fatal("the event did not happen")
		}
	}
}

// user is an application with an SDK of its own.
type user struct {
	t      *testing.T
	line   *contract.Client
	client string

	mu     sync.Mutex
	events []contract.Event
	news   chan struct{}
}

// user makes an SDK, with changes to its configuration, and one client that has been initialised.
func (l *lab) user(change func(*sdk.Config)) *user {
	cfg := sdk.Config{Net: l.nw, WebRTC: func(s *webrtc.SettingEngine) { s.SetIncludeLoopbackCandidate(true) }}
	if change != nil {
		change(&cfg)
	}
	s := sdk.New(cfg)
	ours, theirs := net.Pipe()
	u := &user{t: l.t, news: make(chan struct{})}
	u.line = contract.NewClient(contract.ClientConfig{RW: ours, Event: u.event})
	ran := make(chan error, 2)
	go func() { ran <- u.line.Run(context.Background()) }()
	go func() {
		err := contract.Serve(context.Background(), theirs, s)
		s.Close()
		ran <- err
	}()
	l.t.Cleanup(func() {
		u.call(contract.MethodShutdown, nil, nil)
		require.NoError(l.t, <-ran)
		require.NoError(l.t, <-ran)
	})
	u.call(contract.MethodHello, contract.Hello{Protocol: contract.Protocol, Network: "virtual", Endpoints: l.endpoints, CA: l.ca.pem}, nil)
	u.client = u.createClient(contract.CreateClient{})
	return u
}

func (u *user) createClient(p contract.CreateClient) string {
	var made contract.CreateClientResult
	u.call(contract.MethodCreateClient, p, &made)
	u.call(contract.MethodInit, contract.Init{Client: made.Client, AppID: "app"}, nil)
	return made.Client
}

func (u *user) event(e contract.Event) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.events = append(u.events, e)
	close(u.news)
	u.news = make(chan struct{})
}

// try makes a call and waits for its outcome.
func (u *user) try(method string, params, result any) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return u.line.Call(ctx, method, params, result)
}

func (u *user) call(method string, params, result any) {
	u.t.Helper()
	require.NoError(u.t, u.try(method, params, result), method)
}

func (u *user) join(channel, uid string) string {
	u.t.Helper()
	var joined contract.JoinResult
	u.call(contract.MethodJoin, contract.Join{Client: u.client, Channel: channel, UID: uid}, &joined)
	return joined.UID
}

func (u *user) me() contract.ClientCall { return contract.ClientCall{Client: u.client} }

// await waits until the n-th event that fits.
func (u *user) await(n int, fits func(contract.Event) bool) {
	u.t.Helper()
	for {
		u.mu.Lock()
		news, seen := u.news, 0
		for _, e := range u.events {
			if fits(e) {
				seen++
			}
		}
		u.mu.Unlock()
		if seen >= n {
			return
		}
		select {
		case <-news:
		case <-time.After(20 * time.Second):
			u.t.Fatalf("the event did not happen: %v", u.events)
		}
	}
}

func eventOf(kind, uid string) func(contract.Event) bool {
	return func(e contract.Event) bool { return e.Type == kind && e.UID == uid }
}
