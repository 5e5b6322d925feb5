package sdrtn

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/transport/v3"
	"github.com/pion/webrtc/v4"

	"github.com/proxyspec/proxyspec/fakes/internal/queue"
	"github.com/proxyspec/proxyspec/fakes/internal/rtc"
	"github.com/proxyspec/proxyspec/fakes/internal/tasks"
)

// Config describes a gateway.
type Config struct {
	Name     string         // in events: "gateway-1"
	Net      transport.Net  // where its sockets are
	Address  netip.AddrPort // of the WebSocket server; port 0 means 443. Media is on the same IP address
	Backbone *Backbone      // shared with the other gateways
	TLS      *tls.Config    // with the server's certificate
	Rand     io.Reader      // read by one goroutine at a time; nil: crypto/rand
	Log      func(Event)    // called from many goroutines, also with the Backbone locked: it must not block; nil discards
	Logger   *slog.Logger   // for a person who debugs; nil discards

	// Browsers are among the clients: they take no Ed25519, and the lengths of other signatures vary, so one seed
	// gives more than one trace.
	Browsers bool

	Wrap func(http.Handler) http.Handler // goes around what takes WebSockets; nil: nothing does
}

// Gateway is an entrance of SD-RTN.
type Gateway struct {
	cfg      Config
	listener net.Listener
	api      *webrtc.API
	cert     func() (webrtc.Certificate, error) // made for the first peer connection: most gateways have none
	tasks    tasks.Group

	mu           sync.Mutex
	publications []*publication // alive or lingering
}

// New makes a gateway. It opens no socket.
func New(cfg Config) (*Gateway, error) {
	switch {
	case cfg.Net == nil || cfg.Backbone == nil || cfg.TLS == nil:
		return nil, errors.New("sdrtn: a gateway needs Net, Backbone and TLS")
	case !cfg.Address.Addr().Is4():
		return nil, fmt.Errorf("sdrtn: the address of a gateway is IPv4, not %s", cfg.Address)
	}
	if cfg.Address.Port() == 0 {
		cfg.Address = netip.AddrPortFrom(cfg.Address.Addr(), 443)
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Log == nil {
		cfg.Log = func(Event) {}
	}
	if cfg.Wrap == nil {
		cfg.Wrap = func(h http.Handler) http.Handler { return h }
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{cfg: cfg}
	g.cert = sync.OnceValues(func() (webrtc.Certificate, error) {
		g.mu.Lock() // for Rand
		defer g.mu.Unlock()
		if cfg.Browsers {
			return rtc.BrowserCertificate(cfg.Rand)
		}
		return rtc.Certificate(cfg.Rand, time.Now())
	})
	ip := cfg.Address.Addr()
	var err error
	g.api, err = rtc.API(cfg.Net, func(s *webrtc.SettingEngine) error {
		s.SetLite(true)
		// No cookie: ICE has shown the way back already, and a HelloVerifyRequest that is lost isn't sent again by dtls
		// v3.0.9, which takes no notice of a ClientHello that is repeated. No handshake came out of that.
		s.SetDTLSInsecureSkipHelloVerify(true)
		s.SetIPFilter(func(candidate net.IP) bool { return candidate.Equal(ip.AsSlice()) })
		s.SetIncludeLoopbackCandidate(ip.IsLoopback())
		return s.SetAnsweringDTLSRole(webrtc.DTLSRoleServer)
	})
	if err != nil {
		return nil, fmt.Errorf("sdrtn: %w", err)
	}
	return g, nil
}

// newPeerConnection begins one.
func (g *Gateway) newPeerConnection() (*webrtc.PeerConnection, error) {
	cert, err := g.cert()
	if err != nil {
		return nil, err
	}
	return g.api.NewPeerConnection(webrtc.Configuration{Certificates: []webrtc.Certificate{cert}})
}

// Address is where the gateway listens, once Listen has returned.
func (g *Gateway) Address() netip.AddrPort { return g.cfg.Address }

// Listen opens the gateway's socket: from then on connections wait for Serve.
func (g *Gateway) Listen() error {
	l, err := g.cfg.Net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(g.cfg.Address))
	if err != nil {
		return fmt.Errorf("%s: listen on %s: %w", g.cfg.Name, g.cfg.Address, err)
	}
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		g.cfg.Address = netip.AddrPortFrom(g.cfg.Address.Addr(), a.AddrPort().Port())
	}
	g.listener = l
	return nil
}

// Serve serves, after Listen, until ctx ends. Then it closes the socket and every connection, waits for what it
// started and returns nil.
func (g *Gateway) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	config := g.cfg.TLS.Clone()
	config.NextProtos = []string{"http/1.1"} // WebSocket over HTTP/2 is none of ours
	mux := http.NewServeMux()
	mux.HandleFunc(ChannelPath, func(w http.ResponseWriter, r *http.Request) {
		g.tasks.Run(func() { g.accept(ctx, w, r) })
	})
	server := &http.Server{
		Handler:           g.cfg.Wrap(mux),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(g.cfg.Logger.Handler(), slog.LevelDebug),
	}
	g.tasks.Go(func() {
		<-ctx.Done()
		_ = server.Close()
	})
	err := server.Serve(tls.NewListener(g.listener, config))
	ended := ctx.Err() != nil
	cancel()
	g.tasks.Wait()
	for _, p := range g.published() {
		p.close()
	}
	if ended {
		return nil
	}
	return fmt.Errorf("%s: %w", g.cfg.Name, err)
}

// accept makes a connection of a request and carries it until it ends.
func (g *Gateway) accept(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	source, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	g.log(Event{Name: EventConnected, Source: source})
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{OriginPatterns: []string{"*"}})
	if err != nil {
		g.log(Event{Name: EventRefused, Source: source, Code: CodeMalformed, Detail: err.Error()})
		return
	}
	ws.SetReadLimit(maxFrame)
	c := &connection{g: g, life: ctx, ws: ws, source: source, out: queue.New[outgoing]()}
	c.run()
}

// LogTotals logs, now, the totals of every track that is being published through this gateway and of what
// any gateway forwards of it.
func (g *Gateway) LogTotals() {
	for _, p := range g.published() {
		for _, kind := range kinds {
			p.logTotals(kind)
		}
		for _, s := range g.cfg.Backbone.subscribers(p) {
			for _, kind := range kinds {
				s.logTotals(kind)
			}
		}
	}
}

func (g *Gateway) published() []*publication {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.publications)
}

// retire ends the media of a user who has left.
func (g *Gateway) retire(life context.Context, u *user, why string, late time.Duration) {
	for _, s := range g.cfg.Backbone.subscriptionsOf(u) {
		s.stop(why)
	}
	if p := g.cfg.Backbone.own(u); p != nil {
		p.stop(life, why, late)
	}
}

// token is a name that nobody guesses. Config.Rand need not be safe for concurrent use.
func (g *Gateway) token() (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var token [16]byte
	if _, err := io.ReadFull(g.cfg.Rand, token[:]); err != nil {
		return "", fmt.Errorf("draw a resume token: %w", err)
	}
	return hex.EncodeToString(token[:]), nil
}

func (g *Gateway) log(e Event) {
	e.Gateway = g.cfg.Name
	g.cfg.Log(e)
}
