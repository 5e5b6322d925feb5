package mutant

import (
	"net"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/pion/transport/v3"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdk"
)

// networks send packets that they shouldn't.
var networks = []Mutant{
	{
		Name: "stray-media", Breaks: []string{"CP-FLOW-04", "CP-FLOW-07"},
		Description: "sends one media packet in a hundred to SD-RTN itself instead of to the relay",
		make: func(cfg sdk.Config) SDK {
			stray := &strayNet{Net: cfg.Net}
			cfg.Net = stray
			return conduct(func(f *front) func(*contract.Call) {
				return func(c *contract.Call) {
					if c.Method == contract.MethodHello {
						f.resolve(paramsOf[contract.Hello](c).Endpoints.Gateways[0], &stray.to)
					}
					f.inner.Begin(c)
				}
			})(cfg)
		},
	},
	{
		Name: "direct-ping", Breaks: []string{"CP-FLOW-04", "CP-FLOW-07"},
		Description: "measures the direct way to SD-RTN while it uses the cloud proxy",
		make: conduct(func(f *front) func(*contract.Call) {
			var to atomic.Pointer[net.UDPAddr]
			return func(c *contract.Call) {
				switch c.Method {
				case contract.MethodHello:
					f.resolve(paramsOf[contract.Hello](c).Endpoints.Gateways[0], &to)
				case contract.MethodPublish:
					f.later(time.Second, func() { f.ping(to.Load()) })
				}
				f.inner.Begin(c)
			}
		}),
	},
}

// port is where strays go. Nobody listens there: it is the packet that counts.
const port = 50000

// resolve finds the address of a URL's host, in its own time.
func (f *front) resolve(of string, to *atomic.Pointer[net.UDPAddr]) {
	u, err := url.Parse(of)
	if err != nil {
		return
	}
	f.tasks.Go(func() {
		if ip, err := f.net.ResolveIPAddr("ip4", u.Hostname()); err == nil {
			to.Store(&net.UDPAddr{IP: ip.IP, Port: port})
		}
	})
}

// ping sends one packet.
func (f *front) ping(to *net.UDPAddr) {
	conn, err := f.net.ListenPacket("udp4", "0.0.0.0:0")
	if err != nil || to == nil {
		return
	}
	defer conn.Close()
	_, _ = conn.WriteTo([]byte("ping"), to)
}

// strayNet is a network whose unconnected UDP sockets, which are those to TURN servers, lead some packets astray.
type strayNet struct {
	transport.Net
	to atomic.Pointer[net.UDPAddr]
}

func (n *strayNet) ListenPacket(network, address string) (net.PacketConn, error) {
	conn, err := n.Net.ListenPacket(network, address)
	if err != nil {
		return nil, err
	}
	return &strayConn{PacketConn: conn, n: n}, nil
}

type strayConn struct {
	net.PacketConn
	n     *strayNet
	media atomic.Int64
}

func (c *strayConn) WriteTo(p []byte, to net.Addr) (int, error) {
	stray := c.n.to.Load()
	if channelData := len(p) > 0 && p[0]&0xc0 == 0x40; channelData && stray != nil && c.media.Add(1)%100 == 0 {
		return c.PacketConn.WriteTo(p, stray)
	}
	return c.PacketConn.WriteTo(p, to)
}
