package world_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v4"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/kernel"
	"github.com/proxyspec/proxyspec/sim/policy"
)

// BenchmarkTURNThroughTheKernel is an echo by TURN, as media goes in real time: from a kernel's socket through a device and
// the simulated firewall to a relay, to a peer, and back, over links without delay. It tells the median and runs in a
// namespace of its own, which prints its result.
func BenchmarkTURNThroughTheKernel(b *testing.B) {
	if !kernel.Inside() {
		if err := kernel.Probe(); err != nil {
			b.Skip(err)
		}
		cmd, err := kernel.Command(b.Context(), "-test.run=^$", "-test.bench=^"+b.Name()+"$", "-test.benchtime=20000x")
		require.NoError(b, err)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		require.NoError(b, cmd.Run())
		return
	}
	client, peer := allocated(b)
	message, buf := make([]byte, 160), make([]byte, 1500)
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		_, err := client.WriteTo(message, net.UDPAddrFromAddrPort(peer))
		require.NoError(b, err)
		require.NoError(b, client.SetReadDeadline(began.Add(10*time.Second)))
		n, _, err := client.ReadFrom(buf)
		require.NoError(b, err, "the echo of packet %d", len(took))
		require.Equal(b, len(message), n)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-p50")
}

// allocated is an allocation that a socket of the kernel has at a relay, and a peer that echoes what it gets from there.
func allocated(b *testing.B) (net.PacketConn, netip.AddrPort) {
	inside := netip.MustParseAddr("10.10.0.2")
	at, beyond := netip.MustParseAddr("192.0.2.138"), netip.MustParseAddr("198.51.100.11")
	device, err := kernel.OpenTUN("office0", netip.PrefixFrom(inside, 24))
	require.NoError(b, err)
	require.NoError(b, device.Route(netip.MustParsePrefix("0.0.0.0/0")))
	n := sim.New(sim.Config{})
	wall, err := firewall.New(policy.StandIn().Compile(policy.Use{}), firewall.Timeouts{})
	require.NoError(b, err)
	edge, internet := n.Router("firewall"), n.Router("internet")
	port := n.Port("kernel", device, netip.PrefixFrom(inside, 32))
	host, gateway := n.Host("relay", at), n.Host("gateway", beyond)
	edge.Guard(wall, n.Connect(port, edge, sim.LinkConfig{}))
	out := n.Connect(edge, internet, sim.LinkConfig{})
	edge.Route(netip.MustParsePrefix("0.0.0.0/0"), out)
	internet.Route(netip.PrefixFrom(inside, 32), out)
	n.Connect(host, internet, sim.LinkConfig{})
	n.Connect(gateway, internet, sim.LinkConfig{})

	const secret, user = "0123456789abcdef", "4102444800:bench"
	accounts, err := relay.NewAccounts(relay.Account{AppID: "app", Regions: []string{"EU"}, Scale: 1, Operators: []string{"any"}})
	require.NoError(b, err)
	cloud, err := relay.New(relay.Config{
		Secret: []byte(secret), Accounts: accounts, TLS: &tls.Config{Certificates: make([]tls.Certificate, 1)}, Peers: []netip.Prefix{netip.PrefixFrom(beyond, 32)},
		Gateways: []relay.GatewaySite{{Name: "gateway", URL: "wss://" + beyond.String() + "/"}},
		Relays:   []relay.RelaySite{{Name: "relay", Addr: at, MessagePorts: []int{443}, UDPPorts: []int{3478}, TCPPorts: []int{3433}}},
	})
	require.NoError(b, err)
	r := cloud.Relay("relay", host)
	require.NoError(b, r.Listen())
	echo, err := gateway.ListenPacket("udp4", ":5000")
	require.NoError(b, err)

	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	for _, serve := range []func(context.Context) error{n.Serve, port.Serve, r.Serve} {
		serving.Go(func() { _ = serve(ctx) })
	}
	serving.Go(func() {
		buf := make([]byte, 1500)
		for {
			k, from, err := echo.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = echo.WriteTo(buf[:k], from)
		}
	})

	conn, err := net.ListenPacket("udp4", net.JoinHostPort(inside.String(), "0"))
	require.NoError(b, err)
	mac := hmac.New(sha1.New, []byte(secret))
	_, _ = io.WriteString(mac, user)
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: fmt.Sprint(at, ":3478"), TURNServerAddr: fmt.Sprint(at, ":3478"), Conn: conn,
		Username: user, Password: base64.StdEncoding.EncodeToString(mac.Sum(nil)),
		LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
	})
	require.NoError(b, err)
	require.NoError(b, client.Listen())
	allocation, err := client.Allocate()
	require.NoError(b, err)
	b.Cleanup(func() {
		_, _ = allocation.Close(), echo.Close()
		client.Close()
		_ = conn.Close()
		cancel()
		serving.Wait()
	})
	return allocation, netip.AddrPortFrom(beyond, 5000)
}
