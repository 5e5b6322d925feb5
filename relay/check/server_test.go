package check_test

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/relay/batch"
	"github.com/proxyspec/proxyspec/relay/check"
)

var update = flag.Bool("update", false, "write what other servers do otherwise to testdata")

var loopback = netip.MustParseAddr("127.0.0.1")

// target is a server on loopback. Peers are two of loopback's addresses, a third one is forbidden.
func target(t *testing.T, network, server string, user, other check.Credentials) check.Target {
	listen := func(ip string) func() (net.PacketConn, error) {
		return func() (net.PacketConn, error) { return net.ListenPacket("udp4", ip+":0") }
	}
	return check.Target{
		Dial: func() (net.Conn, error) {
			conn, err := dial(network, server)
			if err == nil {
				t.Cleanup(func() { conn.Close() })
			}
			return kept{conn, network}, err
		},
		Stream: network != "udp",
		User:   user, Other: other,
		Peers:  []func() (net.PacketConn, error){listen("127.0.0.1"), listen("127.0.0.2")},
		Quiet:  100 * time.Millisecond,
		Answer: time.Second,
	}
}

func dial(network, server string) (net.Conn, error) {
	if network == "tls" {
		return tls.Dial("tcp", server, &tls.Config{InsecureSkipVerify: true}) // the certificate is another test's affair
	}
	return net.Dial(network, server)
}

// kept is a connection whose UDP port stays taken until the test ends: a server may remember a 5-tuple for a while
// after its allocation was deleted, and the next row would meet it.
type kept struct {
	net.Conn
	network string
}

func (k kept) Close() error {
	if k.network == "udp" {
		return nil
	}
	return k.Conn.Close()
}

// run runs every row that fits, some at once: none knows of another, but for those that move a clock. It returns what
// failed.
func run(t *testing.T, target check.Target, atOnce int) (failed map[string]check.Result) {
	t.Helper()
	failed = make(map[string]check.Result)
	var mu sync.Mutex
	var running sync.WaitGroup
	room := make(chan struct{}, atOnce)
	counts := map[check.Outcome]int{}
	judge := func(row check.Row) {
		r := row.Run(target)
		mu.Lock()
		defer mu.Unlock()
		counts[r.Outcome]++
		assert.NotEqual(t, check.Broken, r.Outcome, "%v", r)
		if r.Outcome == check.Fail {
			failed[r.ID] = r
		}
	}
	var timed []check.Row
	for _, row := range check.Rows() {
		switch {
		case !row.Fits(target):
		case row.Timed():
			timed = append(timed, row)
		default:
			room <- struct{}{}
			running.Go(func() {
				judge(row)
				<-room
			})
		}
	}
	running.Wait()
	for _, row := range timed {
		judge(row)
	}
	t.Log(counts)
	return failed
}

// same compares what failed with what is known to: a file has one line a row. With -update it is written anew.
func same(t *testing.T, name string, failed map[string]check.Result) {
	t.Helper()
	var got []string
	for id, r := range failed {
		got = append(got, id)
		t.Log(r)
	}
	sort.Strings(got)
	text := strings.Join(got, "\n") + "\n"
	path := filepath.Join("testdata", name+".txt")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	known, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(known), text)
}

func TestOurRelayPassesEveryRow(t *testing.T) {
	for network, to := range ourRelay(t) {
		t.Run(network, func(t *testing.T) { require.Empty(t, run(t, to, 8)) })
	}
}

// ourRelay starts our relay, which ends with the test: a target by network.
func ourRelay(t *testing.T) map[string]check.Target {
	secret := []byte("a secret of 32 bytes for testing")
	der, private := certificate(t)
	accounts, err := relay.NewAccounts(relay.Account{AppID: "app", Regions: []string{"EU"}, Scale: 1, Operators: []string{"Example Telecom"}})
	require.NoError(t, err)
	udp, tcp := freePorts(t)
	cloud, err := relay.New(relay.Config{
		Secret: secret, Accounts: accounts,
		Relays:   []relay.RelaySite{{Name: "relay-1", Addr: loopback, MessagePorts: []int{0}, UDPPorts: []int{udp}, TCPPorts: []int{tcp}}},
		Gateways: []relay.GatewaySite{{Name: "gateway-1", URL: "wss://gateway-1.sd-rtn.test/"}},
		Peers:    []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("127.0.0.2/32")},
		TLS:      &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}},
	})
	require.NoError(t, err)
	host, err := batch.NewNet()
	require.NoError(t, err)
	node := cloud.Relay("relay-1", host)
	require.NoError(t, node.Listen())
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- node.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	targets := make(map[string]check.Target)
	for network, port := range map[string]int{"udp": udp, "tcp": tcp, "tls": tcp} {
		to := target(t, network, fmt.Sprint("127.0.0.1:", port), restUser(secret, "0001"), restUser(secret, "0002"))
		to.Forbidden = []netip.Addr{netip.MustParseAddr("127.0.0.3"), netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("224.0.0.1")}
		targets[network] = to
	}
	return targets
}

// certificate is one that signs itself, as DER.
func certificate(t *testing.T) ([]byte, ed25519.PrivateKey) {
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	require.NoError(t, err)
	return der, private
}

// restUser is credentials as a lookup gives them.
func restUser(secret []byte, name string) check.Credentials {
	username := fmt.Sprintf("%d:%s", time.Now().Add(time.Hour).Unix(), name)
	h := hmac.New(sha1.New, secret)
	h.Write([]byte(username))
	return check.Credentials{Username: username, Password: base64.StdEncoding.EncodeToString(h.Sum(nil))}
}

// freePorts are two ports that nobody has just now, over UDP or TCP. They are below those that the system gives to
// connections: one that ended a moment ago holds its port.
func freePorts(t *testing.T) (one, two int) {
	for one == 0 || one == two {
		n, err := rand.Int(rand.Reader, big.NewInt(12000))
		require.NoError(t, err)
		at := fmt.Sprint("127.0.0.1:", 20000+n.Int64())
		l, err := net.Listen("tcp4", at)
		if err != nil {
			continue
		}
		if conn, err := net.ListenPacket("udp4", at); err == nil {
			conn.Close()
			one, two = two, l.Addr().(*net.TCPAddr).Port
		}
		l.Close()
	}
	return one, two
}

var alice, bob = check.Credentials{Username: "alice", Password: "secret"}, check.Credentials{Username: "bob", Password: "secret"}

func TestPionDeviatesAsKnown(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	addresses := &turn.RelayAddressGeneratorStatic{RelayAddress: loopback.AsSlice(), Address: "127.0.0.1"}
	permit := func(_ net.Addr, peer net.IP) bool { return !peer.Equal(net.IPv4(127, 0, 0, 3)) }
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: "example.org",
		AuthHandler: func(username, realm string, _ net.Addr) ([]byte, bool) {
			return turn.GenerateAuthKey(username, realm, "secret"), username == "alice" || username == "bob"
		},
		LoggerFactory:     &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: conn, RelayAddressGenerator: addresses, PermissionHandler: permit}},
		ListenerConfigs:   []turn.ListenerConfig{{Listener: l, RelayAddressGenerator: addresses, PermissionHandler: permit}},
	})
	require.NoError(t, err)
	defer server.Close()
	for network, at := range map[string]net.Addr{"udp": conn.LocalAddr(), "tcp": l.Addr()} {
		t.Run(network, func(t *testing.T) {
			to := target(t, network, at.String(), alice, bob)
			to.Forbidden = []netip.Addr{netip.MustParseAddr("127.0.0.3")}
			same(t, "pion-turn-4.1.3-"+network, run(t, to, 8))
		})
	}
}

func TestCoturnDeviatesAsKnown(t *testing.T) {
	program, err := exec.LookPath("turnserver")
	if err != nil {
		t.Skip("coturn is not installed: its package is called coturn on Debian")
	}
	version, _ := exec.Command(program, "--version").Output()
	if !strings.HasPrefix(strings.TrimSpace(string(version)), "4.6.1") {
		t.Skipf("coturn %s is installed: the deviations of 4.6.1 are what is known", strings.TrimSpace(string(version)))
	}
	port, securePort := freePorts(t)
	dir := t.TempDir()
	der, private := certificate(t)
	key, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	for name, block := range map[string]*pem.Block{"cert": {Type: "CERTIFICATE", Bytes: der}, "key": {Type: "PRIVATE KEY", Bytes: key}} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // it is killed if it hangs
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", fmt.Sprint("--listening-port=", port),
		fmt.Sprint("--tls-listening-port=", securePort), "--cert="+dir+"/cert", "--pkey="+dir+"/key", "--no-dtls", "--no-cli", "--lt-cred-mech", "--user=alice:secret", "--user=bob:secret", "--realm=example.org",
		"--allow-loopback-peers", "--denied-peer-ip=127.0.0.3", "--log-file=stdout", "--verbose", "--pidfile="+dir+"/pid", "--db="+dir+"/db")
	cmd.Dir = dir
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() {
		cancel()
		_ = cmd.Wait()
	}()
	lines := bufio.NewScanner(out)
	for ready := false; !ready; {
		require.True(t, lines.Scan(), "coturn ended before it listened")
		ready = strings.Contains(lines.Text(), "SQLite DB connection success")
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // ends with coturn

	for _, listener := range []struct {
		network, known string
		port           int
	}{{"udp", "udp", port}, {"tcp", "tcp", port}, {"tls", "tcp", securePort}} {
		t.Run(listener.network, func(t *testing.T) {
			to := target(t, listener.network, fmt.Sprint("127.0.0.1:", listener.port), alice, bob)
			to.Forbidden = []netip.Addr{netip.MustParseAddr("127.0.0.3")}
			same(t, "coturn-4.6.1-"+listener.known, run(t, to, 8))
		})
	}
}
