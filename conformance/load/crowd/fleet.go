package crowd

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/proxyspec/proxyspec/conformance/authority"
	"github.com/proxyspec/proxyspec/conformance/load"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/bubble"
)

// The addresses of the fleet are those that RFC 2544 has set aside for benchmarks: edges, relays and gateways each have
// a block, and so have the outside addresses of the enterprises' NATs.
var (
	relayBlock   = netip.MustParseAddr("198.18.0.0")
	edgeBlock    = netip.MustParseAddr("198.18.1.0")
	gatewayBlock = netip.MustParseAddr("198.18.2.0")
	natBlock     = netip.MustParseAddr("198.19.0.0")
	userBlock    = netip.MustParseAddr("10.0.0.0")
)

// edges is how many edges a fleet has, as the document's.
const edges = 4

// echoPort is where a gateway sends every datagram back.
const echoPort = 7

// Delays of the links, one way.
const (
	lanDelay      = time.Millisecond
	uplinkDelay   = 5 * time.Millisecond
	internetDelay = 10 * time.Millisecond
)

// nth is the n-th address of a block, from 1.
func nth(block netip.Addr, n int) netip.Addr {
	b := block.As4()
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, binary.BigEndian.Uint32(b[:])+uint32(n))))
}

// fleet is the internet: the cloud proxy and SD-RTN.
type fleet struct {
	plan  load.Plan
	net   *sim.Network
	core  *sim.Router
	cloud *relay.Cloud
	trust *authority.Authority
	pacer *pacer

	relays   []*process
	gateways []netip.Addr

	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu       sync.Mutex
	errs     []error
	refusals map[string]int
	messages load.Messages
	past     load.Media // of relays that have been killed
	wrong    []error    // in their books
}

// newFleet makes the internet and starts everything that serves. It must be called in a bubble. Each of change has a say
// in how the cloud proxy is.
func newFleet(p load.Plan, change ...func(*relay.Config)) (f *fleet, err error) {
	f = &fleet{plan: p, refusals: map[string]int{}}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.net = sim.New(sim.Config{Seed: p.Seed, Settle: bubble.Settle, Together: true})
	f.core = f.net.Router("internet")
	f.run("network", f.net.Serve)
	f.pacer = newPacer(time.Second*time.Duration(p.Burst)/time.Duration(p.Media), p.Payload)
	f.run("pacer", f.pacer.run)
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	if f.trust, err = newTrust(p.Relays); err != nil {
		return nil, err
	}
	if err := f.startGateways(); err != nil {
		return nil, err
	}
	return f, f.startCloudProxy(change)
}

// connect puts a server on the internet. A relay's line has the plan's capacity.
func (f *fleet) connect(name string, addr netip.Addr, rate int64) *sim.Host {
	h := f.net.Host(name, addr)
	f.net.Connect(h, f.core, sim.LinkConfig{Delay: internetDelay, Rate: rate, Queue: int(rate / 8 / 20)}) // a queue of 50 ms
	return h
}

func (f *fleet) startGateways() error {
	backbone := sdrtn.NewBackbone()
	for i := range f.plan.Relays {
		name, addr := fmt.Sprintf("gateway-%d", i+1), nth(gatewayBlock, i+1)
		host := f.connect(name, addr, 0)
		g, err := sdrtn.New(sdrtn.Config{
			Name: name, Net: host, Address: netip.AddrPortFrom(addr, 443), TLS: f.trust.Servers.Clone(),
			Rand: f.rand(name), Backbone: backbone, Log: f.logSDRTN,
		})
		if err != nil {
			return fmt.Errorf("set up %s: %w", name, err)
		}
		if err := f.start(name, g); err != nil {
			return err
		}
		echo, err := host.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, echoPort)))
		if err != nil {
			return fmt.Errorf("start the media of %s: %w", name, err)
		}
		f.run(name+"'s media", func(ctx context.Context) error {
			context.AfterFunc(ctx, func() { echo.Close() })
			buf, echo := make([]byte, 2048), echo.(udpConn)
			for {
				n, from, err := echo.ReadFromUDPAddrPort(buf)
				if err != nil {
					return err
				}
				_, _ = echo.WriteToUDPAddrPort(buf[:n], from)
			}
		})
		f.gateways = append(f.gateways, addr)
	}
	return nil
}

func (f *fleet) startCloudProxy(change []func(*relay.Config)) error {
	var accounts []relay.Account
	for i := range f.plan.Enterprises {
		accounts = append(accounts, relay.Account{
			AppID: appID(i), Regions: []string{"global"}, Scale: cmp.Or(f.plan.Scale, f.plan.Users), Operators: []string{"any"},
		})
	}
	known, err := relay.NewAccounts(accounts...)
	if err != nil {
		return fmt.Errorf("set up the accounts: %w", err)
	}
	cfg := relay.Config{
		Secret: []byte("proxyspec simulated cloud proxy!"), Accounts: known,
		TLS: f.trust.Servers.Clone(), GatewayTLS: f.trust.Clients, Rand: f.rand("sessions"), Log: f.logProxy,
	}
	for i, addr := range f.gateways {
		cfg.Gateways = append(cfg.Gateways, relay.GatewaySite{
			Name: fmt.Sprintf("gateway-%d", i+1), URL: "wss://" + addr.String() + sdrtn.ChannelPath})
		cfg.Peers = append(cfg.Peers, netip.PrefixFrom(addr, 32))
	}
	for i := range f.plan.Relays {
		cfg.Relays = append(cfg.Relays, relay.RelaySite{
			Name: relayName(i), Addr: nth(relayBlock, i+1), MessagePorts: relay.MessagePorts, UDPPorts: relay.UDPPorts, TCPPorts: relay.TCPPorts,
		})
	}
	for _, change := range change {
		change(&cfg)
	}
	if f.cloud, err = relay.New(cfg); err != nil {
		return err
	}
	for _, site := range cfg.Relays {
		p := &process{name: site.Name, host: f.connect(site.Name, site.Addr, f.plan.Capacity)}
		f.relays = append(f.relays, p)
		if err := f.startRelay(p); err != nil {
			return err
		}
	}
	for i := range edges {
		name, addr := fmt.Sprintf("edge-%d", i+1), nth(edgeBlock, i+1)
		if err := f.start(name, f.cloud.Edge(name, f.connect(name, addr, 0), netip.AddrPortFrom(addr, 443))); err != nil {
			return err
		}
	}
	return nil
}

func relayName(i int) string { return fmt.Sprintf("relay-%d", i+1) }
func appID(i int) string     { return fmt.Sprintf("enterprise-%d", i+1) }

// start has a server serve until the fleet is closed.
func (f *fleet) start(name string, s interface {
	Listen() error
	Serve(context.Context) error
}) error {
	if err := s.Listen(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	f.run(name, s.Serve)
	return nil
}

func (f *fleet) run(what string, task func(context.Context) error) {
	f.tasks.Go(func() {
		if err := task(f.ctx); err != nil && f.ctx.Err() == nil {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.errs = append(f.errs, fmt.Errorf("%s: %w", what, err))
		}
	})
}

// close ends everything, and says what went wrong.
func (f *fleet) close() error {
	f.cancel()
	f.tasks.Wait()
	return errors.Join(f.errs...)
}

// logProxy counts what the cloud proxy refuses, and checks its books.
func (f *fleet) logProxy(e relay.Event) {
	switch e.Name {
	case relay.EventLookupRefused, relay.EventMessagesRefused, relay.EventAllocationRefused, relay.EventPermissionRefused, relay.EventConnectionRefused:
		f.mu.Lock()
		defer f.mu.Unlock()
		f.refusals[e.Name+" "+e.Code]++
	case relay.EventMessagesClosed, relay.EventAllocationDeleted:
		if b := e.Books; b != nil && (!b.Up.Balanced() || !b.Down.Balanced()) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.errs = append(f.errs, fmt.Errorf("%s, %s of session %s: what came in isn't what went out and was dropped: %+v", e.Node, e.Name, e.Session, *b))
		}
	}
}

// logSDRTN counts messages.
func (f *fleet) logSDRTN(e sdrtn.Event) {
	if e.Name == sdrtn.EventMessageOut {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.messages.Delivered++
	}
}

// rand is a source of random bytes of its own for whatever is named.
func (f *fleet) rand(name string) *rand.ChaCha8 {
	return rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "%016x %s", f.plan.Seed, name)))
}

// newTrust makes the certificates of all servers.
func newTrust(relays int) (*authority.Authority, error) {
	c := authority.Config{Name: "proxyspec crowd"}
	for _, servers := range []struct {
		block netip.Addr
		n     int
	}{{relayBlock, relays}, {gatewayBlock, relays}, {edgeBlock, edges}} {
		for i := range servers.n {
			c.Addrs = append(c.Addrs, nth(servers.block, i+1))
		}
	}
	return authority.New(c)
}
