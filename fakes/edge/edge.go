// Package edge is a lookup edge that doesn't do its duty: it takes lookups like a real one and answers
// whatever a scenario says, or nothing at all. What an SDK makes of that is the scenario's question.
package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"

	"github.com/pion/transport/v3"

	"github.com/proxyspec/proxyspec/relay"
)

// Edge is one such edge on a transport.Net.
type Edge struct {
	Name string
	Net  transport.Net
	Addr netip.AddrPort
	TLS  *tls.Config

	// Status and Body are the answer to every request. A zero Status never answers: the connection
	// stays open until the client gives up.
	Status int
	Body   string

	// Log hears of each lookup, as a real edge's log would; nil: nobody does.
	Log func(relay.Event)

	listener net.Listener
}

// Listen takes the port, so that clients may come.
func (e *Edge) Listen() error {
	l, err := e.Net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(e.Addr))
	if err != nil {
		return fmt.Errorf("%s: listen: %w", e.Name, err)
	}
	e.listener = tls.NewListener(l, e.TLS)
	return nil
}

// Serve answers until ctx ends.
func (e *Edge) Serve(ctx context.Context) error {
	server := &http.Server{
		Handler:     http.HandlerFunc(e.answer),
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    log.New(io.Discard, "", 0),
	}
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = server.Close()
	})
	err := server.Serve(e.listener)
	if !stop() {
		<-done
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("%s: serve: %w", e.Name, err)
}

func (e *Edge) answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, relay.MaxRequest))
	if err != nil {
		return
	}
	e.log(r, relay.EventLookupReceived, len(body), "")
	if e.Status == 0 {
		<-r.Context().Done()
		return
	}
	e.log(r, relay.EventLookupAnswered, len(e.Body), fmt.Sprintf("a faulty answer: status %d, %.60q", e.Status, e.Body))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.Status)
	_, _ = io.WriteString(w, e.Body)
}

func (e *Edge) log(r *http.Request, name string, bytes int, detail string) {
	if e.Log == nil {
		return
	}
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	e.Log(relay.Event{Name: name, Node: e.Name, Purpose: relay.PurposeLookup, Proto: "TCP", From: from, To: e.Addr, Bytes: bytes, Detail: detail})
}
