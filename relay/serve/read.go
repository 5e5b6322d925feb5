package serve

import (
	"errors"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/relay/strict"
	"github.com/proxyspec/proxyspec/text/tree"
)

// reader reads a configuration file.
type reader struct {
	*strict.Reader
	folder string // to which the files that it names are relative
	refuse func(netip.Addr) string
	cfg    Config
	names  map[string]bool
}

// Read reads a configuration file's text; name is the file's. Refuse says why an address must not be used, and is ""
// where it may. An error names every mistake, with line and column.
func Read(name string, source []byte, refuse func(netip.Addr) string) (Config, error) {
	strictly, root := strict.YAML(name, source)
	r := &reader{Reader: strictly, folder: filepath.Dir(name), refuse: refuse, names: map[string]bool{}}
	r.cfg.Drain = 5 * time.Minute
	r.Fields(root, "the configuration", map[string]func(*tree.Node){
		"secret-file": r.secret,
		"accounts":    func(n *tree.Node) { r.cfg.Accounts = r.file(n, "accounts") },
		"certificate": func(n *tree.Node) { r.cfg.Cert = r.file(n, "certificate") },
		"key":         func(n *tree.Node) { r.cfg.Key = r.file(n, "key") },
		"edges":       func(n *tree.Node) { r.Items(n, "edges", r.edge) },
		"relays":      func(n *tree.Node) { r.Items(n, "relays", r.relay) },
		"gateways":    func(n *tree.Node) { r.Items(n, "gateways", r.gateway) },
		"gateway-ca":  func(n *tree.Node) { r.cfg.GatewayCA = r.file(n, "gateway-ca") },
		"peers":       func(n *tree.Node) { r.Items(n, "peers", r.peer) },
		"limits":      r.limits,
		"session":     func(n *tree.Node) { r.cfg.TTL = r.duration(n, "session", time.Second) },
		"ping":        func(n *tree.Node) { r.cfg.Ping = r.duration(n, "ping", time.Second) },
		"drain":       func(n *tree.Node) { r.cfg.Drain = r.duration(n, "drain", 0) },
		"admin":       func(n *tree.Node) { r.cfg.Admin = r.addrPort(n, "admin") },
	}, "secret-file", "accounts", "certificate", "key", "gateways", "peers")
	if root != nil && root.Kind == tree.Map && len(r.cfg.Relays) == 0 && root.Field("relays") == nil {
		// An edge alone must know the relays that it names, so there is no cloud proxy without them.
		r.Wrong(root, "the configuration needs the field \"relays\": an edge names them in its answers")
	}
	return r.cfg, r.Err()
}

// secret reads the file that has it: a configuration is shown around, a secret isn't.
func (r *reader) secret(n *tree.Node) {
	path := r.file(n, "secret-file")
	r.cfg.SecretFile = path
	if path == "" {
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		advice := ""
		if errors.Is(err, fs.ErrNotExist) { // one that is there mustn't be written over
			advice = ": make one with \"openssl rand -hex 32\""
		}
		r.Wrong(n, "secret-file: %v%s", err, advice)
		return
	}
	r.cfg.Secret = []byte(strings.TrimSpace(string(text)))
	if len(r.cfg.Secret) < 16 {
		r.Wrong(n, "secret-file: %s has %d characters: give at least 16 random ones (\"openssl rand -hex 32\")", path, len(r.cfg.Secret))
	}
}

func (r *reader) file(n *tree.Node, what string) string {
	path := r.Text(n, what)
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.folder, path)
}

func (r *reader) name(n *tree.Node) string {
	name := r.Text(n, "name")
	if name != "" && r.names[name] {
		r.Wrong(n, "the name %q stands here for the second time: metrics and logs go by it", name)
	}
	r.names[name] = true
	return name
}

func (r *reader) edge(n *tree.Node) {
	var e EdgeSite
	r.Fields(n, "an edge", map[string]func(*tree.Node){
		"name":    func(n *tree.Node) { e.Name = r.name(n) },
		"address": func(n *tree.Node) { e.Addr = r.addrPort(n, "address") },
	}, "name", "address")
	r.cfg.Edges = append(r.cfg.Edges, e)
}

func (r *reader) relay(n *tree.Node) {
	site := relay.RelaySite{MessagePorts: relay.MessagePorts, UDPPorts: relay.UDPPorts, TCPPorts: relay.TCPPorts}
	r.Fields(n, "a relay", map[string]func(*tree.Node){
		"name":          func(n *tree.Node) { site.Name = r.name(n) },
		"address":       func(n *tree.Node) { site.Addr = r.addr(n, "address", r.Text(n, "address")) },
		"message-ports": func(n *tree.Node) { site.MessagePorts = r.ports(n, "message-ports") },
		"udp-ports":     func(n *tree.Node) { site.UDPPorts = r.ports(n, "udp-ports") },
		"tcp-ports":     func(n *tree.Node) { site.TCPPorts = r.ports(n, "tcp-ports") },
		"set": func(n *tree.Node) {
			site.Set = relay.Set(r.Word(n, "set", string(relay.TestSet), string(relay.ProductionSet)))
		},
	}, "name", "address")
	switch {
	case site.Addr.IsUnspecified():
		r.Wrong(n, "a relay's address is told to clients: give the one by which they reach it, not %v", site.Addr)
	case site.Addr.Is6():
		r.Wrong(n, "a relay's address must be IPv4, not %v: it is what peers see of media, and they are reached by IPv4 only", site.Addr)
	}
	for _, port := range site.MessagePorts {
		if port != 0 && slices.Contains(site.TCPPorts, port) {
			r.Wrong(n, "TCP port %d is one of message-ports and of tcp-ports: it can be one of them only", port)
		}
	}
	r.cfg.Relays = append(r.cfg.Relays, site)
}

func (r *reader) gateway(n *tree.Node) {
	var g relay.GatewaySite
	r.Fields(n, "a gateway", map[string]func(*tree.Node){
		"name": func(n *tree.Node) { g.Name = r.name(n) },
		"url": func(n *tree.Node) {
			g.URL = r.Text(n, "url")
			u, err := url.Parse(g.URL)
			if g.URL != "" && (err != nil || u.Scheme != "wss" || u.Hostname() == "") {
				r.Wrong(n, "url %q must be like wss://gateway.example.org/v1/channel", g.URL)
				return
			}
			if at, err := netip.ParseAddr(u.Hostname()); err == nil {
				r.allowed(n, "url", at)
			}
		},
	}, "name", "url")
	r.cfg.Gateways = append(r.cfg.Gateways, g)
}

func (r *reader) peer(n *tree.Node) {
	text := r.Text(n, "a peer")
	p, err := netip.ParsePrefix(text)
	if a, err2 := netip.ParseAddr(text); err2 == nil {
		a = a.Unmap()
		p, err = netip.PrefixFrom(a, a.BitLen()), nil
	}
	if err != nil && text != "" {
		r.Wrong(n, "a peer is an address of SD-RTN's or a prefix such as 198.51.100.0/28, not %q", text)
		return
	}
	r.allowed(n, "a peer", p.Addr())
	r.cfg.Peers = append(r.cfg.Peers, p)
}

func (r *reader) limits(n *tree.Node) {
	l := &r.cfg.Limits
	whole := func(what string, to *int) func(*tree.Node) {
		return func(n *tree.Node) { *to = r.Whole(n, what, 1) }
	}
	r.Fields(n, "limits", map[string]func(*tree.Node){
		"session-allocations": whole("session-allocations", &l.SessionAllocations),
		"source-allocations":  whole("source-allocations", &l.SourceAllocations),
		"allocations":         whole("allocations", &l.Allocations),
		"connections":         whole("connections", &l.Connections),
		"source-connections":  whole("source-connections", &l.SourceConnections),
		"user-connections":    whole("user-connections", &l.UserConnections),
		"session-rate":        whole("session-rate", &l.SessionRate),
		"strangers":           whole("strangers", &l.Strangers),
	})
}

// ports reads "3478-3500", 443, or a list of both.
func (r *reader) ports(n *tree.Node, what string) (ports []int) {
	one := func(n *tree.Node) {
		first, last, isRange := strings.Cut(strings.ReplaceAll(n.Text, " ", ""), "-")
		if !isRange {
			last = first
		}
		low, err := strconv.ParseUint(first, 10, 16)
		high, err2 := strconv.ParseUint(last, 10, 16)
		if err != nil || err2 != nil || high < low {
			r.Wrong(n, "%s: %q is no port from 0 to 65535, nor a range such as 3478-3500", what, n.Text)
			return
		}
		for p := int(low); p <= int(high); p++ {
			if p != 0 && slices.Contains(ports, p) {
				r.Wrong(n, "%s: port %d is there already", what, p)
				return
			}
			ports = append(ports, p)
		}
	}
	if n.Kind == tree.List {
		r.Items(n, what, one)
	} else {
		one(n)
	}
	if len(ports) == 0 && n.Kind == tree.List && len(n.Items) == 0 {
		r.Wrong(n, "%s is empty: leave it out for the usual ports", what)
	}
	return ports
}

func (r *reader) duration(n *tree.Node, what string, least time.Duration) time.Duration {
	d, err := time.ParseDuration(n.Text)
	if err != nil || d < least {
		r.Wrong(n, "%s must be a time of at least %v, such as 90s, 5m or 24h, not %q", what, least, n.Text)
	}
	return d
}

func (r *reader) addrPort(n *tree.Node, what string) netip.AddrPort {
	text := r.Text(n, what)
	at, err := netip.ParseAddrPort(text)
	if text == "" {
		return at
	}
	if err != nil {
		r.Wrong(n, "%s must be ADDRESS:PORT, such as 192.0.2.17:443, not %q", what, text)
		return at
	}
	return netip.AddrPortFrom(r.addr(n, what, at.Addr().String()), at.Port())
}

func (r *reader) addr(n *tree.Node, what, text string) netip.Addr {
	a, err := netip.ParseAddr(text)
	switch {
	case text == "":
	case err != nil:
		r.Wrong(n, "%s must be an IP address of this machine, not %q", what, text)
	default:
		r.allowed(n, what, a)
	}
	return a.Unmap()
}

// allowed refuses an address that must not be used.
func (r *reader) allowed(n *tree.Node, what string, a netip.Addr) {
	if why := r.refuse(a.Unmap()); why != "" {
		r.Wrong(n, "%s: %s", what, why)
	}
}
