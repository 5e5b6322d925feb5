// Package inspector is a host in the way between an office and the internet that reads along: it ends every TLS
// connection with a certificate of its own and begins another one to where the client wanted to go, as products
// for TLS inspection do. A client that checks certificates finds an authority there that it doesn't know.
package inspector

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"

	"github.com/pion/transport/v3"
)

// Inspector is such a host.
type Inspector struct {
	Name     string
	Net      transport.Net // has the addresses of those whom it stands in for
	Out      transport.Net // from where it connects to them
	At       []netip.AddrPort
	TLS      *tls.Config // its certificates
	Upstream *tls.Config // how it checks those of others
	Log      func(Event) // nil: nobody listens

	listeners []net.Listener
}

// Event is something that the inspector read.
type Event struct {
	From, To netip.AddrPort
	Bytes    int // of what the client sent it in the clear
}

// Listen takes the ports, so that clients may come.
func (i *Inspector) Listen() error {
	cfg := i.TLS.Clone()
	cfg.NextProtos = []string{"http/1.1"}
	for _, at := range i.At {
		l, err := i.Net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(at))
		if err != nil {
			i.close()
			return fmt.Errorf("%s: listen: %w", i.Name, err)
		}
		i.listeners = append(i.listeners, tls.NewListener(l, cfg))
	}
	return nil
}

func (i *Inspector) close() {
	for _, l := range i.listeners {
		_ = l.Close()
	}
}

// Serve works until ctx ends; then it cuts every connection and waits for what it started.
func (i *Inspector) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var children sync.WaitGroup
	failed := make(chan error, len(i.listeners))
	for n, l := range i.listeners {
		children.Go(func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					failed <- err
					return
				}
				children.Go(func() { i.carry(ctx, conn.(*tls.Conn), i.At[n]) })
			}
		})
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	cancel()
	i.close()
	children.Wait()
	return err
}

// carry passes one connection on, once the client has accepted its certificate.
func (i *Inspector) carry(ctx context.Context, client *tls.Conn, to netip.AddrPort) {
	defer client.Close()
	defer context.AfterFunc(ctx, func() { _ = client.NetConn().Close() })()
	if client.HandshakeContext(ctx) != nil {
		return
	}
	from, _ := netip.ParseAddrPort(client.RemoteAddr().String())
	plain, err := i.Out.Dial("tcp", to.String())
	if err != nil {
		return
	}
	cfg := i.Upstream.Clone()
	cfg.ServerName = to.Addr().String()
	server := tls.Client(plain, cfg)
	defer server.Close()
	defer context.AfterFunc(ctx, func() { _ = plain.Close() })()
	if server.HandshakeContext(ctx) != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.NetConn().Close()
	})
	_, _ = io.Copy(&reader{server, func(n int) {
		if i.Log != nil {
			i.Log(Event{From: from, To: to, Bytes: n})
		}
	}}, client)
	_ = plain.Close()
	back.Wait()
}

// reader tells what it passes on.
type reader struct {
	io.Writer
	read func(n int)
}

func (r *reader) Write(p []byte) (int, error) {
	r.read(len(p))
	return r.Writer.Write(p)
}
