package sim_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/pion/turn/v4"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/bubble"
	"github.com/proxyspec/proxyspec/sim/firewall"
)

// Two hosts, and a link that loses every tenth packet: TCP brings everything across, in order.
func Example() {
	virtually(func() error {
		network := sim.New(sim.Config{Seed: 7, Settle: bubble.Settle})
		alice := network.Host("alice", netip.MustParseAddr("10.0.0.1"))
		bob := network.Host("bob", netip.MustParseAddr("10.0.0.2"))
		network.Connect(alice, bob, sim.LinkConfig{Delay: 20 * time.Millisecond, Loss: 0.1})
		defer serve(network)()

		listener, err := bob.ListenTCP("tcp", &net.TCPAddr{Port: 80})
		if err != nil {
			return err
		}
		defer listener.Close()
		received := make(chan [32]byte)
		go func() {
			defer close(received)
			if conn, err := listener.Accept(); err == nil {
				data, _ := io.ReadAll(conn)
				_ = conn.Close()
				received <- sha256.Sum256(data)
			}
		}()
		conn, err := alice.Dial("tcp", "10.0.0.2:80")
		if err != nil {
			return err
		}
		data := make([]byte, 1<<20)
		if _, err := conn.Write(data); err != nil {
			return err
		}
		if err := conn.Close(); err != nil {
			return err
		}
		fmt.Println("all there:", <-received == sha256.Sum256(data))
		return nil
	})
	// Output: all there: true
}

// A TURN server beyond a firewall that lets only its port through: pion/turn, client and server, unmodified.
func Example_turnBehindAFirewall() {
	virtually(func() error {
		network := sim.New(sim.Config{Seed: 1, Settle: bubble.Settle})
		client := network.Host("client", netip.MustParseAddr("10.0.0.2"))
		server := network.Host("turn", netip.MustParseAddr("192.0.2.1"))
		router := network.Router("firewall")
		lan := network.Connect(client, router, sim.LinkConfig{})
		network.Connect(router, server, sim.LinkConfig{Delay: 10 * time.Millisecond})
		wall, err := firewall.New(firewall.Policy{Rules: []firewall.Rule{{
			ID: "turn", Proto: firewall.UDP, Action: firewall.Allow,
			Destinations: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}, Ports: []firewall.PortRange{firewall.Port(3478)},
		}}}, firewall.Timeouts{})
		if err != nil {
			return err
		}
		router.Guard(wall, lan)
		router.Tap(func(s sim.Sighting) {
			if s.Judged && s.Verdict.Action != firewall.Allow {
				fmt.Println(s.Packet, "dropped by rule", s.Verdict.Rule)
			}
		})
		defer serve(network)()

		running, err := serveTURN(server)
		if err != nil {
			return err
		}
		defer running.Close()
		socket, err := client.ListenPacket("udp4", ":0")
		if err != nil {
			return err
		}
		defer socket.Close()
		turnClient, err := turn.NewClient(&turn.ClientConfig{
			TURNServerAddr: "192.0.2.1:3478", Conn: socket, Net: client,
			Username: "user", Password: "secret", Realm: "example.test",
		})
		if err != nil {
			return err
		}
		defer turnClient.Close()
		if err := turnClient.Listen(); err != nil {
			return err
		}
		relayed, err := turnClient.Allocate()
		if err != nil {
			return err
		}
		defer relayed.Close()
		fmt.Println("allocated on", relayed.LocalAddr().(*net.UDPAddr).IP)
		_, err = client.CreateDialer(&net.Dialer{Timeout: time.Second}).Dial("tcp", "192.0.2.1:3478")
		fmt.Println("over TCP:", errors.Is(err, context.DeadlineExceeded))
		return nil
	})
	// Output:
	// allocated on 192.0.2.1
	// TCP 10.0.0.2:49152 > 192.0.2.1:3478 SYN, 52 bytes dropped by rule default
	// over TCP: true
}

// An hour of a heartbeat each second takes milliseconds, and the clock of the code under test shows an hour.
func Example_anHour() {
	real := time.Now()
	virtually(func() error {
		network := sim.New(sim.Config{Settle: bubble.Settle})
		phone := network.Host("phone", netip.MustParseAddr("10.0.0.1"))
		server := network.Host("server", netip.MustParseAddr("10.0.0.2"))
		network.Connect(phone, server, sim.LinkConfig{Delay: 30 * time.Millisecond})
		defer serve(network)()

		socket, err := server.ListenPacket("udp", ":9000")
		if err != nil {
			return err
		}
		defer socket.Close()
		beats := make(chan int)
		go func() {
			n := 0
			defer func() { beats <- n }()
			for buf := make([]byte, 100); ; n++ {
				if _, _, err := socket.ReadFrom(buf); err != nil {
					return
				}
			}
		}()
		conn, err := phone.Dial("udp", "10.0.0.2:9000")
		if err != nil {
			return err
		}
		begin := time.Now()
		for time.Since(begin) < time.Hour {
			if _, err := conn.Write([]byte("still here")); err != nil {
				return err
			}
			time.Sleep(time.Second)
		}
		fmt.Println("after", time.Since(begin))
		_ = conn.Close()
		_ = socket.Close()
		fmt.Println(<-beats, "heartbeats")
		return nil
	})
	fmt.Println("really an hour:", time.Since(real) > time.Hour)
	// Output:
	// after 1h0m0s
	// 3600 heartbeats
	// really an hour: false
}

// net/http, client and server, with names that a host resolves.
func Example_http() {
	virtually(func() error {
		network := sim.New(sim.Config{Settle: bubble.Settle})
		browser := network.Host("browser", netip.MustParseAddr("2001:db8::1"))
		web := network.Host("web", netip.MustParseAddr("2001:db8::80"))
		network.Connect(browser, web, sim.LinkConfig{Delay: 40 * time.Millisecond, Rate: 10_000_000})
		browser.ResolveWith(func(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{web.Addr()}, nil })
		defer serve(network)()

		listener, err := web.ListenTCP("tcp", &net.TCPAddr{Port: 80})
		if err != nil {
			return err
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "hello from %s", r.Host)
		})}
		go func() { _ = server.Serve(listener) }()
		defer server.Close()
		transport := &http.Transport{DialContext: browser.DialContext}
		defer transport.CloseIdleConnections()
		answer, err := (&http.Client{Transport: transport}).Get("http://www.example.test/")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		fmt.Println(string(body))
		return err
	})
	// Output: hello from www.example.test
}

// serveTURN runs pion's TURN server on a host, on UDP and TCP 3478.
func serveTURN(h *sim.Host) (*turn.Server, error) {
	udp, err := h.ListenPacket("udp4", ":3478")
	if err != nil {
		return nil, err
	}
	tcp, err := h.ListenTCP("tcp4", &net.TCPAddr{Port: 3478})
	if err != nil {
		return nil, err
	}
	relay := &turn.RelayAddressGeneratorStatic{RelayAddress: h.Addr().AsSlice(), Address: h.Addr().String(), Net: h}
	return turn.NewServer(turn.ServerConfig{
		Realm: "example.test",
		AuthHandler: func(user, realm string, _ net.Addr) ([]byte, bool) {
			return turn.GenerateAuthKey(user, realm, "secret"), true
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: udp, RelayAddressGenerator: relay}},
		ListenerConfigs:   []turn.ListenerConfig{{Listener: tcp, RelayAddressGenerator: relay}},
	})
}

// virtually runs f in virtual time. What its libraries leave behind has five minutes to end by itself.
func virtually(f func() error) {
	b, err := bubble.Open(bubble.Config{Watchdog: time.Minute})
	if err == nil {
		err = b.Do(func() {
			if err := f(); err != nil {
				fmt.Println(err)
			}
		})
		err = errors.Join(err, b.Close(5*time.Minute))
	}
	if err != nil {
		fmt.Println(err)
	}
}

// serve moves a network's packets until the result is called, and then for a second more: what ends may have something
// to say.
func serve(n *sim.Network) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = n.Serve(ctx) }()
	return func() { time.Sleep(time.Second); cancel(); <-done }
}
