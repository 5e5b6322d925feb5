package world

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
)

// startIntranet starts the company's own web server, if it has anything to serve.
func (w *World) startIntranet() error {
	if w.cfg.Intranet == nil {
		return nil
	}
	trust, err := w.trust()
	if err != nil {
		return err
	}
	l, err := w.hosts[intranet.Name].ListenTCP("tcp4", &net.TCPAddr{IP: intranet.Addr.AsSlice(), Port: 443})
	if err != nil {
		return fmt.Errorf("start %s: %w", intranet.Name, err)
	}
	server := &http.Server{Handler: w.cfg.Intranet, TLSConfig: trust.Servers.Clone()}
	w.run(w.serves, intranet.Name, func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { _ = server.Close() })
		defer stop()
		if err := server.ServeTLS(l, "", ""); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return nil
}
