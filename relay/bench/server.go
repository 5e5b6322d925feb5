//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v4"

	"github.com/proxyspec/proxyspec/relay"
	proxy "github.com/proxyspec/proxyspec/relay/serve"
)

const (
	user, password = "bench", "bench"
	ourUser        = "4000000000:bench" // until 2096
	realm          = relay.Realm
	secret         = "only for measuring on loopback"
)

// server is one that is measured.
type server struct {
	name           string
	at             netip.AddrPort // UDP and TCP
	user, password string
	cmd            *exec.Cmd
	folder         string // that it runs and writes in
}

var serverAddr = netip.MustParseAddr("127.0.0.1")

// start starts a server on a port.
func start(name string, port uint16, args ...string) (*server, error) {
	s := &server{name: name, at: netip.AddrPortFrom(serverAddr, port), user: user, password: password}
	var err error
	if s.folder, err = os.MkdirTemp("", "bench-"); err != nil {
		return nil, err
	}
	s.cmd = exec.Command(args[0], args[1:]...)
	s.cmd.Dir = s.folder
	s.cmd.Stderr = &complaints{to: os.Stderr, name: name}
	if err := startChild(s.cmd); err != nil {
		_ = os.RemoveAll(s.folder)
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", s.at.String()); err == nil {
			conn.Close()
			return s, nil
		}
	}
	s.stop()
	return nil, fmt.Errorf("%s doesn't listen on %v", name, s.at)
}

func (s *server) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	_ = os.RemoveAll(s.folder)
}

func startCoturn(port uint16) (*server, error) {
	return start("coturn", port, "turnserver", "-n", "-a", "-u", user+":"+password, "-r", realm, "-L", serverAddr.String(), "-E", serverAddr.String(),
		"-p", strconv.Itoa(int(port)), "--no-tls", "--no-dtls", "--no-cli", "--allow-loopback-peers", "-m", "1",
		"--min-port", "12000", "--max-port", "31999", "--log-file", "/dev/null", "--simple-log", "--pidfile", "bench-coturn.pid")
}

// serve is what this program is when it is started as a server itself.
func serve(role, port string) error {
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if role == "pion" {
		return servePion(ctx, n)
	}
	cfg, err := proxy.Demo(ctx, ".")
	if err != nil {
		return err
	}
	cfg.Secret = []byte(secret)
	cfg.Relays = []relay.RelaySite{{Name: "relay-1", Addr: serverAddr, MessagePorts: []int{0}, UDPPorts: []int{n}, TCPPorts: []int{n}}}
	cfg.Peers = []netip.Prefix{netip.PrefixFrom(peerAddr, 32)}
	cfg.Limits = relay.Limits{SessionAllocations: -1, Allocations: -1, Strangers: -1}
	cfg.Admin = netip.AddrPortFrom(serverAddr, uint16(n+1))
	s, err := proxy.New(cfg)
	if err != nil {
		return err
	}
	return s.Run(ctx)
}

func servePion(ctx context.Context, port int) error {
	at := netip.AddrPortFrom(serverAddr, uint16(port))
	packets, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return err
	}
	_ = packets.SetReadBuffer(2 << 20)
	_ = packets.SetWriteBuffer(2 << 20)
	streams, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(at))
	if err != nil {
		return err
	}
	addresses := &turn.RelayAddressGeneratorStatic{RelayAddress: serverAddr.AsSlice(), Address: serverAddr.String()}
	s, err := turn.NewServer(turn.ServerConfig{
		Realm:             realm,
		AuthHandler:       func(u, r string, _ net.Addr) ([]byte, bool) { return turn.GenerateAuthKey(u, r, password), true },
		LoggerFactory:     &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: packets, RelayAddressGenerator: addresses}},
		ListenerConfigs:   []turn.ListenerConfig{{Listener: streams, RelayAddressGenerator: addresses}},
	})
	if err != nil {
		return err
	}
	<-ctx.Done()
	return s.Close()
}

// cpu is what the server's threads have used so far.
func (s *server) cpu() (total time.Duration) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.cmd.Process.Pid))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		ran, _, _ := strings.Cut(string(text), " ")
		n, _ := strconv.ParseInt(ran, 10, 64)
		total += time.Duration(n)
	}
	return total
}

// memory is the server's resident memory in bytes.
func (s *server) memory() int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			return n << 10
		}
	}
	return 0
}
