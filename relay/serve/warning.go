package serve

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"

	"github.com/proxyspec/proxyspec/relay"
)

// Warnings says what in a configuration works otherwise than its author seems to think. It is no error.
func (cfg Config) Warnings() (out []string) {
	for _, r := range cfg.ownPeers() {
		out = append(out, fmt.Sprintf("%s, the address of %s, stays closed to media: to open it, name it alone in peers", r.Addr, r.Name))
	}
	for _, name := range []string{cfg.SecretFile, cfg.Key} {
		info, err := os.Stat(name)
		if err == nil && info.Mode()&0o004 != 0 && runtime.GOOS != "windows" { // where the mode says nothing of others
			out = append(out, fmt.Sprintf("everybody on this machine can read %s: chmod o= %s", name, name))
		}
	}
	return out
}

// ownPeers are the relays whose addresses Peers seems to open, by a prefix that has others, too.
func (cfg Config) ownPeers() (out []relay.RelaySite) {
	for _, r := range cfg.Relays {
		holds := func(p netip.Prefix) bool { return p.Contains(r.Addr) }
		alone := func(p netip.Prefix) bool { return holds(p) && p.IsSingleIP() }
		if slices.ContainsFunc(cfg.Peers, holds) && !slices.ContainsFunc(cfg.Peers, alone) {
			out = append(out, r)
		}
	}
	return out
}
