package relay

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config says what a cloud proxy is made of. Fields without a default must be set.
type Config struct {
	// Secret signs sessions and makes TURN credentials: at least 16 bytes, 32 random ones for
	// anything real. Every edge and relay of one cloud proxy has the same.
	Secret []byte

	Accounts Accounts
	Relays   []RelaySite
	Gateways []GatewaySite

	// Peers is whom the media relays may send to and hear from: SD-RTN and nobody else.
	// Default: nobody.
	Peers []netip.Prefix

	// TLS has the certificate of edges and relays. Only HTTP/1.1 is offered, whatever it says: a
	// lookup is one exchange, and a WebSocket needs a connection of its own.
	TLS *tls.Config

	// GatewayTLS is how relays check a gateway's certificate. Default: by the system's authorities.
	GatewayTLS *tls.Config

	// Limits is what each relay grants.
	Limits Limits

	// TTL is how long a session may begin message connections and allocations, in whole seconds.
	// Default 24 h, which draft-uberti-behave-turn-rest-00, section 2.2, recommends: whoever stays in
	// a call all day can still subscribe to one more user without another lookup.
	TTL time.Duration

	// Ping is how often a message connection that may be idle is tried, in both directions; one that
	// doesn't answer within 10 s is lost. Default 20 s: firewalls that forget idle TCP connections
	// after 60 s are known. Negative: never.
	Ping time.Duration

	// Facing is the address at which a client finds what stands at another: relays behind a one-to-one translation
	// of addresses have one for clients before it and one for those beyond. Default: the address itself.
	Facing func(client, site netip.Addr) netip.Addr

	// Wrap goes around what answers lookups and message handshakes, for what an operator puts in front of it: an
	// access log, a rate limit, tracing. Default: nothing.
	Wrap func(http.Handler) http.Handler

	// Rand names sessions. Default crypto/rand.
	Rand io.Reader

	// Log hears of every Event, from many goroutines at once, without any lock of this package held.
	// What the event tells of waits for it to return, so that a log's order is never behind the
	// network's: it must not block. Default: nobody listens.
	Log func(Event)
}

// RelaySite is where a relay is. Port 0 takes a free port, which answers name once the relay listens.
type RelaySite struct {
	Name         string
	Addr         netip.Addr
	Host         string // the domain name by which clients find it; empty: they are told the address
	MessagePorts []int  // TCP, WebSocket over TLS
	UDPPorts     []int  // TURN over UDP
	TCPPorts     []int  // TURN over TCP
	Set          Set    // of addresses that it belongs to; empty: it serves every account
}

// GatewaySite is an entrance to SD-RTN for messages: a wss URL, path included.
type GatewaySite struct {
	Name, URL string
}

// Cloud is what the edges and relays of one cloud proxy share: accounts, the users that count
// against them, and the secret. It runs nothing by itself and may be used from many goroutines.
type Cloud struct {
	cfg   Config
	slots slots

	mu    sync.Mutex  // Config.Rand too
	sites []RelaySite // ports as they are bound
}

// New checks the configuration. An error names the field that is wrong.
func New(cfg Config) (*Cloud, error) {
	if cfg.TTL == 0 {
		cfg.TTL = 24 * time.Hour
	}
	if cfg.Ping == 0 {
		cfg.Ping = 20 * time.Second
	}
	cfg.Limits = cfg.Limits.withDefaults()
	cfg.TLS, cfg.GatewayTLS = atLeastTLS12(cfg.TLS), atLeastTLS12(cfg.GatewayTLS)
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Log == nil {
		cfg.Log = func(Event) {}
	}
	if cfg.Facing == nil {
		cfg.Facing = func(_, site netip.Addr) netip.Addr { return site }
	}
	if cfg.Wrap == nil {
		cfg.Wrap = func(h http.Handler) http.Handler { return h }
	}
	if cfg.GatewayTLS == nil {
		cfg.GatewayTLS = &tls.Config{}
	}
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	cfg.Relays = slices.Clone(cfg.Relays)
	for i, site := range cfg.Relays {
		cfg.Relays[i].Addr = site.Addr.Unmap()
	}
	return &Cloud{cfg: cfg, sites: slices.Clone(cfg.Relays)}, nil
}

// atLeastTLS12 is what TLS 1.1 and before are no longer good for (RFC 8996), whatever the configuration says.
func atLeastTLS12(cfg *tls.Config) *tls.Config {
	if cfg == nil {
		return nil
	}
	cfg = cfg.Clone()
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	return cfg
}

func (cfg *Config) validate() error {
	switch {
	case len(cfg.Secret) < 16:
		return fmt.Errorf("Config.Secret has %d bytes: give at least 16 random ones", len(cfg.Secret))
	case cfg.Accounts == nil:
		return errors.New("Config.Accounts is nil: nobody could look up")
	case cfg.TLS == nil:
		return errors.New("Config.TLS is nil: lookups and messages need a certificate")
	case cfg.TTL < time.Second:
		return fmt.Errorf("Config.TTL is %v: give at least a second", cfg.TTL)
	case len(cfg.Relays) == 0:
		return errors.New("Config.Relays is empty")
	case len(cfg.Gateways) == 0:
		return errors.New("Config.Gateways is empty")
	}
	names := make(map[string]bool)
	for _, site := range cfg.Relays {
		if site.Name == "" || names[site.Name] {
			return fmt.Errorf("Config.Relays: the name %q is empty or given twice", site.Name)
		}
		names[site.Name] = true
		if err := site.validate(); err != nil {
			return fmt.Errorf("Config.Relays: %s: %w", site.Name, err)
		}
	}
	for _, g := range cfg.Gateways {
		if u, err := url.Parse(g.URL); err != nil || u.Scheme != "wss" || u.Hostname() == "" {
			return fmt.Errorf("Config.Gateways: %s: %q is not a wss URL", g.Name, g.URL)
		}
	}
	return nil
}

// host is how clients are told where the relay is.
func (site RelaySite) host() string {
	if site.Host != "" {
		return site.Host
	}
	return site.Addr.String()
}

func (site RelaySite) validate() error {
	switch {
	case !site.Addr.IsValid():
		return errors.New("no address")
	case site.Addr.Unmap().Is6():
		return fmt.Errorf("%v is no IPv4 address: relayed transport addresses are", site.Addr)
	case strings.ContainsAny(site.Host, ":/?#[]@ "):
		return fmt.Errorf("host %q is no domain name", site.Host)
	case len(site.MessagePorts) == 0:
		return errors.New("no port for messages")
	case len(site.UDPPorts) == 0:
		return errors.New("no port for TURN over UDP")
	case len(site.TCPPorts) == 0:
		return errors.New("no port for TURN over TCP")
	}
	return errors.Join(
		site.Set.validate(),
		validatePorts("TCP", slices.Concat(site.MessagePorts, site.TCPPorts)),
		validatePorts("UDP", site.UDPPorts),
	)
}

func validatePorts(proto string, ports []int) error {
	seen := make(map[int]bool)
	for _, port := range ports {
		switch {
		case port < 0 || port > 65535:
			return fmt.Errorf("%d is not a port", port)
		case port != 0 && seen[port]:
			return fmt.Errorf("%s port %d is given twice", proto, port)
		}
		seen[port] = true
	}
	return nil
}

// name draws 64 bits for the name of a session, so that no two that are valid share one in practice.
func (c *Cloud) name() (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b [8]byte
	if _, err := io.ReadFull(c.cfg.Rand, b[:]); err != nil {
		return "", fmt.Errorf("name a session: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

// relays is every relay of the account's set in the order in which a channel's users should try them. Each channel
// begins at another one, so that channels spread and one channel's users meet.
func (c *Cloud) relays(set Set, appID, channel string) []RelaySite {
	c.mu.Lock()
	defer c.mu.Unlock()
	var mine []RelaySite
	for _, site := range c.sites {
		if site.Set.serves(set) {
			mine = append(mine, site)
		}
	}
	return rotate(mine, appID, channel)
}

// gateways is likewise for SD-RTN's entrances.
func (c *Cloud) gateways(appID, channel string) []GatewaySite {
	return rotate(c.cfg.Gateways, appID, channel)
}

// rotate copies list so that it begins at a place that the channel decides.
func rotate[T any](list []T, appID, channel string) []T {
	if len(list) == 0 {
		return nil
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%q %q", appID, channel)
	n := int(h.Sum64() % uint64(len(list)))
	return slices.Concat(list[n:], list[:n])
}

// bound records the ports that a relay listens on.
func (c *Cloud) bound(site RelaySite) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.sites {
		if c.sites[i].Name == site.Name {
			c.sites[i] = site
		}
	}
}
