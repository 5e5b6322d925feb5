package selfhosted

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pion/transport/v3"

	"github.com/proxyspec/proxyspec/fakes/sdrtn"
)

// ReverseProxy passes HTTPS requests and WebSockets on to the servers that they name.
type ReverseProxy struct {
	Name     string
	Net      transport.Net
	Addr     netip.AddrPort
	TLS      *tls.Config // its certificate
	Upstream *tls.Config // how it checks the certificates of others
	Log      func(Event) // nil: nobody listens

	listener net.Listener
	handlers sync.WaitGroup
}

// Listen takes the port, so that clients may come.
func (p *ReverseProxy) Listen() error {
	l, err := p.Net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(p.Addr))
	if err != nil {
		return fmt.Errorf("%s: listen: %w", p.Name, err)
	}
	cfg := p.TLS.Clone()
	cfg.NextProtos = []string{"http/1.1"}
	p.listener = tls.NewListener(l, cfg)
	return nil
}

// Serve works until ctx ends; then it cuts every connection, WebSockets too.
func (p *ReverseProxy) Serve(ctx context.Context) error {
	server := &http.Server{
		Handler:     http.HandlerFunc(p.pass),
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
		ErrorLog:    log.New(io.Discard, "", 0),
	}
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = server.Close()
	})
	err := server.Serve(p.listener)
	if !stop() {
		<-done
	}
	p.handlers.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("%s: serve: %w", p.Name, err)
}

// connKey finds a request's connection in its context.
type connKey struct{}

// pass handles one request, which is over when it returns.
func (p *ReverseProxy) pass(w http.ResponseWriter, r *http.Request) {
	p.handlers.Add(1)
	defer p.handlers.Done()
	// A server that closes leaves WebSockets alone, and httputil closes their far ends only.
	client := r.Context().Value(connKey{}).(*tls.Conn)
	defer context.AfterFunc(r.Context(), func() { _ = client.NetConn().Close() })()
	seen := Event{Name: EventRequest, Server: p.Name, Proto: "TCP", To: p.Addr, Detail: r.URL.Path}
	seen.From, _ = netip.ParseAddrPort(r.RemoteAddr)
	to, err := target(r.URL)
	if err != nil {
		p.log(seen)
		seen.Name, seen.Detail = EventRefused, err.Error()
		p.log(seen)
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	seen.Peer = to.Host
	p.log(seen)
	var up, down atomic.Int64
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL, r.Out.Host = to, to.Host },
		Transport: &http.Transport{
			DialContext: func(_ context.Context, network, address string) (net.Conn, error) {
				c, err := p.Net.Dial(network, address)
				return &counted{c, &up, &down}, err
			},
			TLSClientConfig:   p.Upstream,
			DisableKeepAlives: true,
		},
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode == http.StatusSwitchingProtocols {
				seen.Name = EventOpened
				p.log(seen)
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			refused := seen
			refused.Name, refused.Detail = EventRefused, err.Error()
			p.log(refused)
			w.WriteHeader(http.StatusBadGateway)
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	proxy.ServeHTTP(w, r)
	seen.Name, seen.Up.Bytes, seen.Down.Bytes = EventClosed, int(up.Load()), int(down.Load())
	p.log(seen)
}

// target is where a request is to go: see the package comment.
func target(u *url.URL) (*url.URL, error) {
	location, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	arg := u.Query()
	path := "/" + strings.TrimPrefix(arg.Get("d"), "/")
	switch location {
	case "ap":
		return parseTarget("https://" + arg.Get("url"))
	case "ws":
		if path == "/" {
			path = sdrtn.ChannelPath
		}
	case "cs", "ls", "rs":
	default:
		return nil, fmt.Errorf("no location /%s/ here: use /ws/, /ap/, /cs/, /ls/ or /rs/", location)
	}
	return parseTarget("https://" + net.JoinHostPort(arg.Get("h"), arg.Get("p")) + path)
}

func parseTarget(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err == nil && u.Hostname() == "" {
		err = fmt.Errorf("%q names no host", text)
	}
	return u, err
}

func (p *ReverseProxy) log(e Event) {
	if p.Log != nil {
		p.Log(e)
	}
}

// counted is a connection to a server behind the proxy.
type counted struct {
	net.Conn
	up, down *atomic.Int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.down.Add(int64(n))
	return n, err
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.up.Add(int64(n))
	return n, err
}
