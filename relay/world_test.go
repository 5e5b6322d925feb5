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
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/transport/v3/stdnet"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// world is a cloud proxy of one edge and two relays on loopback, with an SD-RTN that echoes.
type world struct {
	cloud   *relay.Cloud
	edge    *relay.Edge
	relays  []*relay.Relay
	trust   *x509.CertPool
	lookup  string // the edge's URL
	gateway *gateway
	stop    func() // ends edge and relays, and waits; safe to call twice

	mu     sync.Mutex
	events []relay.Event
	news   chan struct{} // closed when events grew
}

// newWorld starts a cloud proxy after change has had its way with the configuration.
func newWorld(t *testing.T, change func(*relay.Config)) *world {
	t.Helper()
	w := &world{trust: x509.NewCertPool(), news: make(chan struct{})}
	cert := certificate(t)
	w.trust.AddCert(cert.Leaf)
	w.gateway = newGateway(t, cert)

	accounts, err := relay.NewAccounts(
		relay.Account{AppID: "app", Regions: []string{"EU", "NA"}, Operators: []string{"Example Telecom"}},
		relay.Account{AppID: "small", Regions: []string{"EU"}, Scale: 1, Operators: []string{"Example Telecom"}},
	)
	require.NoError(t, err)
	site := func(name string) relay.RelaySite {
		return relay.RelaySite{Name: name, Addr: loopback, MessagePorts: []int{0, 0}, UDPPorts: []int{0, 0}, TCPPorts: []int{0, 0}}
	}
	cfg := relay.Config{
		Secret:     []byte("0123456789abcdef"),
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
	w.cloud, err = relay.New(cfg)
	require.NoError(t, err)

	host, err := stdnet.NewNet()
	require.NoError(t, err)
	w.edge = w.cloud.Edge("edge-1", host, netip.AddrPortFrom(loopback, 0))
	require.NoError(t, w.edge.Listen())
	w.lookup = "https://" + w.edge.Addr().String() + relay.LookupPath
	serving := []func(context.Context) error{w.edge.Serve}
	for _, s := range cfg.Relays {
		r := w.cloud.Relay(s.Name, host)
		require.NoError(t, r.Listen())
		w.relays = append(w.relays, r)
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

// await is the n-th event of a name, once it has happened.
func (w *world) await(t *testing.T, name string, n int) relay.Event {
	t.Helper()
	for {
		w.mu.Lock()
		news := w.news
		w.mu.Unlock()
		if found := w.seen(name); len(found) >= n {
			return found[n-1]
		}
		select {
		case <-news:
		case <-t.Context().Done():
			t.Fatalf("no %s", name)
		}
	}
}

// client is an HTTPS client that trusts the world's certificate.
func (w *world) client(t *testing.T) *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: w.trust}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// gateway is an SD-RTN that sends back what it gets, until a test gives it another conduct.
type gateway struct {
	url    string
	server *httptest.Server

	mu      sync.Mutex
	conduct func(context.Context, *websocket.Conn)
}

func newGateway(t *testing.T, cert tls.Certificate) *gateway {
	g := &gateway{conduct: echo}
	g.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer ws.CloseNow()
		ws.SetReadLimit(-1)
		g.mu.Lock()
		conduct := g.conduct
		g.mu.Unlock()
		conduct(r.Context(), ws)
	}))
	g.server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	g.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	g.server.StartTLS()
	t.Cleanup(g.server.Close)
	g.url = "wss" + g.server.URL[len("https"):] + "/v1/channel"
	return g
}

// behaves gives the gateway's next connections a conduct.
func (g *gateway) behaves(conduct func(context.Context, *websocket.Conn)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conduct = conduct
}

func echo(ctx context.Context, ws *websocket.Conn) {
	for {
		kind, message, err := ws.Read(ctx)
		if err != nil || ws.Write(ctx, kind, message) != nil {
			return
		}
	}
}

// certificate is one for 127.0.0.1 that signs itself.
func certificate(t *testing.T) tls.Certificate {
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "cloud proxy"},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{loopback.AsSlice()},
		IsCA:        true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(nil, template, template, public, private)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private, Leaf: leaf}
}
