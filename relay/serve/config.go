package serve

import (
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
	Secret   []byte
	Accounts string // the file of relay/accounts
	Key      string // files of the certificate, PEM
	Cert     string
	Edges    []EdgeSite
	Relays   []relay.RelaySite
	Gateways []relay.GatewaySite
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

// validate finds nodes that there are not.
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
	return nil
}
