package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/relay/accounts"
	"github.com/proxyspec/proxyspec/relay/batch"
)

// Server is a cloud proxy on the sockets of this machine.
type Server struct {
	cfg      Config
	log      *slog.Logger
	journal  *journal
	metrics  *metrics
	accounts *accounts.File
	cert     *certificate
	edges    []*relay.Edge
	relays   []*relay.Relay
	admin    *admin // nil: none

	draining  atomic.Bool
	drain     chan struct{}
	drainOnce sync.Once
}

// Unavailable is what this machine can't give, such as a port. Whatever else New says is a mistake of the configuration or
// in a file that it names.
type Unavailable struct{ error }

func (u Unavailable) Unwrap() error { return u.error }

// New opens every port, so that whoever connects is served once Run is called. After an error none is open.
func New(cfg Config) (_ *Server, err error) {
	s := &Server{cfg: cfg, drain: make(chan struct{})}
	s.metrics = newMetrics(s)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s.journal = newJournal(cfg.Log.Handler(), s.metrics.linesLost)
	s.log = slog.New(s.journal)
	defer func() {
		if err != nil {
			s.journal.writeRest() // there will be no Run that does
		}
	}()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if s.accounts, err = accounts.Open(cfg.Accounts); err != nil {
		return nil, err
	}
	s.cert = &certificate{cert: cfg.Cert, key: cfg.Key}
	if err := s.cert.reload(); err != nil {
		return nil, err
	}
	s.doubt()
	for _, w := range cfg.Warnings() {
		s.log.Warn(w)
	}
	gatewayTLS, err := trust(cfg.GatewayCA)
	if err != nil {
		return nil, err
	}
	cloud, err := relay.New(relay.Config{
		Secret: cfg.Secret, Accounts: s.accounts, Relays: cfg.Relays, Gateways: cfg.Gateways, Peers: cfg.Peers,
		TLS: s.cert.config(), GatewayTLS: gatewayTLS, Limits: cfg.Limits, TTL: cfg.TTL, Ping: cfg.Ping, Log: s.hear,
	})
	if err != nil {
		return nil, err
	}
	host, err := batch.NewNet()
	if err != nil {
		return nil, Unavailable{fmt.Errorf("look at this machine's network: %w", err)}
	}
	var opened []func()
	defer func() {
		if err != nil {
			for _, closePorts := range opened {
				closePorts()
			}
		}
	}()
	if cfg.Admin.IsValid() {
		if s.admin, err = newAdmin(s, cfg.Admin); err != nil {
			return nil, advise(err)
		}
		opened = append(opened, s.admin.close)
	}
	for _, site := range cfg.relaysHere() {
		r := cloud.Relay(site.Name, host)
		if err := r.Listen(); err != nil {
			return nil, fmt.Errorf("%s: %w", site.Name, advise(err))
		}
		opened = append(opened, func() { closeNow(r.Serve) })
		s.relays = append(s.relays, r)
	}
	for _, site := range cfg.Edges {
		if !cfg.here(site.Name) {
			continue
		}
		e := cloud.Edge(site.Name, host, site.Addr)
		if err := e.Listen(); err != nil {
			return nil, fmt.Errorf("%s: %w", site.Name, advise(err))
		}
		opened = append(opened, func() { closeNow(e.Serve) })
		s.edges = append(s.edges, e)
	}
	return s, nil
}

// closeNow closes the ports of a node: Serve owns them.
func closeNow(serve func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = serve(ctx)
}

// advise says what to do about a port that can't be had.
func advise(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		err = fmt.Errorf("%w: give an address that this machine has (ip address show)", err)
	case errors.Is(err, syscall.EACCES):
		err = fmt.Errorf("%w: ports below 1024 need CAP_NET_BIND_SERVICE", err)
	case errors.Is(err, syscall.EADDRINUSE):
		err = fmt.Errorf("%w: another program has the port (ss -lntup)", err)
	case errors.Is(err, syscall.EMFILE):
		err = fmt.Errorf("%w: raise the limit of open files (ulimit -n, LimitNOFILE)", err)
	}
	return Unavailable{err}
}

// Run serves until ctx ends, when it stops at once, or until Drain has come to its end. An error is that of a part
// that broke.
func (s *Server) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	lookups, refuseLookups := context.WithCancel(ctx)
	defer refuseLookups()

	background, stopBackground := context.WithCancel(context.Background())
	var around sync.WaitGroup
	logged := make(chan struct{})
	go func() {
		s.journal.write(background)
		close(logged)
	}()
	if s.admin != nil {
		around.Go(func() { s.admin.serve(background) })
	}
	var nodes sync.WaitGroup
	failed := make(chan error, len(s.edges)+len(s.relays))
	run := func(ctx context.Context, serve func(context.Context) error) {
		nodes.Go(func() {
			if err := serve(ctx); err != nil {
				failed <- err
				stop() // one without the other is no use
			}
		})
	}
	for _, e := range s.edges {
		run(lookups, e.Serve)
	}
	for _, r := range s.relays {
		run(ctx, r.Serve)
	}
	ended := make(chan struct{})
	go func() {
		nodes.Wait()
		close(ended)
	}()
	s.log.Info("the cloud proxy is up", "edges", len(s.edges), "relays", len(s.relays), "accounts", s.accounts.Len())

	select {
	case <-ended:
	case <-ctx.Done():
	case <-s.drain:
		s.log.Info("draining: no new calls; those that are there may go on", "for", s.cfg.Drain.String())
		refuseLookups()
		select {
		case <-ended:
			s.log.Info("drained: every call has ended")
		case <-ctx.Done():
			s.log.Warn("ending at once: the calls that are left end, too")
		case <-time.After(s.cfg.Drain):
			s.log.Warn("drain time is over: ending the calls that are left")
		}
	}
	stop()
	<-ended
	stopBackground()
	around.Wait()
	select {
	case <-logged:
	case <-time.After(logGrace): // it is stuck in a write, which nobody can end
	}
	close(failed)
	var err error
	for e := range failed {
		err = errors.Join(err, e)
	}
	return err
}

// Drain stops taking calls, lets those that are there end within Config.Drain, and then ends Run. It returns at once.
func (s *Server) Drain() {
	s.draining.Store(true)
	for _, r := range s.relays {
		r.Drain()
	}
	s.drainOnce.Do(func() { close(s.drain) })
}

// doubt warns of a certificate that clients will refuse.
func (s *Server) doubt() {
	if err := s.cert.fits(s.cfg.relaysHere()); err != nil {
		s.log.Warn("clients will refuse the certificate", "err", err)
	}
}

// Reload reads accounts and certificate again. What can't be read stays as it was, and the error says why.
func (s *Server) Reload() error {
	err := errors.Join(s.accounts.Reload(), s.cert.reload())
	s.doubt()
	if err != nil {
		s.metrics.reloads.WithLabelValues("failed").Inc()
		s.log.Error("reload failed: what can't be read stays as it was", "err", err)
		return err
	}
	s.metrics.reloads.WithLabelValues("done").Inc()
	s.log.Info("reloaded accounts and certificate", "accounts", s.accounts.Len(),
		"certificate-expires", s.cert.now.Load().Leaf.NotAfter.Format(time.DateOnly))
	return nil
}

// Describe tells a person what is where.
func (s *Server) Describe(w io.Writer) {
	for _, e := range s.edges {
		fmt.Fprintf(w, "lookup     https://%v%s\n", e.Addr(), relay.LookupPath)
	}
	for _, r := range s.relays {
		site := r.Site()
		fmt.Fprintf(w, "%-10s %v  messages TCP %s  TURN UDP %s  TURN TCP %s\n", site.Name, site.Addr,
			portList(site.MessagePorts), portList(site.UDPPorts), portList(site.TCPPorts))
	}
	if s.admin != nil {
		fmt.Fprintf(w, "admin      http://%v/metrics  /healthz  /readyz\n", s.admin.at)
	}
}

// portList is ports as people write them.
func portList(ports []int) (text string) {
	for i := 0; i < len(ports); {
		j := i
		for j+1 < len(ports) && ports[j+1] == ports[j]+1 {
			j++
		}
		if text != "" {
			text += ","
		}
		text += fmt.Sprint(ports[i])
		if j > i {
			text += fmt.Sprint("-", ports[j])
		}
		i = j + 1
	}
	return text
}

// hear takes the cloud proxy's events.
func (s *Server) hear(e relay.Event) {
	s.metrics.hear(e)
	s.journal.hear(e)
}

// Check reads the files that a configuration names, and opens nothing.
func Check(cfg Config) error {
	_, err := accounts.Open(cfg.Accounts)
	_, err2 := trust(cfg.GatewayCA)
	cert := &certificate{cert: cfg.Cert, key: cfg.Key}
	err3 := cert.reload()
	if err3 == nil {
		err3 = cert.fits(cfg.relaysHere())
	}
	return errors.Join(cfg.validate(), err, err3, err2)
}
