package sim

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

var (
	left  = netip.MustParseAddr("10.0.0.2")
	right = netip.MustParseAddr("192.0.2.1")
)

// serving moves a network's packets until stop is called.
func serving(n *Network) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = n.Serve(ctx) }()
	return func() { cancel(); <-done }
}

// pair runs f in a bubble with two hosts and a link between them.
func pair(t *testing.T, link LinkConfig, f func(t *testing.T, a, b *Host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{Seed: 1, Settle: synctest.Wait})
		a, b := n.Host("left", left), n.Host("right", right)
		n.Connect(a, b, link)
		defer serving(n)()
		f(t, a, b)
	})
}

func TestUDPRoundTrip(t *testing.T) {
	pair(t, LinkConfig{Delay: 10 * time.Millisecond}, func(t *testing.T, a, b *Host) {
		server, err := b.ListenUDP("udp4", &net.UDPAddr{Port: 3478})
		require.NoError(t, err)
		defer server.Close()
		go func() {
			buf := make([]byte, 1500)
			n, from, err := server.ReadFrom(buf)
			if err == nil {
				_, _ = server.WriteTo(buf[:n], from)
			}
		}()
		client, err := a.Dial("udp", "192.0.2.1:3478")
		require.NoError(t, err)
		defer client.Close()
		start := time.Now()
		_, err = client.Write([]byte("hello"))
		require.NoError(t, err)
		buf := make([]byte, 10)
		n, err := client.Read(buf)
		require.NoError(t, err)
		require.Equal(t, "hello", string(buf[:n]))
		require.Equal(t, 20*time.Millisecond, time.Since(start))
	})
}

func TestUDPErrors(t *testing.T) {
	pair(t, LinkConfig{Delay: time.Millisecond}, func(t *testing.T, a, b *Host) {
		client, err := a.Dial("udp", "192.0.2.1:9")
		require.NoError(t, err)
		_, err = client.Write([]byte("anyone?"))
		require.NoError(t, err)
		_, err = client.Read(make([]byte, 10))
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		_, err = client.Write(make([]byte, 1473))
		require.ErrorIs(t, err, syscall.EMSGSIZE)
		require.NoError(t, client.SetReadDeadline(time.Now().Add(time.Second)))
		_, err = client.Read(make([]byte, 10))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, client.Close())
		_, err = client.Read(make([]byte, 10))
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = a.ListenPacket("udp", "192.0.2.1:5000")
		require.ErrorIs(t, err, syscall.EADDRNOTAVAIL)
	})
}

func TestTCPRefusedAndSilent(t *testing.T) {
	pair(t, LinkConfig{Delay: time.Millisecond}, func(t *testing.T, a, b *Host) {
		_, err := a.Dial("tcp", "192.0.2.1:80")
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		start := time.Now()
		_, err = a.Dial("tcp", "192.0.2.9:80") // nobody's address
		require.ErrorIs(t, err, syscall.ETIMEDOUT)
		require.Equal(t, 127*time.Second, time.Since(start))
		_, err = a.CreateDialer(&net.Dialer{Timeout: 3 * time.Second}).Dial("tcp", "192.0.2.9:80")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var timeout net.Error
		require.True(t, errors.As(err, &timeout) && timeout.Timeout())
	})
}

// TestTCPLossy moves a mebibyte each way over links that lose and reorder.
func TestTCPLossy(t *testing.T) {
	for _, loss := range []float64{0, 0.01, 0.05, 0.1} {
		pair(t, LinkConfig{Delay: 20 * time.Millisecond, Loss: loss}, func(t *testing.T, a, b *Host) {
			l, err := b.ListenTCP("tcp4", &net.TCPAddr{Port: 443})
			require.NoError(t, err)
			defer l.Close()
			sent := make([]byte, 1<<20)
			_, _ = rand.Read(sent)
			go func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.Copy(c, c) // echo until the client has sent all
				_ = c.Close()
			}()
			c, err := a.DialTCP("tcp4", nil, &net.TCPAddr{IP: right.AsSlice(), Port: 443})
			require.NoError(t, err)
			go func() {
				_, _ = c.Write(sent)
				_ = c.CloseWrite()
			}()
			got, err := io.ReadAll(c)
			require.NoError(t, err)
			require.Equal(t, sha256.Sum256(sent), sha256.Sum256(got))
			require.NoError(t, c.Close())
			time.Sleep(5 * time.Minute)
			require.Zero(t, flows(a)+flows(b), "after TIME-WAIT nothing is left")
		})
	}
}

func flows(h *Host) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.tcp)
}

func TestNetTestConn(t *testing.T) {
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		n := New(Config{Seed: 1})
		a, b := n.Host("left", left), n.Host("right", right)
		n.Connect(a, b, LinkConfig{})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); _ = n.Serve(ctx) }()
		l, err := b.ListenTCP("tcp", &net.TCPAddr{Port: 80})
		if err != nil {
			cancel()
			return nil, nil, nil, err
		}
		c1, err := a.Dial("tcp", "192.0.2.1:80")
		if err != nil {
			cancel()
			return nil, nil, nil, err
		}
		c2, err := l.Accept()
		return c1, c2, func() { _ = c1.Close(); _ = c2.Close(); _ = l.Close(); cancel(); <-done }, err
	})
}

func TestHTTP(t *testing.T) {
	pair(t, LinkConfig{Delay: 5 * time.Millisecond}, func(t *testing.T, a, b *Host) {
		l, err := b.ListenTCP("tcp4", &net.TCPAddr{Port: 80})
		require.NoError(t, err)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			_, _ = w.Write(body)
		})}
		go func() { _ = server.Serve(l) }()
		transport := &http.Transport{DialContext: a.DialContext}
		client := &http.Client{Transport: transport}
		body := bytes.Repeat([]byte("x"), 1<<18)
		answer, err := client.Post("http://192.0.2.1/", "text/plain", bytes.NewReader(body))
		require.NoError(t, err)
		got, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.True(t, bytes.Equal(body, got))
		_ = answer.Body.Close()
		transport.CloseIdleConnections()
		require.NoError(t, server.Close())
	})
}

// TestFirewall sends packets through a guarded router.
func TestFirewall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{Seed: 1, Settle: synctest.Wait})
		alice := n.Host("alice", left)
		edge := n.Host("edge", netip.MustParseAddr("47.74.211.17"))
		wall := n.Router("firewall")
		lan := n.Connect(alice, wall, LinkConfig{Delay: time.Millisecond})
		n.Connect(wall, edge, LinkConfig{Delay: time.Millisecond})
		f, err := firewall.New(firewall.Whitelist(netip.MustParsePrefix("10.0.0.0/24")), firewall.Timeouts{})
		require.NoError(t, err)
		wall.Guard(f, lan)
		var seen []string
		wall.Tap(func(s Sighting) {
			if !s.Out && s.Inside {
				seen = append(seen, s.Packet.String()+": "+s.Verdict.Rule)
			}
		})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); _ = n.Serve(ctx) }()

		l, err := edge.ListenTCP("tcp", &net.TCPAddr{Port: 443})
		require.NoError(t, err)
		c, err := alice.Dial("tcp", "47.74.211.17:443")
		require.NoError(t, err)
		d := alice.CreateDialer(&net.Dialer{Timeout: time.Second})
		_, err = d.Dial("tcp", "47.74.211.17:80")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_ = c.Close()
		_ = l.Close()
		cancel()
		<-done
		require.Contains(t, seen, "TCP 10.0.0.2:49152 > 47.74.211.17:443 SYN, 52 bytes: T4")
		require.Contains(t, seen, "TCP 10.0.0.2:49153 > 47.74.211.17:80 SYN, 52 bytes: default")
	})
}
