package httpproxy

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// any stands for every host or every port.
const any = "*"

// target is a host and port, or a pattern of some. Hosts are in lower case, without a dot at the end;
// addresses are as netip writes them.
type target struct{ host, port string }

func parseTargets(all []string) ([]target, error) {
	var out []target
	var errs []error
	for _, s := range all {
		t, err := parseTarget(s)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, t)
	}
	return out, errors.Join(errs...)
}

func parseTarget(s string) (target, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return target{}, fmt.Errorf("%q is not HOST:PORT: %w", s, err)
	}
	if n, err := strconv.ParseUint(port, 10, 16); port != any && (err != nil || n == 0) {
		return target{}, fmt.Errorf("%q: the port is not a number from 1 to 65535, nor *", s)
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return target{a.Unmap().String(), port}, nil
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if below, _ := strings.CutPrefix(host, "*."); host == "" || host != any && strings.Contains(below, any) {
		return target{}, fmt.Errorf("%q: the host is not a name, an address, *.NAME or *", s)
	}
	return target{host, port}, nil
}

// covers tells whether another is this target, or one of those that this pattern stands for.
func (t target) covers(o target) bool {
	if t.port != any && t.port != o.port {
		return false
	}
	if suffix, ok := strings.CutPrefix(t.host, any); ok {
		return strings.HasSuffix(o.host, suffix)
	}
	return t.host == o.host
}
