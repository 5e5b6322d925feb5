package relay

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/transport/v3"
)

// Limits of an HTTPS connection, both for lookups and until a WebSocket is open.
const (
	requestTimeout = 10 * time.Second // TLS handshake, header and body, then the answer
	idleTimeout    = 30 * time.Second // between two requests
	maxHeader      = 16 << 10         // bytes
)

// statuses has the HTTP status of each refusal code.
var statuses = map[string]int{
	CodeMalformed:          http.StatusBadRequest,
	CodeVersionMalformed:   http.StatusBadRequest,
	CodeSession:            http.StatusUnauthorized,
	CodeVersionUnsupported: http.StatusForbidden,
	CodeNotProvisioned:     http.StatusForbidden,
	CodeRegion:             http.StatusForbidden,
	CodeNotFound:           http.StatusNotFound,
	CodeMethod:             http.StatusMethodNotAllowed,
	CodeTooLarge:           http.StatusRequestEntityTooLarge,
	CodeMediaType:          http.StatusUnsupportedMediaType,
	CodeUpgrade:            http.StatusUpgradeRequired,
	CodeScale:              http.StatusTooManyRequests,
	CodeInternal:           http.StatusInternalServerError,
	CodeUpstream:           http.StatusBadGateway,
}

// refusal is the error that ends a request: a code for the client's program, a message for its author.
type refusal struct {
	code, message string
}

func refuse(code, format string, args ...any) *refusal {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

func (r *refusal) Error() string { return r.code + ": " + r.message }

// write answers a request with the refusal, in a Refusal.
func (r *refusal) write(w http.ResponseWriter) {
	h := w.Header()
	switch r.code {
	case CodeSession:
		h.Set("WWW-Authenticate", "ProxySession") // RFC 9110, section 15.5.2, wants one
	case CodeUpgrade:
		h.Set("Connection", "Upgrade")
		h.Set("Upgrade", "websocket")
		h.Set("Sec-WebSocket-Version", "13") // RFC 6455, section 4.4
	case CodeScale:
		h.Set("Retry-After", strconv.Itoa(int(slotGrace/time.Second)))
	case CodeUpstream:
		h.Set("Retry-After", "1")
	}
	writeJSON(w, statuses[r.code], marshal(Refusal{RefusalError{r.code, r.message}}))
}

func marshal(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // the wire types always marshal
	}
	return body
}

// writeJSON answers any origin: no edge or relay knows a client by anything but what it sends.
func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Retry-After")
	h.Set("Cache-Control", "no-store") // it holds credentials
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(requestTimeout))
	w.WriteHeader(status)
	w.Write(body) // an error means that the client has gone; nothing is left to do
}

// serveHTTPS serves HTTP/1.1 over TLS on all listeners until ctx ends or one of them fails. It owns
// them, and returns when every connection is closed and every handler has returned. The context of a
// request ends with ctx.
func serveHTTPS(ctx context.Context, listeners []net.Listener, cfg *tls.Config, handler http.Handler, complain func(string)) error {
	cfg = cfg.Clone()
	cfg.NextProtos = []string{"http/1.1"}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var conns, handlers sync.WaitGroup
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// Counted apart from its connection, which stops being the server's when it is hijacked.
			handlers.Add(1)
			defer handlers.Done()
			handler.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(complaints(complain), "", 0),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
		ConnState: func(_ net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				conns.Add(1)
			case http.StateClosed, http.StateHijacked:
				conns.Done()
			}
		},
	}
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() {
			err := server.Serve(tls.NewListener(l, cfg))
			cancel()
			if errors.Is(err, http.ErrServerClosed) {
				err = nil
			}
			failed <- err
		}()
	}
	<-ctx.Done()
	server.Close()
	var err error
	for range listeners {
		err = errors.Join(err, <-failed)
	}
	conns.Wait()
	handlers.Wait()
	return err
}

// connKey finds a request's connection in its context.
type connKey struct{}

// complaints hands what net/http logs, a line at a time, to its function.
type complaints func(string)

func (f complaints) Write(line []byte) (int, error) {
	f(strings.TrimSpace(string(line)))
	return len(line), nil
}

// listenTCP is a TCP listener at the address, and where it really listens.
func listenTCP(n transport.Net, at netip.AddrPort) (net.Listener, netip.AddrPort, error) {
	l, err := n.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	if err != nil {
		return nil, netip.AddrPort{}, fmt.Errorf("listen on TCP %v: %w", at, err)
	}
	return l, addrPort(l.Addr()), nil
}

// addrPort is a TCP or UDP address without the 4-in-6 form that dual-stack sockets show.
func addrPort(a net.Addr) netip.AddrPort {
	var at netip.AddrPort
	switch a := a.(type) {
	case *net.TCPAddr:
		at = a.AddrPort()
	case *net.UDPAddr:
		at = a.AddrPort()
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// ends is the client's address and the one of ours that it reached.
func ends(r *http.Request) (from, to netip.AddrPort) {
	c := r.Context().Value(connKey{}).(net.Conn)
	return addrPort(c.RemoteAddr()), addrPort(c.LocalAddr())
}
