package browser_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pion/transport/v3"
	"github.com/pion/transport/v3/stdnet"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/browser"
	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdk"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
	"github.com/proxyspec/proxyspec/relay"
)

var local = netip.MustParseAddr("127.0.0.1")

// lab is a cloud proxy, SD-RTN and the page's site on loopback.
type lab struct {
	t         *testing.T
	net       transport.Net
	tls       *tls.Config
	pem       string
	key       string // the hash of the servers' public key
	endpoints contract.Endpoints

	mu    sync.Mutex
	sdrtn []sdrtn.Event
	relay []relay.Event
}

func newLab(t *testing.T) *lab {
	nw, err := stdnet.NewNet()
	require.NoError(t, err)
	l := &lab{t: t, net: nw}
	l.certify()
	l.startSDRTN()
	l.startProxy()
	return l
}

// certify makes the servers' certificate: of ECDSA, because browsers take no other elliptic curve.
func (l *lab) certify() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(l.t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lab"},
		NotBefore: time.Now().AddDate(0, 0, -1), NotAfter: time.Now().AddDate(0, 1, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{local.AsSlice()},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(l.t, err)
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(l.t, err)
	hash := sha256.Sum256(public)
	l.key = base64.StdEncoding.EncodeToString(hash[:])
	l.pem = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	l.tls = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func (l *lab) startSDRTN() {
	g, err := sdrtn.New(sdrtn.Config{
		Name: "gateway-1", Net: l.net, Address: netip.AddrPortFrom(local, freePort(l.t)), Backbone: sdrtn.NewBackbone(), TLS: l.tls, Browsers: true,
		Log: func(e sdrtn.Event) { l.mu.Lock(); defer l.mu.Unlock(); l.sdrtn = append(l.sdrtn, e) },
	})
	require.NoError(l.t, err)
	require.NoError(l.t, g.Listen())
	l.serve(g.Serve)
	l.endpoints.Gateways = []string{"wss://" + g.Address().String() + sdrtn.ChannelPath}
}

func (l *lab) startProxy() {
	accounts, err := relay.NewAccounts(relay.Account{AppID: "app", Regions: []string{"EU"}, Scale: 100, Operators: []string{"any"}})
	require.NoError(l.t, err)
	roots := x509.NewCertPool()
	require.True(l.t, roots.AppendCertsFromPEM([]byte(l.pem)))
	cloud, err := relay.New(relay.Config{
		Secret: []byte("0123456789abcdef"), Accounts: accounts, TLS: l.tls, GatewayTLS: &tls.Config{RootCAs: roots},
		Gateways: []relay.GatewaySite{{Name: "gateway-1", URL: l.endpoints.Gateways[0]}},
		Peers:    []netip.Prefix{netip.PrefixFrom(local, 32)},
		Relays: []relay.RelaySite{{
			Name: "relay-1", Addr: local, MessagePorts: []int{0}, UDPPorts: []int{0}, TCPPorts: []int{0},
		}},
		Log: func(e relay.Event) { l.mu.Lock(); defer l.mu.Unlock(); l.relay = append(l.relay, e) },
	})
	require.NoError(l.t, err)
	r := cloud.Relay("relay-1", l.net)
	require.NoError(l.t, r.Listen())
	l.serve(r.Serve)
	for i := range 2 {
		at := netip.AddrPortFrom(local, freePort(l.t))
		e := cloud.Edge(fmt.Sprintf("edge-%d", i+1), l.net, at)
		require.NoError(l.t, e.Listen())
		l.serve(e.Serve)
		l.endpoints.Lookup = append(l.endpoints.Lookup, "https://"+at.String()+relay.LookupPath)
	}
}

// site serves the page of a script and returns its URL.
func (l *lab) site(s browser.Script) string {
	listener, err := tls.Listen("tcp4", "127.0.0.1:0", l.tls)
	require.NoError(l.t, err)
	server := &http.Server{Handler: s.Site(), ReadHeaderTimeout: 10 * time.Second}
	l.serve(func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { _ = server.Close() })
		defer stop()
		_ = server.Serve(listener)
		return nil
	})
	return "https://" + listener.Addr().String() + "/"
}

// user is the line to the reference SDK in Go.
func (l *lab) user() io.ReadWriteCloser {
	ours, theirs := net.Pipe()
	s := sdk.New(sdk.Config{Net: l.net, WebRTC: func(e *webrtc.SettingEngine) { e.SetIncludeLoopbackCandidate(true) }})
	l.serve(func(ctx context.Context) error {
		defer s.Close()
		return contract.Serve(ctx, theirs, s)
	})
	return ours
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

func (l *lab) events() ([]sdrtn.Event, []relay.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]sdrtn.Event{}, l.sdrtn...), append([]relay.Event{}, l.relay...)
}

// total is what SD-RTN received of a kind of alice's media, once her publication has ended.
func (l *lab) total(kind string) (total sdrtn.Event) {
	require.Eventually(l.t, func() bool {
		seen, _ := l.events()
		for _, e := range seen {
			if e.Name == sdrtn.EventMediaIn && e.User == "alice" && e.Kind == kind {
				total = e
				return true
			}
		}
		return false
	}, 10*time.Second, 50*time.Millisecond)
	return total
}

func freePort(t *testing.T) uint16 {
	l, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0)))
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort().Port()
}
