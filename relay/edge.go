package relay

import (
	"context"
	"net"
	"net/http"
	"net/netip"

	"github.com/pion/transport/v3"
)

// Edge answers lookups: steps 1 and 2 of a proxied join. Its methods are for one goroutine at a time.
type Edge struct {
	cloud *Cloud
	name  string
	net   transport.Net
	addr  netip.AddrPort

	listener net.Listener
}

// Edge is a new edge, which isn't running yet. Its address is what its site's whitelist row names,
// TCP 443 in production; port 0 takes a free one.
func (c *Cloud) Edge(name string, net transport.Net, at netip.AddrPort) *Edge {
	return &Edge{cloud: c, name: name, net: net, addr: at}
}

// Listen opens the edge's port: from here on clients that connect will be served. Serve must follow,
// because it closes the port.
func (e *Edge) Listen() error {
	l, at, err := e.cloud.doors(e.name, PurposeLookup).listenTCP(e.net, e.addr)
	if err != nil {
		return err
	}
	e.listener, e.addr = l, at
	return nil
}

// Addr is where the edge listens, with the port that it got.
func (e *Edge) Addr() netip.AddrPort { return e.addr }

// Serve answers lookups until ctx ends, then closes every connection, waits for all of its goroutines
// and returns nil. It listens first unless Listen did. Any other error is that of a port that broke.
func (e *Edge) Serve(ctx context.Context) error {
	if e.listener == nil {
		if err := e.Listen(); err != nil {
			return err
		}
	}
	defer func() { e.listener = nil }()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, to := ends(r)
		e.cloud.lookup(w, r, Event{Node: e.name, From: from, To: to})
	})
	return serveHTTPS(ctx, nil, []net.Listener{e.listener}, e.cloud.cfg.TLS, e.cloud.cfg.Wrap(handler), func(line string) {
		e.cloud.cfg.Log(Event{Name: EventServerError, Node: e.name, Purpose: PurposeLookup, Proto: "TCP", To: e.addr, Detail: line})
	})
}
