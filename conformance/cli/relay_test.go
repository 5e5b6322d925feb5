package cli

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/pion/logging"
	"github.com/pion/stun/v3"
	"github.com/pion/turn/v4"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/result"
	"github.com/proxyspec/proxyspec/relay/check"
)

// turnServer is pion/turn's on loopback: where it listens by transport, and the file of its authority.
func turnServer(t *testing.T) (at map[string]string, authority string) {
	t.Helper()
	certified, authority := certificate(t, "127.0.0.1", time.Hour)
	packets, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	plain, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	secure, err := tls.Listen("tcp4", "127.0.0.1:0", certified)
	require.NoError(t, err)
	permit := func(_ net.Addr, peer net.IP) bool { return !peer.Equal(net.IPv4(127, 0, 0, 3)) }
	addresses := &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"}
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: "example.org",
		AuthHandler: func(username, realm string, _ net.Addr) ([]byte, bool) {
			return turn.GenerateAuthKey(username, realm, "secret"), username == "1:alice"
		},
		LoggerFactory:     &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: packets, RelayAddressGenerator: addresses, PermissionHandler: permit}},
		ListenerConfigs:   []turn.ListenerConfig{{Listener: plain, RelayAddressGenerator: addresses, PermissionHandler: permit}, {Listener: secure, RelayAddressGenerator: addresses, PermissionHandler: permit}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { server.Close() })
	return map[string]string{"udp": packets.LocalAddr().String(), "tcp": plain.Addr().String(), "tls": secure.Addr().String()}, authority
}

// certificate is a server's side of one for an address, which expires after a time, and the file of its authority.
func certificate(t *testing.T, address string, life time.Duration) (server *tls.Config, authority string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(life), IPAddresses: []net.IP{net.ParseIP(address)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	require.NoError(t, err)
	authority = filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}}, authority
}

func relayCheck(args ...string) (code int, stdout, stderr string) {
	var out, complaints bytes.Buffer
	code = Main(toySuite(), append([]string{"relay", "check"}, args...), nil, &out, &complaints)
	return code, out.String(), complaints.String()
}

func TestRelayCheck(t *testing.T) {
	at, authority := turnServer(t)
	for transport, server := range at {
		args := []string{server, "-u", "1:alice:secret", "--transport", transport, "--ca", authority, "--quiet", "50ms"}

		code, out, complaints := relayCheck(append(args, "--only", "18")...)
		require.Equal(t, result.ExitPassed, code, "%s%s", out, complaints)
		require.Contains(t, out, "CP-RLY-18  RFC 8656 §7.2            8 of 8   a success carries")

		code, out, _ = relayCheck(append(args, "--only", "27/0x5000")...)
		require.Equal(t, result.ExitFailed, code)
		require.Contains(t, out, "sent      ChannelBind for channel 0x5000\n      expected  400\n      got       ChannelBind success response\n")

		code, out, _ = relayCheck(append(args, "--only", "10/the-other*", "--format", "json")...)
		require.Equal(t, result.ExitPartial, code, "nothing could be judged")
		_, text, _ := relayCheck(append(args, "--only", "10/the-other*", "--only", "17")...)
		require.Contains(t, text, "for rows that weren't judged give --other USER:PASSWORD (2), --quota N (2)\n")
		var report relayReport
		require.NoError(t, json.Unmarshal([]byte(out), &report))
		require.Equal(t, relaySchema, report.Schema)
		require.Equal(t, 1, report.NotOffered)
		require.Equal(t, transport, report.Transport)

		file := filepath.Join(t.TempDir(), "turn.xml")
		code, out, complaints = relayCheck(append(args, "--only", "2[17]/*", "--format", "junit", "--out", file)...)
		require.Equal(t, result.ExitFailed, code)
		require.Contains(t, complaints, "; the report is "+file+"\n")
		require.Empty(t, out)
		written, err := os.ReadFile(file)
		require.NoError(t, err)
		var suite relaySuite
		require.NoError(t, xml.Unmarshal(written, &suite))
		require.Len(t, suite.Cases, suite.Tests)
		require.NotZero(t, suite.Failures)
		require.NotZero(t, suite.Skipped)
	}
}

func TestRelayCheckTellsOfLoss(t *testing.T) {
	var r relayReport
	for _, row := range check.Rows()[:2] {
		r.add(check.Result{Row: row, Outcome: check.Pass, Got: "401", Attempts: 2, Lost: "silence"}, time.Second)
	}
	var text, junit bytes.Buffer
	require.NoError(t, writeRelayText(&text, r))
	require.Contains(t, text.String(), "2 of 2 ")
	require.Contains(t, text.String(), "  pass         "+r.Rows[0].ID+": at attempt 2; the first got: silence\n")
	require.Contains(t, text.String(), "2 of the rows that passed didn't at the first attempt")
	require.NoError(t, writeRelayJUnit(&junit, r))
	require.Contains(t, junit.String(), "<system-out>at attempt 2; the first got: silence</system-out>")
}

// A server that has gone costs a moment, not an answer's time for each row.
func TestRelayCheckEndsWithTheServer(t *testing.T) {
	at, _ := turnServer(t)
	front, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer front.Close()
	way, err := net.Dial("udp4", at["udp"])
	require.NoError(t, err)
	defer way.Close()
	var client atomic.Pointer[net.Addr]
	go func() { // ends with way
		b := make([]byte, 2000)
		for {
			n, err := way.Read(b)
			if err != nil {
				return
			}
			_, _ = front.WriteTo(b[:n], *client.Load())
		}
	}()
	go func() { // ends with front
		b := make([]byte, 2000)
		for range 60 { // then it carries nothing any more
			n, from, err := front.ReadFrom(b)
			if err != nil {
				return
			}
			client.Store(&from)
			_, _ = way.Write(b[:n])
		}
	}()
	code, out, complaints := relayCheck(front.LocalAddr().String(), "-u", "1:alice:secret", "--quiet", "20ms", "--answer", "50ms")
	require.Equal(t, result.ExitFault, code)
	require.Regexp(t, `, \d\d\d not run in `, out)
	require.Contains(t, complaints, "the server is gone since row ")
	require.Contains(t, complaints, "no answer within 50ms")
}

// nameServer answers for every name with the addresses that it is told, while the test lasts. It comes first: whatever
// opens a socket looks at the resolver, which is the whole process's.
func nameServer(t *testing.T) (tell func(addresses ...string)) {
	t.Helper()
	var told atomic.Pointer[[]string]
	packets, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	server := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, question *dns.Msg) {
		answer := new(dns.Msg).SetReply(question)
		for _, ip := range *told.Load() {
			answer.Answer = append(answer.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: question.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.ParseIP(ip),
			})
		}
		_ = w.WriteMsg(answer)
	})}
	ended := make(chan error)
	started := make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	go func() { ended <- server.ActivateAndServe() }()
	<-started
	usual := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp4", packets.LocalAddr().String())
	}}
	t.Cleanup(func() {
		net.DefaultResolver = usual
		require.NoError(t, server.Shutdown())
		require.NoError(t, <-ended)
	})
	return func(addresses ...string) { told.Store(&addresses) }
}

// A name may have an address at which the server isn't.
func TestRelayCheckTriesEveryAddress(t *testing.T) {
	tell := nameServer(t)
	at, _ := turnServer(t)
	for transport, server := range at {
		if transport == "tls" {
			continue // the certificate has no name
		}
		_, port, err := net.SplitHostPort(server)
		require.NoError(t, err)
		name := net.JoinHostPort("turn.test", port)
		tell("127.0.0.9", "127.0.0.1")
		code, out, complaints := relayCheck(name, "-u", "1:alice:secret", "--transport", transport, "--only", "18")
		require.Equal(t, result.ExitPassed, code, complaints)
		require.Contains(t, out, name+" ("+server+") over "+transport+": 8 passed")

		tell("127.0.0.8", "127.0.0.9")
		code, _, complaints = relayCheck(name, "-u", "1:alice:secret", "--transport", transport, "--only", "18")
		require.Equal(t, result.ExitFault, code)
		require.Contains(t, complaints, "can't be checked: at 127.0.0.8 nobody listens there")
		require.Contains(t, complaints, "; at 127.0.0.9 nobody listens there")
	}
}

// A second interrupt ends a check at once, though the first waits for a server that is silent.
func TestASecondInterruptEndsACheck(t *testing.T) {
	if signal.Ignored(os.Interrupt) {
		t.Skip("interrupts are ignored here, and by what is started too")
	}
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	cmd := exec.Command("proxyspec", "relay", "check", silent.LocalAddr().String(), "-u", "a:b", "--answer", "1m")
	require.NoError(t, cmd.Start())
	_, _, err = silent.ReadFrom(make([]byte, 2000)) // by now it hears interrupts
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for over := false; !over; {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
			over = true
		case <-time.After(10 * time.Millisecond): // two at once would be one
		}
	}
	require.Equal(t, syscall.SIGINT, cmd.ProcessState.Sys().(syscall.WaitStatus).Signal(), "it ended as %v", cmd.ProcessState)
}

// An interrupted check reports what it found until then.
func TestRelayCheckIsInterrupted(t *testing.T) {
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, os.Interrupt)
	defer signal.Stop(heard)
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer server.Close()
	at, _ := turnServer(t)
	way, err := net.Dial("udp4", at["udp"])
	require.NoError(t, err)
	defer way.Close()
	go func() { // ends with server or way
		b := make([]byte, 2000)
		for n := 1; ; n++ {
			size, from, err := server.ReadFrom(b)
			if err != nil {
				return
			}
			if n == 30 {
				_ = syscall.Kill(os.Getpid(), syscall.SIGINT)
				<-heard
			}
			_, _ = way.Write(b[:size])
			if size, err = way.Read(b); err != nil {
				return
			}
			_, _ = server.WriteTo(b[:size], from)
		}
	}()
	file := filepath.Join(t.TempDir(), "turn.xml")
	code, _, complaints := relayCheck(server.LocalAddr().String(), "-u", "1:alice:secret", "--only", "0[123]/*", "--format", "junit", "--out", file)
	require.Equal(t, result.ExitInterrupted, code, complaints)
	require.Contains(t, complaints, "not run in ")
	require.Contains(t, complaints, "interrupted")
	written, err := os.ReadFile(file)
	require.NoError(t, err)
	var suite relaySuite
	require.NoError(t, xml.Unmarshal(written, &suite))
	require.Greater(t, len(suite.Cases), 1)
	require.Regexp(t, `^\d+ rows were not run$`, suite.Cases[len(suite.Cases)-1].Error.Message)
	require.Len(t, suite.Cases, suite.Tests)
}

func TestRelayCheckRefuses(t *testing.T) {
	nobody, err := net.ListenPacket("udp4", "127.0.0.1:0") // listens, and never answers
	require.NoError(t, err)
	defer nobody.Close()
	unused, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	closed := unused.LocalAddr().String()
	unused.Close()
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	hasty, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer hasty.Close()
	go func() { // ends with hasty
		for conn, err := hasty.Accept(); err == nil; conn, err = hasty.Accept() {
			conn.Close()
		}
	}()
	at, _ := turnServer(t)
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{result.ExitUsage, "takes one server", nil},
		{result.ExitUsage, "takes one server", []string{"127.0.0.1:1", "127.0.0.1:2"}},
		{result.ExitUsage, "must be HOST:PORT", []string{"127.0.0.1", "-u", "a:b"}},
		{result.ExitUsage, `"no-such-port" is not a port`, []string{"127.0.0.1:no-such-port", "-u", "a:b"}},
		{result.ExitUsage, "--user must be USER:PASSWORD", []string{"127.0.0.1:3478"}},
		{result.ExitUsage, "--other must be USER:PASSWORD", []string{"127.0.0.1:3478", "-u", "a:b", "--other", "bob"}},
		{result.ExitUsage, "another user than --user's a", []string{"127.0.0.1:3478", "-u", "a:b", "--other", "a:b"}},
		{result.ExitUsage, "give an IPv4 address", []string{"[::1]:3478", "-u", "a:b"}},
		{result.ExitFault, "give --ca FILE with the authority that it is from, or --insecure", []string{at["tls"], "-u", "1:alice:secret", "--transport", "tls"}},
		{result.ExitUsage, "--transport must be", []string{"127.0.0.1:3478", "-u", "a:b", "--transport", "sctp"}},
		{result.ExitUsage, "--format", []string{"127.0.0.1:3478", "-u", "a:b", "--format", "pdf"}},
		{result.ExitUsage, "--peer must be", []string{"127.0.0.1:3478", "-u", "a:b", "--peer", "somewhere"}},
		{result.ExitUsage, "--quota must not", []string{"127.0.0.1:3478", "-u", "a:b", "--quota", "-1"}},
		{result.ExitUsage, "--ca:", []string{"127.0.0.1:3478", "-u", "a:b", "--ca", "no-such-file"}},
		{result.ExitUsage, "row T1", []string{"23.236.115.138:3478", "-u", "a:b"}},
		{result.ExitUsage, "everybody's address", []string{"255.255.255.255:3478", "-u", "a:b", "--transport", "tcp"}}, // which UDP would reach
		{result.ExitUsage, "everybody's address", []string{"224.0.0.1:3478", "-u", "a:b", "--transport", "tcp"}},
		{result.ExitUsage, "row T7", []string{"47.96.234.219:443", "-u", "a:b", "--transport", "tls"}},
		{result.ExitUsage, "must be HOST:PORT, such as", []string{"turn:127.0.0.1:3478", "-u", "a:b"}},
		{result.ExitUsage, `names no row; did you mean "CP-RLY-18"?`, []string{"127.0.0.1:3478", "-u", "a:b", "--only", "CP-RLY18"}},
		{result.ExitUsage, "isn't a pattern", []string{"127.0.0.1:3478", "-u", "a:b", "--only", "[a"}},
		{result.ExitFault, "no answer within 50ms", []string{nobody.LocalAddr().String(), "-u", "a:b", "--answer", "50ms"}},
		{result.ExitFault, "nobody listens there", []string{closed, "-u", "a:b"}},
		{result.ExitReport, "--out: open ", []string{at["udp"], "-u", "1:alice:secret", "--out", filepath.Join(t.TempDir(), "none", "x")}},
		{result.ExitFault, "nobody listens there", []string{closed, "-u", "a:b", "--transport", "tcp"}},
		{result.ExitFault, `it answers with "HTTP/1.1 400 Bad Request`, []string{web.Listener.Addr().String(), "-u", "a:b", "--transport", "tcp", "--answer", "50ms"}},
		{result.ExitFault, "it doesn't speak TLS there", []string{web.Listener.Addr().String(), "-u", "a:b", "--transport", "tls"}},
		{result.ExitFault, "does it speak TLS there?", []string{hasty.Addr().String(), "-u", "a:b", "--transport", "tls"}},
		{result.ExitFault, "1:bob can't allocate: it answers with", []string{at["udp"], "-u", "1:alice:secret", "--other", "1:bob:secret"}},
		{result.ExitUsage, "--forbidden 127.0.0.1 is a --peer, too", []string{at["udp"], "-u", "1:alice:secret", "--forbidden", "127.0.0.1"}},
		{result.ExitFault, "1:alice can't allocate: it answers with 400", []string{at["udp"], "-u", "1:alice:wrong"}},
		{result.ExitFault, "peers must be addresses of this machine", []string{at["tcp"], "-u", "1:alice:secret", "--transport", "tcp", "--peer", "192.0.2.7"}},
		{result.ExitFault, "it won't relay to the peer 127.0.0.3", []string{at["udp"], "-u", "1:alice:secret", "--peer", "127.0.0.3", "--only", "18", "--answer", "50ms"}},
	} {
		code, _, complaints := relayCheck(c.args...)
		require.Equal(t, c.code, code, "%v: %s", c.args, complaints)
		require.Contains(t, complaints, c.says)
	}
}

// TestRelayCheckOfCertificates says which of a certificate's faults it is: another authority mends only one of them.
func TestRelayCheckOfCertificates(t *testing.T) {
	for _, c := range []struct {
		address string
		life    time.Duration
		says    string
	}{
		{"127.0.0.2", time.Hour, "its certificate is for others (x509: certificate is valid for 127.0.0.2, not 127.0.0.1)"},
		{"127.0.0.1", -time.Hour, "its certificate isn't valid now (x509: certificate has expired"},
	} {
		web := httptest.NewUnstartedServer(http.NotFoundHandler())
		web.Config.ErrorLog = log.New(io.Discard, "", 0)
		var authority string
		web.TLS, authority = certificate(t, c.address, c.life)
		web.StartTLS()
		defer web.Close()
		code, _, complaints := relayCheck(web.Listener.Addr().String(), "-u", "a:b", "--transport", "tls", "--ca", authority)
		require.Equal(t, result.ExitFault, code)
		require.Contains(t, complaints, c.says)
		require.NotContains(t, complaints, "--ca FILE")
	}
}

// TestRelayCheckIsNotSteered has a server whose reason phrase would write to the terminal what it likes.
func TestRelayCheckIsNotSteered(t *testing.T) {
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer server.Close()
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			request := &stun.Message{Raw: buf[:n]}
			if request.Decode() == nil {
				refusal := stun.MustBuild(request, stun.NewType(request.Type.Method, stun.ClassErrorResponse),
					stun.ErrorCodeAttribute{Code: 500, Reason: []byte("\x1b[2J\u009b31m\u202eall is well\n")})
				_, _ = server.WriteTo(refusal.Raw, from)
			}
		}
	}()
	code, _, complaints := relayCheck(server.LocalAddr().String(), "-u", "a:b")
	require.Equal(t, result.ExitFault, code)
	require.Contains(t, complaints, "500 [2J31mall is well, not with 401")
}

func TestRelayCheckTellsOfItsExitCodes(t *testing.T) {
	_, help, _ := relayCheck("--help")
	for _, code := range []int{
		result.ExitPassed, result.ExitFailed, result.ExitUsage, result.ExitFault, result.ExitPartial, result.ExitReport, result.ExitInterrupted,
	} {
		require.Regexp(t, fmt.Sprintf(`[:;]\s%d [a-z]`, code), help)
	}
}

func TestRelayCheckLists(t *testing.T) {
	code, out, complaints := relayCheck("--list", "--only", "24")
	require.Equal(t, result.ExitPassed, code, complaints)
	require.Contains(t, out, "CP-RLY-24  RFC 8656 §9, §11.2     a permission is for an address, for 300 s\n")
	require.Contains(t, out, "  24/301-s-up  (takes a clock that can be moved)\n      sends     Send 301 s after CreatePermission\n      expects   nothing reaches the peer\n")
	require.NotContains(t, out, "CP-RLY-25")
}
