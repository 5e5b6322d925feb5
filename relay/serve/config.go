package serve

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/relay"
)

// Config is a cloud proxy to run. Read makes one of a file, and Demo one of nothing.
type Config struct {
	Secret     []byte
	SecretFile string // that it is from; empty: from none
	Accounts   string // the file of relay/accounts
	Key        string // files of the certificate, PEM
	Cert       string
	Edges      []EdgeSite
	Relays     []relay.RelaySite
	Gateways   []relay.GatewaySite
	// GatewayCA is the file of the authority that gateways' certificates are from. Empty: the system's.
	GatewayCA string
	Peers     []netip.Prefix
	// Nodes is which of the edges and relays run here, by name: others run elsewhere, from the same file. Empty: all.
	Nodes     []string
	Limits    relay.Limits
	TTL, Ping time.Duration // 0: relay's default

	Admin netip.AddrPort // metrics and health, HTTP; invalid: none
	Pprof bool           // profiles too
	Drain time.Duration  // how long calls may go on after a SIGTERM

	Log *slog.Logger // nil: nobody reads it
}

// EdgeSite is where a lookup edge is.
type EdgeSite struct {
	Name string
	Addr netip.AddrPort
}

// here says whether an edge or relay runs here.
func (cfg Config) here(name string) bool {
	return len(cfg.Nodes) == 0 || slices.Contains(cfg.Nodes, name)
}

// relaysHere are those that run here.
func (cfg Config) relaysHere() (out []relay.RelaySite) {
	for _, r := range cfg.Relays {
		if cfg.here(r.Name) {
			out = append(out, r)
		}
	}
	return out
}

// validate finds nodes that there are not, and ports that two parts of this machine would have.
func (cfg Config) validate() error {
	var names []string
	for _, e := range cfg.Edges {
		names = append(names, e.Name)
	}
	for _, r := range cfg.Relays {
		names = append(names, r.Name)
	}
	for _, n := range cfg.Nodes {
		if !slices.Contains(names, n) {
			return fmt.Errorf("there is no edge and no relay %q; there are %s", n, strings.Join(names, ", "))
		}
	}
	return cfg.ports()
}

// ports finds those that two parts of this machine would have. Port 0 is any that is free.
func (cfg Config) ports() error {
	type part struct {
		name string
		addr netip.Addr
	}
	owners := make(map[string][]part) // of "TCP 443"
	take := func(name, network string, addr netip.Addr, ports ...int) error {
		for _, port := range ports {
			key := fmt.Sprint(network, " ", port)
			for _, other := range owners[key] {
				if port != 0 && (other.addr == addr || other.addr.IsUnspecified() || addr.IsUnspecified()) {
					return fmt.Errorf("%s and %s can't both have %s port %d of %v", other.name, name, network, port, addr)
				}
			}
			owners[key] = append(owners[key], part{name, addr})
		}
		return nil
	}
	var err error
	if cfg.Admin.IsValid() {
		err = take("admin", "TCP", cfg.Admin.Addr(), int(cfg.Admin.Port()))
	}
	for _, e := range cfg.Edges {
		if cfg.here(e.Name) {
			err = errors.Join(err, take(e.Name, "TCP", e.Addr.Addr(), int(e.Addr.Port())))
		}
	}
	for _, r := range cfg.relaysHere() {
		err = errors.Join(err, take(r.Name, "TCP", r.Addr, slices.Concat(r.MessagePorts, r.TCPPorts)...), take(r.Name, "UDP", r.Addr, r.UDPPorts...))
	}
	return err
}
