package mutant

import (
	"net"
	"net/netip"

	"github.com/pion/transport/v3"

	"github.com/proxyspec/proxyspec/fakes/sdrtn"
	"github.com/proxyspec/proxyspec/relay"
)

// gateways are an SD-RTN that doesn't do its part.
var gateways = []Mutant{
	{
		Name: "relays-only", Breaks: []string{"CP-PROV-02"},
		Description: "takes connections from relays only",
		ground: func() Ground {
			var known []netip.Addr // complete before anybody connects
			return Ground{
				CloudProxy: func(cfg *relay.Config) {
					for _, site := range cfg.Relays {
						known = append(known, site.Addr)
					}
				},
				Gateway: func(cfg *sdrtn.Config) { cfg.Net = &choosyNet{cfg.Net, &known} },
			}
		},
	},
	{
		Name: "gateway-loses-messages", Breaks: []string{"CP-FLOW-06"},
		Description: "loses one message in a thousand",
		ground: func() Ground {
			return Ground{Gateway: func(cfg *sdrtn.Config) { cfg.Wrap = tapped(treated(losing(1000))) }}
		},
	},
}

// choosyNet is a network whose listeners take connections from some addresses only.
type choosyNet struct {
	transport.Net
	from *[]netip.Addr
}

func (n *choosyNet) ListenTCP(network string, local *net.TCPAddr) (transport.TCPListener, error) {
	l, err := n.Net.ListenTCP(network, local)
	if err != nil {
		return nil, err
	}
	return &choosyListener{l, n.from}, nil
}

type choosyListener struct {
	transport.TCPListener
	from *[]netip.Addr
}

func (l *choosyListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.TCPListener.Accept()
		if err != nil {
			return nil, err
		}
		at, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
		for _, known := range *l.from {
			if at.Addr().Unmap() == known {
				return conn, nil
			}
		}
		_ = conn.Close()
	}
}
