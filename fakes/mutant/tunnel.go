package mutant

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/pion/transport/v3"
)

// tunnelNet reaches some hosts through an HTTP proxy that it has found by itself.
type tunnelNet struct {
	transport.Net
	proxy string // host:port
	to    func(host string) bool
}

// DialContext connects, by CONNECT (RFC 9110, section 9.3.6) where it is one of those hosts.
func (n *tunnelNet) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	through := network != "udp" && n.to(address)
	target := address
	if through {
		target = n.proxy
	}
	conn, err := n.Net.(interface {
		DialContext(ctx context.Context, network, address string) (net.Conn, error)
	}).DialContext(ctx, network, target)
	if err != nil || !through {
		return conn, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address); err != nil {
		conn.Close()
		return nil, err
	}
	var head []byte // a byte at a time: what follows is the tunnel's
	for one := make([]byte, 1); !strings.HasSuffix(string(head), "\r\n\r\n") && len(head) < 1<<10; head = append(head, one...) {
		if _, err := conn.Read(one); err != nil {
			conn.Close()
			return nil, err
		}
	}
	if !strings.HasPrefix(string(head), "HTTP/1.1 200") {
		conn.Close()
		return nil, fmt.Errorf("%s refuses a tunnel to %s: %.60s", n.proxy, address, head)
	}
	return conn, nil
}
