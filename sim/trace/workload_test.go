package trace_test

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v4"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/nat"
	"github.com/proxyspec/proxyspec/sim/trace"
)

// stage is an office behind a firewall and a NAT, and two hosts outside; every link loses and jitters.
type stage struct {
	net                  *sim.Network
	alice, printer, s, t *sim.Host
}

func perform(t *testing.T, seed uint64, play func(t *testing.T, st *stage)) *trace.Trace {
	seen := &trace.Trace{}
	synctest.Test(t, func(t *testing.T) {
		n := sim.New(sim.Config{Seed: seed, Settle: synctest.Wait})
		addr := netip.MustParseAddr
		st := &stage{
			net: n, alice: n.Host("alice", addr("10.0.0.2")), printer: n.Host("printer", addr("10.0.0.3")),
			s: n.Host("server", addr("192.0.2.1")), t: n.Host("turn", addr("192.0.2.2")),
		}
		wall, core := n.Router("wall"), n.Router("core")
		bad := sim.LinkConfig{Delay: 3 * time.Millisecond, Jitter: time.Millisecond, Loss: 0.02}
		inside := []*sim.Link{n.Connect(st.alice, wall, bad), n.Connect(st.printer, wall, bad)}
		up := n.Connect(wall, core, bad)
		n.Connect(st.s, core, bad)
		n.Connect(st.t, core, bad)
		wall.Route(netip.MustParsePrefix("0.0.0.0/0"), up)
		core.Route(netip.MustParsePrefix("203.0.113.0/24"), up)
		f, err := firewall.New(firewall.Policy{ID: "open", Default: firewall.Allow}, firewall.Timeouts{})
		require.NoError(t, err)
		table, err := nat.New(nat.Config{Outside: []netip.Addr{addr("203.0.113.1")}})
		require.NoError(t, err)
		wall.Guard(f, inside...)
		wall.Translate(table)
		for _, node := range []sim.Node{wall, st.s, st.t} {
			node.Tap(seen.See)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); _ = n.Serve(ctx) }()
		play(t, st)
		cancel()
		<-done
	})
	return seen
}

// udp has two clients talk to an echo server, which they begin to do at one instant.
func udp(t *testing.T, st *stage) {
	c, err := st.s.ListenPacket("udp", ":7")
	require.NoError(t, err)
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = c.WriteTo(buf[:n], from)
		}
	}()
	var all sync.WaitGroup
	for i, h := range []*sim.Host{st.alice, st.printer} {
		all.Go(func() {
			c, err := h.Dial("udp", "192.0.2.1:7")
			require.NoError(t, err)
			defer c.Close()
			r := rand.New(rand.NewPCG(uint64(i), 1))
			for range 25 {
				_, _ = c.Write(make([]byte, r.IntN(1400)))
				_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
				_, _ = c.Read(make([]byte, 1500))
			}
		})
	}
	all.Wait()
	_ = c.Close()
}

// tcp has both clients send 10 kB and get them back.
func tcp(t *testing.T, st *stage) {
	l, err := st.s.ListenTCP("tcp", &net.TCPAddr{Port: 80})
	require.NoError(t, err)
	bulk(t, st, l, func(h *sim.Host) (net.Conn, error) { return h.Dial("tcp", "192.0.2.1:80") })
}

// overTLS is tcp with TLS on top.
func overTLS(t *testing.T, st *stage) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"server.test"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	require.NoError(t, err)
	inner, err := st.s.ListenTCP("tcp", &net.TCPAddr{Port: 443})
	require.NoError(t, err)
	l := tls.NewListener(inner, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert}, PrivateKey: key}}})
	bulk(t, st, l, func(h *sim.Host) (net.Conn, error) {
		c, err := h.Dial("tcp", "192.0.2.1:443")
		if err != nil {
			return nil, err
		}
		secure := tls.Client(c, &tls.Config{ServerName: "server.test", InsecureSkipVerify: true})
		return secure, secure.Handshake()
	})
}

func bulk(t *testing.T, st *stage, l net.Listener, dial func(*sim.Host) (net.Conn, error)) {
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	var all sync.WaitGroup
	for _, h := range []*sim.Host{st.alice, st.printer} {
		all.Go(func() {
			c, err := dial(h)
			require.NoError(t, err)
			sent := make([]byte, 10_000)
			go func() {
				_, _ = c.Write(sent)
				_ = c.(interface{ CloseWrite() error }).CloseWrite()
			}()
			got, err := io.ReadAll(c)
			require.NoError(t, err)
			require.Len(t, got, len(sent))
			_ = c.Close()
		})
	}
	all.Wait()
	_ = l.Close()
	time.Sleep(5 * time.Minute)
}

// overTURN has alice talk to the server through pion's TURN server until her allocation was refreshed.
func overTURN(t *testing.T, st *stage) {
	logs := logging.NewDefaultLoggerFactory()
	logs.DefaultLogLevel = logging.LogLevelDisabled
	pc, err := st.t.ListenPacket("udp4", "192.0.2.2:3478")
	require.NoError(t, err)
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: "test", LoggerFactory: logs,
		AuthHandler: func(user, realm string, _ net.Addr) ([]byte, bool) {
			return turn.GenerateAuthKey(user, realm, "secret"), true
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: pc, RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{
			RelayAddress: net.ParseIP("192.0.2.2"), Address: "192.0.2.2", Net: st.t,
		}}},
	})
	require.NoError(t, err)
	own, err := st.alice.ListenPacket("udp4", ":0")
	require.NoError(t, err)
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: "192.0.2.2:3478", TURNServerAddr: "192.0.2.2:3478", Conn: own, Username: "user", Password: "secret",
		Realm: "test", LoggerFactory: logs, Net: st.alice,
	})
	require.NoError(t, err)
	require.NoError(t, client.Listen())
	relay, err := client.Allocate()
	require.NoError(t, err)
	peer, err := st.s.ListenPacket("udp4", "192.0.2.1:5000")
	require.NoError(t, err)
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := peer.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = peer.WriteTo(buf[:n], from)
		}
	}()
	for i := range 30 {
		_, err := relay.WriteTo([]byte(fmt.Sprint("packet ", i)), peer.LocalAddr())
		require.NoError(t, err)
		_ = relay.SetReadDeadline(time.Now().Add(time.Second))
		_, _, _ = relay.ReadFrom(make([]byte, 1500))
		time.Sleep(30 * time.Second)
	}
	_ = relay.Close()
	client.Close()
	_ = own.Close()
	_ = peer.Close()
	_ = server.Close()
	time.Sleep(10 * time.Minute)
}
