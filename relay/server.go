package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/transport/v3"
)

// Limits of an HTTPS connection, both for lookups and until a WebSocket is open.
const (
	requestTimeout = 10 * time.Second // TLS handshake, header and body, then the answer
	idleTimeout    = 30 * time.Second // between two requests
	stopGrace      = 5 * time.Second  // for requests under way when a node stops
	maxHeader      = 16 << 10         // bytes
)

// serveHTTPS serves HTTP/1.1 over TLS on all listeners until ctx ends or one of them fails. It owns
// them, lets requests under way end, and returns when every connection is closed and every handler has
// returned. The context of a request ends with ctx. When drain is closed it takes no new connection, and ends
// when the last handler has.
func serveHTTPS(ctx context.Context, drain <-chan struct{}, listeners []net.Listener, cfg *tls.Config, handler http.Handler, complain func(string)) error {
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
		ConnState: func(c net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				conns.Add(1)
				if ctx.Err() != nil {
					c.Close() // accepted too late for server.Close to know
				}
			case http.StateClosed, http.StateHijacked:
				conns.Done()
			}
		},
	}
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() {
			err := server.Serve(tls.NewListener(l, cfg))
			if errors.Is(err, http.ErrServerClosed) {
				failed <- nil
				return
			}
			cancel()
			failed <- fmt.Errorf("serve TCP %v: %w", l.Addr(), err)
		}()
	}
	select {
	case <-ctx.Done():
	case <-drain:
		_ = server.Shutdown(ctx)
		ended := make(chan struct{})
		go func() {
			handlers.Wait() // which, if ctx ends first, is waited for below
			close(ended)
		}()
		select {
		case <-ctx.Done():
		case <-ended:
		}
		cancel()
	}
	grace, done := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
	_ = server.Shutdown(grace) // ends well if it can
	done()
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
	return unmapped(at)
}

// unmapped is an address as everybody else writes it: a socket for both families has IPv4 in IPv6 clothes.
func unmapped(at netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// ends is the client's address and the one of ours that it reached.
func ends(r *http.Request) (from, to netip.AddrPort) {
	c := r.Context().Value(connKey{}).(net.Conn)
	return addrPort(c.RemoteAddr()), addrPort(c.LocalAddr())
}
