package httpproxy

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pion/transport/v3"
)

// Config is what a proxy is told. Net is needed; what else is zero has a default.
type Config struct {
	// Net is where the proxy dials.
	Net transport.Net

	// Allow lists where clients may go, each a HOST:PORT as they will write it. A host "*.example.test" is
	// every name below example.test; a host "*" is any, and so is a port "*". Nothing else is allowed: an
	// empty list allows nothing.
	Allow []string

	// Users are names and passwords (Basic, RFC 7617). Default: nobody is asked.
	Users map[string]string

	Tunnels       int           // at one time; default 1000
	RequestWithin time.Duration // a client has this long to say what it wants; default 10 s
	DialWithin    time.Duration // the destination has this long to answer; default 10 s
	Idle          time.Duration // a tunnel without a byte for so long ends; default 1 h

	// Logger is told of every request. Default: nobody is.
	Logger *slog.Logger
}

// Proxy is an HTTP proxy that knows CONNECT only.
type Proxy struct {
	config Config
	allow  []target

	mu      sync.Mutex
	tunnels int
}

// New makes a proxy. Serve runs it.
func New(c Config) (*Proxy, error) {
	if c.Net == nil {
		return nil, errors.New("httpproxy: Config.Net is missing: without it the proxy can't dial")
	}
	allow, err := parseTargets(c.Allow)
	if err != nil {
		return nil, fmt.Errorf("httpproxy: %w", err)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{{&c.RequestWithin, 10 * time.Second}, {&c.DialWithin, 10 * time.Second}, {&c.Idle, time.Hour}} {
		if *d.value <= 0 {
			*d.value = d.standard
		}
	}
	if c.Tunnels <= 0 {
		c.Tunnels = 1000
	}
	return &Proxy{config: c, allow: allow}, nil
}

// Serve answers clients until ctx ends, and returns nil then. It closes the listener and every tunnel, and
// waits for everything it started.
func (p *Proxy) Serve(ctx context.Context, l net.Listener) error {
	inner, cancel := context.WithCancel(ctx)
	requests := &crew{}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if requests.join() {
				defer requests.Done()
				p.answer(inner, w, r)
			}
		}),
		ReadHeaderTimeout: p.config.RequestWithin,
		IdleTimeout:       p.config.RequestWithin,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(p.config.Logger.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-served:
		err = fmt.Errorf("httpproxy: serve on %v: %w", l.Addr(), err)
	}
	cancel()
	_ = server.Close()
	if err == nil {
		<-served
	}
	requests.end()
	return err
}

// crew counts requests under way: http.Server forgets those whose connections were taken from it.
type crew struct {
	sync.WaitGroup
	mu   sync.Mutex
	over bool
}

func (c *crew) join() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.Add(1)
	}
	return !c.over
}

// end lets nobody join any more and waits for all.
func (c *crew) end() {
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	c.Wait()
}

// answer handles one request.
func (p *Proxy) answer(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	status, reason := p.judge(r)
	if status == http.StatusOK && !p.enter() {
		status, reason = http.StatusServiceUnavailable, fmt.Sprintf("there are %d tunnels already", p.config.Tunnels)
	}
	if status != http.StatusOK {
		p.refuse(w, r, status, reason)
		return
	}
	defer p.leave()
	remote, err := p.dial(ctx, r.Host)
	if err != nil {
		status = http.StatusBadGateway
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			status = http.StatusGatewayTimeout
		}
		p.refuse(w, r, status, err.Error())
		return
	}
	defer func() { _ = remote.Close() }()
	p.config.Logger.Info("tunnel", "client", r.RemoteAddr, "to", r.Host)
	p.tunnel(ctx, w, remote)
}

// judge says what the rules make of a request, and why.
func (p *Proxy) judge(r *http.Request) (status int, reason string) {
	switch {
	case r.Method != http.MethodConnect:
		return http.StatusMethodNotAllowed, "only CONNECT is known here"
	case !p.authorised(r):
		return http.StatusProxyAuthRequired, "a name and password are needed"
	}
	to, err := parseTarget(r.Host)
	if err != nil || to.port == any || strings.Contains(to.host, any) {
		return http.StatusBadRequest, fmt.Sprintf("%q is not a host and port", r.Host)
	}
	for _, t := range p.allow {
		if t.covers(to) {
			return http.StatusOK, ""
		}
	}
	return http.StatusForbidden, r.Host + " is not on the list"
}

func (p *Proxy) refuse(w http.ResponseWriter, r *http.Request, status int, reason string) {
	switch status {
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodConnect)
	case http.StatusProxyAuthRequired:
		w.Header().Set("Proxy-Authenticate", `Basic realm="proxy", charset="UTF-8"`)
	}
	p.config.Logger.Info("refused", "client", r.RemoteAddr, "method", r.Method, "to", r.Host, "status", status, "reason", reason)
	http.Error(w, reason, status)
}

// authorised tells whether a request brings the password of a user. Which of the two is wrong, it doesn't
// tell, nor by its pace.
func (p *Proxy) authorised(r *http.Request) bool {
	if p.config.Users == nil {
		return true
	}
	scheme, encoded, _ := strings.Cut(r.Header.Get("Proxy-Authorization"), " ")
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	name, password, ok := strings.Cut(string(decoded), ":")
	if err != nil || !ok || !strings.EqualFold(scheme, "Basic") {
		return false
	}
	want, known := p.config.Users[name]
	return subtle.ConstantTimeCompare([]byte(want), []byte(password)) == 1 && known
}

func (p *Proxy) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tunnels >= p.config.Tunnels {
		return false
	}
	p.tunnels++
	return true
}

func (p *Proxy) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tunnels--
}

// dial connects to a destination. Networks that can give up when ctx ends have a DialContext.
func (p *Proxy) dial(ctx context.Context, to string) (net.Conn, error) {
	if n, ok := p.config.Net.(interface {
		DialContext(ctx context.Context, network, address string) (net.Conn, error)
	}); ok {
		ctx, cancel := context.WithTimeout(ctx, p.config.DialWithin)
		defer cancel()
		return n.DialContext(ctx, "tcp", to)
	}
	return p.config.Net.CreateDialer(&net.Dialer{Timeout: p.config.DialWithin}).Dial("tcp", to)
}
