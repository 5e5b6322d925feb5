package mutant

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/pion/transport/v3"
	"github.com/pion/webrtc/v4"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdk"
)

// networks send packets that they shouldn't.
var networks = []Mutant{
	{
		Name: "stray-media", Breaks: []string{"CP-FLOW-04", "CP-FLOW-07"},
		Description: "sends one media packet in a hundred to SD-RTN itself instead of to the relay",
		make: func(cfg sdk.Config) SDK {
			var stray atomic.Pointer[net.UDPAddr]
			chosen := oneMediaPacketIn(100)
			cfg.Net = &turnNet{Net: cfg.Net, write: func(conn net.PacketConn, p []byte, to net.Addr) (int, error) {
				if astray := stray.Load(); astray != nil && chosen(p) {
					to = astray
				}
				return conn.WriteTo(p, to)
			}}
			return conduct(func(f *front) func(*contract.Call) {
				return func(c *contract.Call) {
					if c.Method == contract.MethodHello {
						f.resolve(paramsOf[contract.Hello](c).Endpoints.Gateways[0], &stray)
					}
					f.inner.Begin(c)
				}
			})(cfg)
		},
	},
	{
		Name: "direct-ping", Breaks: []string{"CP-FLOW-04", "CP-FLOW-07"},
		Description: "measures the direct way to SD-RTN while it uses the cloud proxy",
		make:        pings(contract.MethodPublish, time.Second),
	},
	{
		Name: "keeps-allocations", Breaks: []string{"CP-SEQ-04"},
		Description: "doesn't give its TURN allocations back",
		make: muffled(func() func([]byte) bool {
			return func(p []byte) bool { return bytes.HasPrefix(p, refresh) && bytes.Contains(p, noLifetime) }
		}),
	},
	{
		Name: "no-keepalives", Breaks: []string{"CP-RES-02", "CP-RES-11"},
		Description: "never tries whether the way of its media is still open",
		make: config(func(cfg *sdk.Config) {
			cfg.WebRTC = func(e *webrtc.SettingEngine) { e.SetICETimeouts(0, 0, 0) }
		}),
	},
	{
		Name: "no-refresh", Breaks: []string{"CP-RES-03"},
		Description: "doesn't refresh its TURN allocations",
		make: muffled(func() func([]byte) bool {
			return func(p []byte) bool { return bytes.HasPrefix(p, refresh) && !bytes.Contains(p, noLifetime) }
		}),
	},
	{
		Name: "no-permission-refresh", Breaks: []string{"CP-RES-03"},
		Description: "doesn't refresh its permissions and channels",
		make: func(cfg sdk.Config) SDK {
			cfg.Net = &agingNet{cfg.Net, time.Minute, func(p []byte) bool {
				return bytes.HasPrefix(p, createPermission) || bytes.HasPrefix(p, channelBind)
			}}
			return sdk.New(cfg)
		},
	},
	{
		Name: "ignores-new-nonce", Breaks: []string{"CP-RES-04"},
		Description: "goes on with the nonce that it has when a relay says that it is stale",
		make: config(func(cfg *sdk.Config) {
			cfg.Net = &turnNet{Net: cfg.Net, drops: func(p []byte) bool { return bytes.Contains(p, staleNonce) }}
		}),
	},
	{
		Name: "allocates-once", Breaks: []string{"CP-RES-05"},
		Description: "makes no TURN allocation after its first connection for media",
		make: func(cfg sdk.Config) SDK {
			var began atomic.Int64
			cfg.Net = &turnNet{Net: cfg.Net, write: func(conn net.PacketConn, p []byte, to net.Addr) (int, error) {
				if bytes.HasPrefix(p, allocate) {
					now := time.Now().UnixNano()
					if began.CompareAndSwap(0, now); now-began.Load() > int64(2*time.Second) {
						return len(p), nil
					}
				}
				return conn.WriteTo(p, to)
			}}
			return path(func(p *sdk.Path, _ sdk.Request) { overUDP(p) })(cfg)
		},
	},
	{
		Name: "trusts-anybody", Breaks: []string{"CP-RES-07"},
		Description: "doesn't check certificates",
		make: config(func(cfg *sdk.Config) {
			cfg.TLS = func(c *tls.Config) { c.InsecureSkipVerify = true }
		}),
	},
	{
		Name: "trusts-any-name", Breaks: []string{"CP-RES-07"},
		Description: "checks who signed a certificate, and not whose it is",
		make: config(func(cfg *sdk.Config) {
			cfg.TLS = func(c *tls.Config) {
				c.InsecureSkipVerify = true
				c.VerifyConnection = func(s tls.ConnectionState) error {
					_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: c.RootCAs})
					return err
				}
			}
		}),
	},
	{
		Name: "trusts-what-follows", Breaks: []string{"CP-RES-07"},
		Description: "checks the certificates of lookup edges, and of nobody who comes after them",
		make: config(func(cfg *sdk.Config) {
			var checked atomic.Bool
			cfg.TLS = func(c *tls.Config) {
				c.InsecureSkipVerify = true
				c.VerifyConnection = func(s tls.ConnectionState) error {
					if checked.Load() {
						return nil
					}
					_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: c.RootCAs})
					checked.Store(err == nil)
					return err
				}
			}
		}),
	},
	{
		Name: "mute-elsewhere", Breaks: []string{"CP-RES-06"},
		Description: "finds another relay for its media when one dies, and sends none there",
		make: config(func(cfg *sdk.Config) {
			isMedia, home := oneMediaPacketIn(1), atomic.Value{}
			cfg.Net = &turnNet{Net: cfg.Net, write: func(conn net.PacketConn, p []byte, to net.Addr) (int, error) {
				if isMedia(p) && !home.CompareAndSwap(nil, to.String()) && home.Load() != to.String() {
					return len(p), nil
				}
				return conn.WriteTo(p, to)
			}}
		}),
	},
	{
		Name: "never-pings", Breaks: []string{"CP-RES-09"},
		Description: "takes a message connection on which nothing comes for one on which there is nothing to say",
		make:        config(func(cfg *sdk.Config) { cfg.Ping = -1 }),
	},
	{
		Name: "loses-media", Breaks: []string{"CP-FLOW-06"},
		Description: "loses one media packet in a hundred of those that it counts as sent",
		make:        muffled(func() func([]byte) bool { return oneMediaPacketIn(100) }),
	},
	{
		Name: "misses-media", Breaks: []string{"CP-FLOW-06"},
		Description: "loses one media packet in a hundred of those that come to it",
		make: config(func(cfg *sdk.Config) {
			cfg.Net = &turnNet{Net: cfg.Net, drops: oneMediaPacketIn(100)}
		}),
	},
}

// What requests of TURN begin with (RFC 8656, section 17), and attributes to know them by.
var (
	allocate         = []byte{0x00, 0x03}
	refresh          = []byte{0x00, 0x04}
	createPermission = []byte{0x00, 0x08}
	channelBind      = []byte{0x00, 0x09}
	noLifetime       = []byte{0x00, 0x0d, 0, 4, 0, 0, 0, 0}
	staleNonce       = []byte{4, 38, 'S', 't', 'a', 'l', 'e'} // RFC 8489, section 14.8: class, number, reason
)

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

// turnNet is a network whose unconnected UDP sockets, which are those to TURN servers, write and read in a way of
// their own. Nil: as they should.
type turnNet struct {
	transport.Net
	write func(conn net.PacketConn, p []byte, to net.Addr) (int, error)
	drops func(p []byte) bool // tells of a packet that has come whether it is passed over
}

func (n *turnNet) ListenPacket(network, address string) (net.PacketConn, error) {
	conn, err := n.Net.ListenPacket(network, address)
	if err != nil {
		return nil, err
	}
	return turnConn{conn, n}, nil
}

type turnConn struct {
	net.PacketConn
	n *turnNet
}

func (c turnConn) WriteTo(p []byte, to net.Addr) (int, error) {
	if c.n.write == nil {
		return c.PacketConn.WriteTo(p, to)
	}
	return c.n.write(c.PacketConn, p, to)
}

func (c turnConn) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(p)
		if err != nil || c.n.drops == nil || !c.n.drops(p[:n]) {
			return n, from, err
		}
	}
}

// agingNet is a network whose sockets to TURN servers, some time after they were opened, swallow some packets.
type agingNet struct {
	transport.Net
	after    time.Duration
	swallows func(p []byte) bool
}

func (n *agingNet) ListenPacket(network, address string) (net.PacketConn, error) {
	opened := time.Now()
	young := &turnNet{Net: n.Net, write: func(conn net.PacketConn, p []byte, to net.Addr) (int, error) {
		if time.Since(opened) > n.after && n.swallows(p) {
			return len(p), nil
		}
		return conn.WriteTo(p, to)
	}}
	return young.ListenPacket(network, address)
}

// muffled makes a mutant whose packets to TURN servers are swallowed where eats says so.
func muffled(eats func() func(p []byte) bool) func(sdk.Config) SDK {
	return config(func(cfg *sdk.Config) {
		swallows := eats()
		cfg.Net = &turnNet{Net: cfg.Net, write: func(conn net.PacketConn, p []byte, to net.Addr) (int, error) {
			if swallows(p) {
				return len(p), nil
			}
			return conn.WriteTo(p, to)
		}}
	})
}

// oneMediaPacketIn picks one ChannelData message (RFC 8656, section 12.4) with media in n.
func oneMediaPacketIn(n int64) func(p []byte) bool {
	var count atomic.Int64
	return func(p []byte) bool {
		return len(p) > 4 && p[0]&0xc0 == 0x40 && isMedia(p[4:]) && count.Add(1)%n == 0
	}
}

// pings makes a mutant that sends SD-RTN a datagram directly, some time after each call of a method.
func pings(method string, after time.Duration) func(sdk.Config) SDK {
	return conduct(func(f *front) func(*contract.Call) {
		var to atomic.Pointer[net.UDPAddr]
		return func(c *contract.Call) {
			switch c.Method {
			case contract.MethodHello:
				f.resolve(paramsOf[contract.Hello](c).Endpoints.Gateways[0], &to)
			case method:
				f.later(after, func() { f.ping(to.Load()) })
			}
			f.inner.Begin(c)
		}
	})
}
