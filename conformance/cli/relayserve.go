package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/relay/serve"
)

// serveOrder is what the user asks of a cloud proxy, beyond its file.
type serveOrder struct {
	config, admin      string
	format, level      string
	drain              time.Duration
	pprof, check       bool
	adminSet, drainSet bool
	nodes              []string
}

func (c *command) relayServeCommand() *cobra.Command {
	var o serveOrder
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the cloud proxy on this machine's sockets",
		Long: `Serve runs the cloud proxy, its lookup edges and its relays for messages and media, as a file describes it.
Without a file it runs a demo on loopback, with a certificate of its own and a gateway that echoes.

SIGTERM or Ctrl-C drains: no new calls, those that are there may go on for a while (drain), then it ends; the
second one ends it at once. SIGHUP reads accounts and certificate again. The address of --admin answers
/metrics (Prometheus), /healthz and /readyz; give it one that only you reach.

Exit codes: 0 it ended as it was told; 2 usage, or a mistake in a file; 3 a port can't be had, or broke.`,
		Example: `  proxyspec relay serve
  proxyspec relay serve --config cloud-proxy.yaml --check
  proxyspec relay serve --config cloud-proxy.yaml --admin 127.0.0.1:9090 --log json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.adminSet, o.drainSet = cmd.Flags().Changed("admin"), cmd.Flags().Changed("drain")
			if o.config == "" && cmd.Flags().Changed("config") {
				return usage(errors.New("--config is empty: name a file, or leave it out for a demo"))
			}
			return c.relayServe(o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.config, "config", "", "the configuration file, YAML; see relay/examples/cloud-proxy.yaml (default: a demo)")
	f.BoolVar(&o.check, "check", false, "read the files, say what is wrong with them, and end")
	f.StringArrayVar(&o.nodes, "node", nil, "run this edge or relay only, of those in the file; may be repeated")
	f.StringVar(&o.admin, "admin", "", "ADDRESS:PORT for metrics and health, instead of the file's")
	f.DurationVar(&o.drain, "drain", 0, "how long calls may go on after the first SIGTERM, instead of the file's")
	f.StringVar(&o.format, "log", "text", "text or json")
	f.StringVar(&o.level, "level", "info", "debug, info, warn or error")
	f.BoolVar(&o.pprof, "pprof", false, "profiles at /debug/pprof/ of the admin address")
	return cmd
}

func (c *command) relayServe(o serveOrder) error {
	log, err := c.logger(o)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	cfg, forget, err := o.read(ctx)
	if err != nil {
		return err
	}
	defer forget()
	cfg.Log = log
	if o.check {
		if err := serve.Check(cfg); err != nil {
			return usage(err)
		}
		for _, w := range cfg.Warnings() {
			fmt.Fprintf(c.stderr, "warning: %s\n", w)
		}
		fmt.Fprintf(c.stdout, "%s: nothing wrong\n", cmp.Or(o.config, "the demo"))
		return nil
	}
	// Before anybody can know that there is a server to send signals to.
	reloads, ends := make(chan os.Signal, 1), make(chan os.Signal, 2)
	signal.Notify(reloads, syscall.SIGHUP)
	signal.Notify(ends, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(reloads)
	defer signal.Stop(ends)
	signal.Ignore(syscall.SIGPIPE) // a log whose reader has gone ends no calls
	server, err := serve.New(cfg)
	var unavailable serve.Unavailable
	switch {
	case errors.As(err, &unavailable):
		return &exit{code: result.ExitFault, err: err}
	case err != nil:
		return usage(err)
	}
	if o.config == "" {
		fmt.Fprintf(c.stdout, `DEMO: a cloud proxy on loopback, for trying it out. Nobody else can reach it, its certificate
signs itself, and a gateway that echoes stands in for SD-RTN. For a real one: --config FILE.
certificate  %s
App ID       %s
`, filepath.ToSlash(cfg.Cert), serve.DemoAppID)
	}
	server.Describe(c.stdout)
	go each(ctx, reloads, func() { _ = server.Reload() }) // which the log tells
	draining := false
	go each(ctx, ends, func() {
		if draining {
			stop()
		}
		draining = true
		server.Drain()
	})
	if err := server.Run(ctx); err != nil {
		return &exit{code: result.ExitFault, err: err}
	}
	return nil
}

// read is the configuration that the user asks for, or the demo's; forget removes what the demo needs.
func (o serveOrder) read(ctx context.Context) (cfg serve.Config, forget func(), err error) {
	forget = func() {}
	if o.config == "" {
		folder, err := os.MkdirTemp("", "proxyspec-demo-")
		if err != nil {
			return cfg, forget, &exit{code: result.ExitFault, err: err}
		}
		forget = func() { os.RemoveAll(folder) }
		if cfg, err = serve.Demo(ctx, folder); err != nil {
			forget()
			return cfg, forget, &exit{code: result.ExitFault, err: err}
		}
	} else {
		source, err := os.ReadFile(o.config)
		if err != nil {
			return cfg, forget, usage(fmt.Errorf("--config: %w", err))
		}
		if cfg, err = serve.Read(o.config, source, documented); err != nil {
			return cfg, forget, usage(err)
		}
	}
	if err := o.override(&cfg); err != nil {
		forget()
		return cfg, forget, err
	}
	return cfg, forget, nil
}

// override has flags go before the file.
func (o serveOrder) override(cfg *serve.Config) (err error) {
	if o.adminSet {
		if cfg.Admin, err = netip.ParseAddrPort(o.admin); err != nil {
			return usage(fmt.Errorf("--admin must be ADDRESS:PORT, such as 127.0.0.1:9090, not %q", o.admin))
		}
		if why := documented(cfg.Admin.Addr().Unmap()); why != "" {
			return usage(fmt.Errorf("--admin: %s", why))
		}
	}
	if o.drainSet {
		if o.drain < 0 {
			return usage(fmt.Errorf("--drain must not be negative, but is %v", o.drain))
		}
		cfg.Drain = o.drain
	}
	if o.pprof && !cfg.Admin.IsValid() {
		return usage(errors.New("--pprof needs an admin address: give --admin, or admin in the file"))
	}
	cfg.Pprof, cfg.Nodes = o.pprof, o.nodes
	return nil
}

// each obeys signals of one kind until ctx ends. Each kind has a goroutine and a channel of its own: many SIGHUPs, or
// one whose files don't come, must not have a SIGTERM wait or get lost.
func each(ctx context.Context, signals <-chan os.Signal, obey func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			obey()
		}
	}
}

func (c *command) logger(o serveOrder) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.level)); err != nil {
		return nil, usage(fmt.Errorf("--level must be debug, info, warn or error, not %q", o.level))
	}
	options := &slog.HandlerOptions{Level: level}
	switch o.format {
	case "text":
		return slog.New(slog.NewTextHandler(c.stderr, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(c.stderr, options)), nil
	}
	return nil, usage(fmt.Errorf("--log must be text or json, not %q", o.format))
}
