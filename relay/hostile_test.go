package relay_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
)

// calls makes a call that must work: other users are unharmed.
func (w *world) calls(t *testing.T) {
	t.Helper()
	way := w.mustLook(t, "app", "other")
	ws := w.mustOpen(t, way.MessageURLs[0])
	send(t, ws, "still here")
	require.Equal(t, "still here", receive(t, ws))
	server := way.ICEServers[0]
	allocation, err := w.turn(t, server.URLs[0], server.Username, server.Credential).Allocate()
	require.NoError(t, err)
	thereAndBack(t, allocation, w.peer(t).LocalAddr(), "media")
	require.NoError(t, allocation.Close())
	require.NoError(t, ws.Close(websocket.StatusNormalClosure, ""))
}

// grew is how many bytes more are in use than before, once f has run.
func grew(f func()) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

// A body is read up to its limit, however long it says that it is, and whatever is in it.
func TestHostileLookups(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		head := func(length int) string {
			return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", relay.LookupPath, length)
		}
		post := func(body string) string { return head(len(body)) + body }
		for what, tc := range map[string]struct {
			send   string
			status int
			says   string
		}{
			"10 MB":           {head(10<<20) + strings.Repeat(" ", relay.MaxRequest+1), 413, relay.CodeTooLarge},
			"chunks of 10 MB": {strings.Replace(head(0), "Content-Length: 0", "Transfer-Encoding: chunked", 1) + "A00000\r\n" + strings.Repeat(" ", relay.MaxRequest+1), 413, relay.CodeTooLarge},
			"deep arrays":     {post(`{"uid":` + strings.Repeat("[", 60_000)), 400, "line 1, column 8"},
			"deep objects":    {post(strings.Repeat(`{"uid":`, 8000)), 400, "line 1, column 8"},
			"a long name":     {post(`{"` + strings.Repeat("a", 60_000) + `":1`), 400, "unknown field"},
			"a long number":   {post(`{"uid":` + strings.Repeat("9", 60_000) + "}"), 400, "is not a string"},
			"many fields":     {post("{" + strings.Repeat(`"uid":"",`, 6000)), 400, "there twice"},
			"a large header":  {"POST / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", 431, ""},
			"two lengths":     {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400, ""},
			"a wrong length":  {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", 400, ""}, // CVE-2020-6061, CVE-2020-6062
		} {
			conn := w.tls(t, w.lookup)
			_, _ = io.WriteString(conn, tc.send) // the answer may come before all has been sent
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err, what)
			body, _ := io.ReadAll(resp.Body)
			require.Equal(t, tc.status, resp.StatusCode, what)
			require.Contains(t, string(body), tc.says, what)
			require.Less(t, len(body), 1000, "%s: a refusal doesn't repeat the request", what)
			conn.Close()
		}
		w.calls(t)
	})
}

// Whoever connects and says nothing gets so many connections, and they last 10 s; the log hears of it once a second.
func TestHalfOpenConnections(t *testing.T) {
	limits := func(cfg *relay.Config) {
		cfg.Limits.Connections, cfg.Limits.SourceConnections = 60, 50
		cfg.Ping = -1 // the one that talks answers only while it reads
	}
	inBubble(t, limits, func(t *testing.T, w *world) {
		way := w.mustLook(t, "app", "7")
		talking := w.mustOpen(t, way.MessageURLs[0])
		for port, purpose := range map[string]string{
			strings.TrimSuffix(strings.TrimPrefix(w.lookup, "https://"), relay.LookupPath): relay.PurposeLookup,
			strings.Split(strings.TrimPrefix(way.MessageURLs[0], "wss://"), "/")[0]:        relay.PurposeMessages,
			tcpOf(way): relay.PurposeMedia,
		} {
			var conns []net.Conn
			for range 200 {
				conn, err := w.host.CreateDialer(&net.Dialer{}).Dial("tcp", port)
				require.NoError(t, err)
				conns = append(conns, conn)
			}
			synctest.Wait()
			ends := map[time.Duration]int{}
			began := time.Now()
			for _, conn := range slices.Backward(conns) { // those that are refused come last
				_, err := conn.Read(make([]byte, 1))
				require.Error(t, err)
				ends[time.Since(began).Round(time.Second)]++
				conn.Close()
			}
			open := ends[10*time.Second]
			require.LessOrEqual(t, open, 50, purpose)
			require.GreaterOrEqual(t, open, 48, "the one that talks counts, and one that was just closed may")
			require.Equal(t, 200-open, ends[0], "the others are closed at once: %v", ends)
			refused := w.seen(relay.EventConnectionRefused)
			require.NotEmpty(t, refused)
			require.LessOrEqual(t, len(refused), 3, "once a second")
			require.Equal(t, purpose, refused[len(refused)-1].Purpose)
			send(t, talking, "unharmed")
			require.Equal(t, "unharmed", receive(t, talking))
		}
		time.Sleep(time.Minute)
		w.calls(t)
	})
}

// Pings are answered, but not for ever to somebody who doesn't read.
func TestPingFlood(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		target := w.mustLook(t, "app", "7").MessageURLs[0]
		conn := w.tls(t, target)
		_, path, _ := strings.Cut(strings.TrimPrefix(target, "wss://"), "/")
		fmt.Fprintf(conn, "GET /%s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", path)
		head, err := bufio.NewReader(conn).ReadString('\n')
		require.NoError(t, err)
		require.Contains(t, head, "101")
		ping := append([]byte{0x89, 0xFD, 0, 0, 0, 0}, make([]byte, 125)...)
		began := time.Now()
		sent := 0
		for err == nil && sent < 1_000_000 {
			_, err = conn.Write(ping)
			sent++
		}
		require.Error(t, err, "the relay read %d pings of somebody who took no pong", sent)
		require.LessOrEqual(t, time.Since(began), 10*time.Second)
		require.Equal(t, relay.CodeClientLost, w.await(relay.EventMessagesClosed, 1).Code)
		w.calls(t)
	})
}

// Garbage on every port costs nothing that stays, and nobody's call.
func TestGarbageOnEveryPort(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		way := w.mustLook(t, "app", "7")
		random := rand.New(rand.NewPCG(1, 1))
		garbage := func() []byte {
			b := make([]byte, random.IntN(200))
			for i := range b {
				b[i] = byte(random.Uint32())
			}
			if len(b) > 20 && random.IntN(2) == 0 { // a header that is right, and rubbish behind it
				copy(b, []byte{0, 3, 0, byte(len(b) - 20), 0x21, 0x12, 0xA4, 0x42})
			}
			return b
		}
		w.calls(t)
		growth := grew(func() {
			for _, site := range way.Relays {
				for _, port := range site.UDPPorts {
					conn, err := w.host.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
					require.NoError(t, err)
					for range 1000 {
						_, err := conn.WriteTo(garbage(), &net.UDPAddr{IP: loopback.AsSlice(), Port: port})
						require.NoError(t, err)
						synctest.Wait()
					}
					conn.Close()
				}
				for _, port := range append(append([]int{}, site.TCPPorts...), site.MessagePorts...) {
					for range 20 {
						conn, err := w.host.CreateDialer(&net.Dialer{}).Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
						require.NoError(t, err)
						_, _ = conn.Write(garbage())
						synctest.Wait()
						conn.Close()
					}
				}
			}
			time.Sleep(time.Minute)
		})
		require.Less(t, growth, int64(2<<20))
		require.Len(t, w.seen(relay.EventAllocationCreated), 1)
		w.calls(t)
	})
}

// What is refused must not bring a secret into the log either: a token, or a credential that is nearly right.
func TestRefusalsLogNoSecret(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world) {
		way := w.mustLook(t, "app", "7")
		target, server := way.MessageURLs[0], way.ICEServers[0]
		at, token, _ := strings.Cut(target, "session=")
		end := "AA"
		if strings.HasSuffix(token, end) { // one of a thousand does
			end = "BA"
		}
		_, no := w.open(t, at+"session="+token[:len(token)-2]+end)
		require.Equal(t, 401, no.status)
		time.Sleep(25 * time.Hour)
		_, no = w.open(t, target)
		require.Equal(t, 401, no.status)
		for _, credential := range []string{server.Credential, server.Credential[1:]} {
			_, err := w.turn(t, server.URLs[0], server.Username, credential).Allocate()
			require.Error(t, err)
		}
		w.gateway.stop()
		fresh := w.mustLook(t, "app", "8")
		_, no = w.open(t, fresh.MessageURLs[0])
		require.Equal(t, 502, no.status)
		w.stop()

		_, freshToken, _ := strings.Cut(fresh.MessageURLs[0], "session=")
		require.NotEmpty(t, w.seen(relay.EventAllocationRefused))
		for _, e := range w.events {
			line := fmt.Sprintf("%+v", e)
			for _, secret := range []string{token[:len(token)-2], freshToken, server.Credential[1:], string(secret), "session="} {
				require.NotContains(t, line, secret)
			}
		}
	})
}

// RFC 8996: TLS 1.1 is refused, whatever the configuration says.
func TestOldTLSIsRefused(t *testing.T) {
	inBubble(t, func(cfg *relay.Config) { cfg.TLS.MinVersion = tls.VersionTLS10 }, func(t *testing.T, w *world) {
		way := w.mustLook(t, "app", "7")
		for _, port := range []string{strings.TrimSuffix(strings.TrimPrefix(w.lookup, "https://"), relay.LookupPath),
			strings.Split(strings.TrimPrefix(way.MessageURLs[0], "wss://"), "/")[0]} {
			for version, ok := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
				raw, err := w.host.CreateDialer(&net.Dialer{}).Dial("tcp", port)
				require.NoError(t, err)
				conn := tls.Client(raw, &tls.Config{RootCAs: w.trust, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS10, MaxVersion: version})
				require.Equal(t, ok, conn.HandshakeContext(context.Background()) == nil, tls.VersionName(version))
				raw.Close()
			}
		}
	})
}
