package relay_test

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/transport/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/relay/batch"
)

var loopback = netip.MustParseAddr("127.0.0.1")

var secret = []byte("0123456789abcdef")

// world is a cloud proxy of one edge and two relays, with an SD-RTN that echoes.
type world struct {
	host    transport.Net
	trust   *x509.CertPool
	https   *http.Client // trusts the world's certificate
	lookup  string       // the edge's URL
	gateway *gateway
	stop    func() // ends edge and relays, and waits

	mu     sync.Mutex
	events []relay.Event
	news   chan struct{} // closed when there is one more
}

// onLoopback starts a world on real sockets, after change has had its way with the configuration.
func onLoopback(t testing.TB, change func(*relay.Config)) *world {
	host, err := batch.NewNet()
	require.NoError(t, err)
	return newWorld(t, host, change)
}

// inBubble runs a test in a world of virtual time. It fails if a goroutine outlives it.
func inBubble(t *testing.T, change func(*relay.Config), test func(*testing.T, *world)) {
	synctest.Test(t, func(t *testing.T) {
		test(t, newWorld(t, newMemnet(loopback), change))
	})
}

func newWorld(t testing.TB, host transport.Net, change func(*relay.Config)) *world {
	w := &world{host: host, trust: x509.NewCertPool(), news: make(chan struct{})}
	cert := certificate(t)
	w.trust.AddCert(cert.Leaf)
	web := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: w.trust},
		DisableKeepAlives: true, // tests that let time pass would reuse a connection as it is closed
		DialContext: func(_ context.Context, network, address string) (net.Conn, error) {
			return host.CreateDialer(&net.Dialer{}).Dial(network, address)
		},
	}
	w.https = &http.Client{Transport: web}
	w.gateway = newGateway(t, host, cert)

	accounts, err := relay.NewAccounts(
		relay.Account{AppID: "app", Regions: []string{"EU", "NA"}, Scale: 1000, Operators: []string{"Example Telecom"}},
		relay.Account{AppID: "small", Regions: []string{"EU"}, Scale: 1, Operators: []string{"Example Telecom"}},
	)
	require.NoError(t, err)
	site := func(name string) relay.RelaySite {
		return relay.RelaySite{Name: name, Addr: loopback, MessagePorts: []int{0, 0}, UDPPorts: []int{0, 0}, TCPPorts: []int{0, 0}}
	}
	cfg := relay.Config{
		Secret:     secret,
		Accounts:   accounts,
		Relays:     []relay.RelaySite{site("relay-1"), site("relay-2")},
		Gateways:   []relay.GatewaySite{{Name: "gateway-1", URL: w.gateway.url}},
		Peers:      []netip.Prefix{netip.PrefixFrom(loopback, 32)},
		TLS:        &tls.Config{Certificates: []tls.Certificate{cert}},
		GatewayTLS: &tls.Config{RootCAs: w.trust},
		Log:        w.log,
	}
	if change != nil {
		change(&cfg)
	}
	cloud, err := relay.New(cfg)
	require.NoError(t, err)

	edge := cloud.Edge("edge-1", host, netip.AddrPortFrom(loopback, 0))
	require.NoError(t, edge.Listen())
	w.lookup = "https://" + edge.Addr().String() + relay.LookupPath
	serving := []func(context.Context) error{edge.Serve}
	for _, s := range cfg.Relays {
		r := cloud.Relay(s.Name, host)
		require.NoError(t, r.Listen())
		serving = append(serving, r.Serve)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, len(serving))
	for _, serve := range serving {
		go func() { ended <- serve(ctx) }()
	}
	w.stop = sync.OnceFunc(func() {
		cancel()
		for range serving {
			require.NoError(t, <-ended)
		}
	})
	t.Cleanup(w.stop)
	return w
}

func (w *world) log(e relay.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
	close(w.news)
	w.news = make(chan struct{})
}

// seen is every event of a name so far.
func (w *world) seen(name string) []relay.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []relay.Event
	for _, e := range w.events {
		if e.Name == name {
			found = append(found, e)
		}
	}
	return found
}

// await is the n-th event of a name, counted from 1, once it has happened.
func (w *world) await(name string, n int) relay.Event {
	for {
		w.mu.Lock()
		news := w.news
		w.mu.Unlock()
		if found := w.seen(name); len(found) >= n {
			return found[n-1]
		}
		<-news
	}
}

// gateway is an SD-RTN that sends back what it gets, until a test gives it another conduct.
type gateway struct {
	url  string
	stop func()

	mu      sync.Mutex
	conduct func(*websocket.Conn)
}

func newGateway(t testing.TB, host transport.Net, cert tls.Certificate) *gateway {
	l, err := host.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	require.NoError(t, err)
	g := &gateway{conduct: echo, url: "wss://" + l.Addr().String() + "/v1/channel"}
	var running sync.WaitGroup
	server := &http.Server{
		ErrorLog: log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			running.Add(1)
			defer running.Done()
			ws, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			defer ws.CloseNow()
			ws.SetReadLimit(-1)
			g.mu.Lock()
			conduct := g.conduct
			g.mu.Unlock()
			conduct(ws)
		}),
	}
	running.Go(func() {
		_ = server.Serve(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}))
	})
	g.stop = func() { server.Close() }
	t.Cleanup(func() {
		g.stop()
		running.Wait()
	})
	return g
}

// behaves gives the gateway's next connections a conduct. Their connection ends with it.
func (g *gateway) behaves(conduct func(*websocket.Conn)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conduct = conduct
}

func echo(ws *websocket.Conn) {
	for {
		kind, message, err := ws.Read(context.Background())
		if err != nil || ws.Write(context.Background(), kind, message) != nil {
			return
		}
	}
}

// certificate is one for 127.0.0.1 that signs itself.
func certificate(t testing.TB) tls.Certificate {
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "cloud proxy"},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour),
		IPAddresses: []net.IP{loopback.AsSlice()},
		IsCA:        true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(nil, template, template, public, private)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private, Leaf: leaf}
}
