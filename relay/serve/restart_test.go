package serve

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
)

// configVariable has this program be a cloud proxy, as "proxyspec relay serve --config" is one, and no test.
const configVariable = "PROXYSPEC_TEST_CONFIG"

func TestMain(m *testing.M) {
	if file := os.Getenv(configVariable); file != "" {
		fmt.Fprintln(os.Stderr, beProxy(file))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func beProxy(file string) error {
	source, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	cfg, err := Read(file, source, func(netip.Addr) string { return "" })
	if err != nil {
		return err
	}
	cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	s, err := New(cfg)
	if err != nil {
		return err
	}
	return s.Run(context.Background())
}

// A relay is killed and starts again under load. Its clients come back with what they have from their lookup, and what
// the new one counts is what they have sent since: no more and no less.
func TestClientsComeBackAfterAKill(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has 127.0.0.0/8 without being asked, and two runs of this on one address would meet")
	}
	l := newLab(t)
	l.start(t)
	for range 3 {
		l.client(t, l.media("udp"))
		l.client(t, l.media("tcp"))
		l.client(t, l.messages)
	}
	l.untilAllTalk(t)
	l.kill(t)
	l.epoch.Store(2)
	l.start(t)
	l.untilAllTalk(t)

	l.quiet.Store(true)
	require.Eventually(t, func() bool { return l.echoed.Load() == l.sent.Load() && l.said.Load() == l.heard.Load() }, 10*time.Second, time.Millisecond,
		"of what was sent since the restart something is on its way for ever")
	r := &running{Server: &Server{admin: &admin{at: l.admin}}}
	packets, messages := float64(l.echoed.Load()), float64(l.heard.Load())
	for _, direction := range []string{"up", "down"} {
		way := fmt.Sprintf(`direction="%s"`, direction)
		require.Equal(t, packets, r.metric(t, "media_packets_total", way+`,outcome="relayed"`), direction)
		require.Equal(t, packets, r.metric(t, "media_packets_total", way), "nothing was dropped")
		require.Equal(t, packets, r.metric(t, "account_media_packets_total", way))
		require.Equal(t, packets*float64(len(label(2))), r.metric(t, "account_media_bytes_total", way))
		require.Equal(t, messages, r.metric(t, "messages_total", way))
		require.Equal(t, messages*float64(len(label(2))), r.metric(t, "message_bytes_total", way))
	}
	require.EqualValues(t, l.peered.Load(), packets, "what the peer got")
	require.Equal(t, 3.0, r.metric(t, "allocations", `transport="UDP"`))
	require.Equal(t, 3.0, r.metric(t, "allocations", `transport="TCP"`))
	require.Equal(t, float64(l.allocated.Load()), r.metric(t, "allocations_created_total", ""))
	require.Equal(t, 3.0, r.metric(t, "message_connections", ""))
	require.Equal(t, float64(l.opened.Load()), r.metric(t, "message_connections_total", ""))
	require.Zero(t, r.metric(t, "refused_total", ""))
}

// label is what packets and messages of an epoch are. (pion's client waits for 9 bytes of a stream, and ChannelData has
// 4 of its own.)
func label(epoch int32) string { return fmt.Sprintf("epoch %d", epoch) }

// lab is a cloud proxy in a process of its own, and all that is around it here.
type lab struct {
	file   string
	lookup string
	admin  netip.AddrPort
	answer relay.LookupAnswer
	https  *http.Client
	peer   *net.UDPConn
	cmd    *exec.Cmd
	log    bytes.Buffer // of one process after the other

	ctx     context.Context
	clients []*atomic.Int32 // the epoch that each has heard of
	epoch   atomic.Int32    // 1 until the kill, then 2
	quiet   atomic.Bool     // clients send no more
	running sync.WaitGroup

	// Of epoch 2.
	sent, echoed, peered, allocated atomic.Int64 // packets, and allocations
	said, heard, opened             atomic.Int64 // messages, and their connections
}

func newLab(t *testing.T) *lab {
	// An address and ports below those that a system gives away, so that nobody else has them meanwhile.
	addr := netip.AddrFrom4([4]byte{127, 77, byte(os.Getpid() >> 8), byte(os.Getpid())})
	l := &lab{admin: netip.AddrPortFrom(addr, 20000), lookup: fmt.Sprintf("https://%v:20001%s", addr, relay.LookupPath)}
	l.epoch.Store(1)
	ctx, cancel := context.WithCancel(context.Background())
	l.ctx = ctx
	demo, err := Demo(ctx, t.TempDir())
	require.NoError(t, err)
	folder := filepath.Dir(demo.Accounts)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "secret"), []byte(hex.EncodeToString(demo.Secret)), 0o600))
	l.file = filepath.Join(folder, "cloud-proxy.yaml")
	require.NoError(t, os.WriteFile(l.file, fmt.Appendf(nil, `secret-file: secret
accounts: %[2]s
certificate: %[3]s
key: %[4]s
gateway-ca: %[3]s
edges: [{name: edge-1, address: "%[1]v:20001"}]
relays: [{name: relay-1, address: %[1]v, message-ports: 20002, udp-ports: 20003, tcp-ports: 20003}]
gateways: [{name: echo, url: "%[5]s"}]
peers: [127.0.0.1]
admin: %[1]v:20000
`, addr, demo.Accounts, demo.Cert, demo.Key, demo.Gateways[0].URL), 0o600))

	l.https = trusting(t, demo.Cert, "localhost") // the certificate isn't for this address
	l.peer, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	require.NoError(t, err)
	l.running.Go(l.echo)
	t.Cleanup(func() {
		cancel()
		l.peer.Close()
		l.running.Wait()
		if l.cmd != nil {
			l.kill(t)
		}
		if t.Failed() {
			t.Log(l.log.String())
		}
	})
	return l
}

// start starts the cloud proxy and waits until it is there. The first time there is a lookup, too.
func (l *lab) start(t *testing.T) {
	l.cmd = exec.Command(os.Args[0])
	l.cmd.Env = append(os.Environ(), configVariable+"="+l.file)
	l.cmd.Stderr = &l.log
	require.NoError(t, l.cmd.Start())
	require.Eventually(t, func() bool {
		response, err := http.Get(fmt.Sprintf("http://%v/readyz", l.admin))
		if err == nil {
			response.Body.Close()
		}
		return err == nil && response.StatusCode == http.StatusOK
	}, 20*time.Second, time.Millisecond, "the cloud proxy doesn't come up")
	if l.answer.Session != "" {
		return
	}
	var status int
	l.answer, status = lookUp(t, l.https, l.lookup, DemoAppID)
	require.Equal(t, http.StatusOK, status)
}

func (l *lab) kill(t *testing.T) {
	require.NoError(t, l.cmd.Process.Kill())
	_ = l.cmd.Wait()
	l.cmd = nil
}

// echo is the peer.
func (l *lab) echo() {
	buf := make([]byte, 100)
	for {
		n, from, err := l.peer.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if string(buf[:n]) == label(2) {
			l.peered.Add(1)
		}
		_, _ = l.peer.WriteToUDPAddrPort(buf[:n], from)
	}
}

// client runs a client that connects, and again when its connection has broken, until the test ends.
func (l *lab) client(t *testing.T, connect func(epoch int32, alive func()) error) {
	heard := new(atomic.Int32)
	l.clients = append(l.clients, heard)
	l.running.Go(func() {
		for l.ctx.Err() == nil {
			epoch := l.epoch.Load()
			_ = connect(epoch, func() { heard.Store(epoch) })
			select {
			case <-l.ctx.Done():
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
}

// untilAllTalk waits until each client has something back from the cloud proxy that runs now.
func (l *lab) untilAllTalk(t *testing.T) {
	require.Eventually(t, func() bool {
		for _, heard := range l.clients {
			if heard.Load() != l.epoch.Load() {
				return false
			}
		}
		return true
	}, 20*time.Second, time.Millisecond, "a client doesn't come back")
}

const (
	between  = 2 * time.Millisecond   // packets, and messages
	patience = 500 * time.Millisecond // of a client that hears nothing
)

// speak sends a label again and again, until its connection has ended.
func (l *lab) speak(ended <-chan struct{}, epoch int32, sent *atomic.Int64, write func([]byte) error) {
	tick := time.NewTicker(between)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
		}
		if l.quiet.Load() {
			continue
		}
		if epoch == 2 {
			sent.Add(1)
		}
		if write([]byte(label(epoch))) != nil {
			return
		}
	}
}

// media is a client with an allocation.
func (l *lab) media(transport string) func(int32, func()) error {
	return func(epoch int32, alive func()) error {
		client, err := turnClient(l.answer, transport)
		if err != nil {
			return err
		}
		defer client.Close()
		relayed, err := client.Allocate()
		if err != nil {
			return err
		}
		defer relayed.Close()
		if epoch == 2 {
			l.allocated.Add(1)
		}
		ended, speaking := make(chan struct{}), sync.WaitGroup{}
		defer speaking.Wait()
		defer close(ended)
		speaking.Go(func() {
			l.speak(ended, epoch, &l.sent, func(p []byte) error {
				_, err := relayed.WriteTo(p, l.peer.LocalAddr())
				return err
			})
		})
		buf := make([]byte, 100)
		for l.ctx.Err() == nil {
			_ = relayed.SetReadDeadline(time.Now().Add(patience))
			n, _, err := relayed.ReadFrom(buf)
			if err != nil && !(os.IsTimeout(err) && l.quiet.Load()) {
				return err
			}
			if err == nil && string(buf[:n]) == label(epoch) {
				if alive(); epoch == 2 {
					l.echoed.Add(1)
				}
			}
		}
		return nil
	}
}

// messages is a client with a WebSocket.
func (l *lab) messages(epoch int32, alive func()) error {
	ws, _, err := websocket.Dial(l.ctx, l.answer.MessageURLs[0], &websocket.DialOptions{HTTPClient: l.https})
	if err != nil {
		return err
	}
	defer ws.CloseNow()
	if epoch == 2 {
		l.opened.Add(1)
	}
	ended, speaking := make(chan struct{}), sync.WaitGroup{}
	defer speaking.Wait()
	defer close(ended)
	speaking.Go(func() {
		l.speak(ended, epoch, &l.said, func(p []byte) error { return ws.Write(l.ctx, websocket.MessageText, p) })
	})
	for {
		_, message, err := ws.Read(l.ctx)
		if err != nil {
			return err
		}
		if string(message) == label(epoch) {
			if alive(); epoch == 2 {
				l.heard.Add(1)
			}
		}
	}
}
