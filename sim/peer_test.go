package sim_test

import (
	"context"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v3"
	"github.com/pion/transport/v3/vnet"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/nat"
)

// The peer is pion's vnet. Its packets go LAN, NAT, WAN, NAT, LAN; ours LAN, firewall, NAT, internet,
// LAN. Both run in one process, turn about, and the figure is the median of the pairs' ratios.

const (
	peerPairs   = 5
	peerPayload = 1200
)

// BenchmarkPeer prints how many times as many packets sim carries in a second as vnet does.
func BenchmarkPeer(b *testing.B) {
	for _, tc := range []struct {
		name    string
		window  int
		packets int
		delay   time.Duration
		real    bool
	}{
		{name: "deterministic/10-in-flight", window: 10, packets: 20_000},
		{name: "deterministic/100-in-flight", window: 100, packets: 20_000},
		{name: "deterministic/512-in-flight", window: 512, packets: 20_000},
		{name: "delay/1-in-flight", window: 1, packets: 4_000, delay: time.Millisecond},
		{name: "real-time/100-in-flight", window: 100, packets: 100_000, real: true},
		{name: "real-time/512-in-flight", window: 512, packets: 100_000, real: true},
	} {
		b.Run(tc.name, func(b *testing.B) {
			defer oneProcessor()()
			var ratios, ours []float64
			var allocs []float64
			for range b.N {
				for range peerPairs {
					o, a := ourRate(b, tc.window, tc.packets, tc.delay, tc.real)
					p, _ := peerRate(b, tc.window, min(tc.packets, 20_000), tc.delay)
					ratios, ours, allocs = append(ratios, o/p), append(ours, o), append(allocs, a)
				}
			}
			b.ReportMetric(median(ratios), "x-vnet")
			b.ReportMetric(median(ours), "packets/s")
			b.ReportMetric(median(allocs), "allocs/packet")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// oneProcessor has the program run on one until the function that it returns is called. It is for each part of a
// benchmark by itself: package testing sets the number anew for the next one.
func oneProcessor() (restore func()) {
	was := runtime.GOMAXPROCS(1)
	return func() { runtime.GOMAXPROCS(was) }
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// pump sends packets with a window of them in flight, and returns how many were carried in a second.
func pump(tb testing.TB, from, to net.PacketConn, dst net.Addr, window, packets int) (rate, allocs float64) {
	slots := make(chan struct{}, window)
	done := make(chan struct{})
	var before, after runtime.MemStats
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for range packets {
			n, _, err := to.ReadFrom(buf)
			if err != nil || n != peerPayload {
				tb.Errorf("read %d bytes: %v", n, err)
				return
			}
			<-slots
		}
	}()
	payload := make([]byte, peerPayload)
	runtime.ReadMemStats(&before)
	start := runtimeNow()
	for range packets {
		slots <- struct{}{}
		if _, err := from.WriteTo(payload, dst); err != nil {
			tb.Fatal(err)
		}
	}
	<-done
	took := runtimeNow() - start
	runtime.ReadMemStats(&after)
	return float64(packets) / took.Seconds(), float64(after.Mallocs-before.Mallocs) / float64(packets)
}

// ourRate is one run over sim.
func ourRate(tb testing.TB, window, packets int, delay time.Duration, inRealTime bool) (rate, allocs float64) {
	run := func(tb testing.TB, c sim.Config) {
		n := newOffice(tb, c, delay)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); _ = n.net.Serve(ctx) }()
		defer func() { cancel(); <-done }()
		from, to := open(tb, n.alice), open(tb, n.bob)
		defer from.Close()
		defer to.Close()
		rate, allocs = pump(tb, from, to, to.LocalAddr(), window, packets)
	}
	if inRealTime {
		run(tb, sim.Config{Seed: 1})
		return rate, allocs
	}
	inBubble(tb, func() { run(tb, sim.Config{Seed: 1, Settle: synctest.Wait}) })
	return rate, allocs
}

func inBubble(tb testing.TB, f func()) {
	synctest.Test(new(testing.T), func(*testing.T) { f() })
}

func open(tb testing.TB, n transport.Net) transport.UDPConn {
	interfaces, err := n.Interfaces()
	require.NoError(tb, err)
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		require.NoError(tb, err)
		for _, a := range addrs {
			if ip := a.(*net.IPNet).IP; !ip.IsLoopback() {
				c, err := n.ListenUDP("udp4", &net.UDPAddr{IP: ip, Port: 5000})
				require.NoError(tb, err)
				return c
			}
		}
	}
	tb.Fatal("no address")
	return nil
}

// office is alice's office with a firewall, the provider's NAT, the internet and bob.
type office struct {
	net        *sim.Network
	alice, bob *sim.Host
	wall, cgn  *sim.Router
}

func newOffice(tb testing.TB, c sim.Config, delay time.Duration) *office {
	n := sim.New(c)
	o := &office{
		net: n, wall: n.Router("firewall"), cgn: n.Router("nat"),
		alice: n.Host("alice", netip.MustParseAddr("10.0.0.2")), bob: n.Host("bob", netip.MustParseAddr("198.51.100.2")),
	}
	internet, lan := n.Router("internet"), n.Router("lan")
	link := sim.LinkConfig{Delay: delay}
	inside := n.Connect(o.alice, o.wall, link)
	uplink := n.Connect(o.wall, o.cgn, sim.LinkConfig{})
	wan := n.Connect(o.cgn, internet, sim.LinkConfig{})
	far := n.Connect(internet, lan, sim.LinkConfig{})
	n.Connect(lan, o.bob, link)
	everywhere := netip.MustParsePrefix("0.0.0.0/0")
	o.wall.Route(everywhere, uplink)
	o.cgn.Route(everywhere, wan)
	o.cgn.Route(netip.MustParsePrefix("10.0.0.0/24"), uplink)
	internet.Route(netip.MustParsePrefix("192.0.2.0/24"), wan)
	internet.Route(netip.MustParsePrefix("198.51.100.0/24"), far)
	lan.Route(everywhere, far)
	wall, err := firewall.New(firewall.Policy{ID: "out", Rules: []firewall.Rule{
		{ID: "T8", Proto: firewall.UDP, Ports: []firewall.PortRange{firewall.Port(5000)}, Action: firewall.Allow},
	}}, firewall.Timeouts{})
	require.NoError(tb, err)
	o.wall.Guard(wall, inside)
	table, err := nat.New(nat.Config{Outside: []netip.Addr{netip.MustParseAddr("192.0.2.1")}})
	require.NoError(tb, err)
	o.cgn.Translate(table, uplink)
	return o
}

// peerRate is one run over vnet. With a delay it needs a bubble, else real time would pass.
func peerRate(tb testing.TB, window, packets int, delay time.Duration) (rate, allocs float64) {
	run := func() {
		wan, left, right := newVNet(tb, delay)
		defer func() { _ = wan.Stop() }()
		from, to := open(tb, left), open(tb, right)
		defer from.Close()
		defer to.Close()
		rate, allocs = pump(tb, from, to, &net.UDPAddr{IP: net.IPv4(28, 2, 0, 1), Port: 5000}, window, packets)
	}
	if delay == 0 {
		run()
	} else {
		inBubble(tb, run)
	}
	return rate, allocs
}

func newVNet(tb testing.TB, delay time.Duration) (wan *vnet.Router, left, right *vnet.Net) {
	logs := logging.NewDefaultLoggerFactory()
	logs.DefaultLogLevel = logging.LogLevelDisabled
	router := func(c *vnet.RouterConfig) *vnet.Router {
		c.LoggerFactory = logs
		c.QueueSize = 2048
		r, err := vnet.NewRouter(c)
		require.NoError(tb, err)
		return r
	}
	wan = router(&vnet.RouterConfig{CIDR: "28.0.0.0/8"})
	lan := func(c *vnet.RouterConfig, ip string) *vnet.Net {
		r := router(c)
		n, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{ip}})
		require.NoError(tb, err)
		require.NoError(tb, r.AddNet(n))
		require.NoError(tb, wan.AddRouter(r))
		return n
	}
	left = lan(&vnet.RouterConfig{CIDR: "10.1.0.0/16", StaticIPs: []string{"28.1.0.1"}, MinDelay: delay}, "10.1.0.2")
	right = lan(&vnet.RouterConfig{
		CIDR: "10.2.0.0/16", StaticIPs: []string{"28.2.0.1/10.2.0.2"}, MinDelay: delay,
		NATType: &vnet.NATType{Mode: vnet.NATModeNAT1To1},
	}, "10.2.0.2")
	require.NoError(tb, wan.Start())
	return wan, left, right
}
