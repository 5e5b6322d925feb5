package kernel

import (
	"net"
	"net/netip"
	"os"
	"strings"
)

// hostSockets is the Unix sockets that somebody listens on or has bound in this network namespace, abstract ones with
// an @ in front.
func hostSockets() ([]string, error) {
	text, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var sockets []string
	for line := range strings.Lines(string(text)) {
		// Num RefCount Protocol Flags Type St Inode Path; the path may have spaces.
		rest := line
		for range 7 {
			_, rest, _ = strings.Cut(strings.TrimLeft(rest, " "), " ")
		}
		path := strings.TrimSpace(rest)
		if (strings.HasPrefix(path, "/") || strings.HasPrefix(path, "@")) && !seen[path] {
			seen[path] = true
			sockets = append(sockets, path)
		}
	}
	return sockets, nil
}

// hostAddresses is the addresses of this machine that others could reach, each with a port that servers use.
func hostAddresses() (list []netip.AddrPort, err error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err == nil && prefix.Addr().Is4() && !prefix.Addr().IsLoopback() {
			list = append(list, netip.AddrPortFrom(prefix.Addr(), 22))
		}
	}
	return list, nil
}

// scrubbed is an environment without what would send a program's requests to a proxy, or to a server of the host's.
func scrubbed(environ []string) (clean []string) {
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		switch lower := strings.ToLower(name); {
		case strings.HasSuffix(lower, "_proxy"):
		case lower == "dbus_session_bus_address", lower == "ssh_auth_sock", lower == "gpg_agent_info", lower == "display",
			lower == "wayland_display", lower == "xdg_runtime_dir", lower == "docker_host":
		case strings.HasPrefix(name, "PROXYSPEC_"):
		default:
			clean = append(clean, v)
		}
	}
	return clean
}
