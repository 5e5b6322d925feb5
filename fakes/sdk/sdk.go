package sdk

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/pion/transport/v3"
	"github.com/pion/webrtc/v4"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/internal/rtc"
	"github.com/proxyspec/proxyspec/fakes/internal/tasks"
)

// Config is what an SDK is made of. Only Net is required. Route, Decide and WebRTC are where the SDKs of
// vendors differ, and so where a broken one is made of a sound one.
type Config struct {
	Net     transport.Net
	Version string    // what it says it is; empty: "3.0.0"
	Rand    io.Reader // for its certificate; nil: crypto/rand

	Route  Route                                               // how it gets to SD-RTN; nil: FindRoute
	Decide func(in bool, s Setting, c Change) (Setting, error) // what the four methods do; nil: Decide
	WebRTC func(*webrtc.SettingEngine)                         // changes the settings of its peer connections; nil: nothing
	TLS    func(*tls.Config)                                   // changes how it checks servers; nil: nothing
	Media  func(*Path)                                         // changes the way of one peer connection; nil: nothing
	Tell   func(e contract.Event, tell func(contract.Event))   // passes on what an application hears; nil: as it is
	Audio  time.Duration                                       // from one packet of its audio to the next; 0: 20 ms
	Ping   time.Duration                                       // how often it tries an idle message connection; 0: 10 s, negative: never
}

// SDK is the reference SDK: a contract.Handler.
type SDK struct {
	cfg   Config
	tasks tasks.Group

	mu        sync.Mutex // guards what hello and createClient set
	endpoints contract.Endpoints
	roots     *x509.CertPool
	cert      webrtc.Certificate
	clients   []*client
	made      int // clients so far: their IDs are never used twice
}

var errClosed = contract.SDKError(CodeAborted, "the SDK has been shut down")

// New makes an SDK. It opens no socket and starts nothing.
func New(cfg Config) *SDK {
	if cfg.Version == "" {
		cfg.Version = "3.0.0"
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Route == nil {
		cfg.Route = FindRoute
	}
	if cfg.Decide == nil {
		cfg.Decide = Decide
	}
	if cfg.Ping == 0 {
		cfg.Ping = 10 * time.Second // well below the 60 s after which middleboxes cut an idle connection
	}
	return &SDK{cfg: cfg}
}

// Close ends every session and waits until nothing of the SDK is left.
func (s *SDK) Close() {
	s.reset()
	s.tasks.Wait()
}

// hello takes the network's addresses and trust.
func (s *SDK) hello(p contract.Hello) (contract.HelloResult, error) {
	if p.Protocol != contract.Protocol {
		return contract.HelloResult{}, invalid("protocol %d; this SDK speaks %d", p.Protocol, contract.Protocol)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(p.CA)) {
		return contract.HelloResult{}, invalid("ca has no certificate in PEM")
	}
	cert, err := rtc.Certificate(s.cfg.Rand, time.Now())
	if err != nil {
		return contract.HelloResult{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoints, s.roots, s.cert = p.Endpoints, roots, cert
	return contract.HelloResult{Protocol: contract.Protocol, Name: "reference", Version: s.cfg.Version}, nil
}

// createClient makes a client. Proxy values that it brings count as calls of the set methods.
func (s *SDK) createClient(p contract.CreateClient, line *contract.Line) (contract.CreateClientResult, error) {
	c := &client{sdk: s, line: line, video: vp8Source}
	var none contract.CreateClientResult
	switch {
	case !slices.Contains([]string{"", "live", "rtc"}, p.Mode):
		return none, invalid("mode is %q; it may be live or rtc", p.Mode)
	case !slices.Contains([]string{"", "vp8", "h264"}, p.Codec):
		return none, invalid("codec is %q; it may be vp8 or h264", p.Codec)
	case p.Codec == "h264":
		c.video = h264Source
	}
	s.mu.Lock()
	ready := s.roots != nil
	s.made++
	c.id = "client-" + strconv.Itoa(s.made)
	s.mu.Unlock()
	if !ready {
		return none, contract.SDKError(CodeInvalidOperation, "createClient before hello")
	}
	if p.ProxyServer != "" {
		if err := c.change(Change{Method: contract.MethodSetProxyServer, Proxy: p.ProxyServer}); err != nil {
			return none, err
		}
	}
	if len(p.TurnServer) > 0 && string(p.TurnServer) != "null" {
		if err := c.setTurnServer(p.TurnServer); err != nil {
			return none, err
		}
	}
	s.mu.Lock()
	s.clients = append(s.clients, c)
	s.mu.Unlock()
	return contract.CreateClientResult{Client: c.id}, nil
}

func (s *SDK) client(id string) (*client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.clients {
		if c.id == id {
			return c, nil
		}
	}
	return nil, invalid("there is no client %q", id)
}

// reset ends the sessions of all clients, one after the other, and forgets the clients.
func (s *SDK) reset() {
	s.mu.Lock()
	clients := s.clients
	s.clients = nil
	s.mu.Unlock()
	for _, c := range clients {
		c.abandon()
	}
}

// services are where the vendor's servers are.
func (s *SDK) services() contract.Endpoints {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endpoints
}

// trust is the authority of the vendor's servers.
func (s *SDK) trust() *x509.CertPool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.roots
}

func (s *SDK) certificate() webrtc.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cert
}
