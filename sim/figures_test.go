package sim_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/bubble"
	"github.com/proxyspec/proxyspec/sim/nat"
)

// lan is a router with hosts, each at an address of 10.0.0.0/8.
func lan(n *sim.Network, count int) []*sim.Host {
	router := n.Router("lan")
	hosts := make([]*sim.Host, count)
	for i := range hosts {
		hosts[i] = n.Host(fmt.Sprint("host-", i), netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
		n.Connect(hosts[i], router, sim.LinkConfig{})
	}
	return hosts
}

// moving runs f while the network moves.
func moving(n *sim.Network, f func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = n.Serve(ctx) }()
	f()
	cancel()
	<-done
}

// capturePairs are many because a few hundredths matter, and a pair takes 50 ms.
const capturePairs = 41

// BenchmarkCapture prints by how much packets cost more when bob's network card is captured, and when the
// firewall is, on both sides with each verdict: what the capture takes itself, and with a file to write to.
func BenchmarkCapture(b *testing.B) {
	rate := func(w io.Writer, watch func(o *office) []sim.Node) (rate float64) {
		inBubble(b, func() {
			o := newOffice(b, sim.Config{Seed: 1, Settle: synctest.Wait}, time.Millisecond)
			if watch != nil {
				_, err := o.net.Capture(w, watch(o)...)
				require.NoError(b, err)
			}
			moving(o.net, func() {
				from, to := open(b, o.alice), open(b, o.bob)
				defer from.Close()
				defer to.Close()
				rate, _ = pump(b, from, to, to.LocalAddr(), 100, 20_000)
			})
		})
		return rate
	}
	file, err := os.Create(filepath.Join(b.TempDir(), "capture.pcapng"))
	require.NoError(b, err)
	defer file.Close()
	host, wall := func(o *office) []sim.Node { return []sim.Node{o.bob} }, func(o *office) []sim.Node { return []sim.Node{o.wall} }
	for _, tc := range []struct {
		name  string
		w     io.Writer
		watch func(o *office) []sim.Node
	}{{"host", io.Discard, host}, {"firewall", io.Discard, wall}, {"host to a file", file, host}, {"firewall to a file", file, wall}} {
		b.Run(tc.name, func(b *testing.B) {
			defer oneProcessor()()
			var ratios, rates []float64
			for range b.N {
				for i := range capturePairs {
					var plain, captured float64
					if i%2 == 0 {
						plain, captured = rate(nil, nil), rate(tc.w, tc.watch)
					} else { // neither side always runs on what the other one left behind
						captured, plain = rate(tc.w, tc.watch), rate(nil, nil)
					}
					ratios, rates = append(ratios, plain/captured), append(rates, captured)
					_, err := file.Seek(0, io.SeekStart)
					require.NoError(b, errors.Join(err, file.Truncate(0)))
				}
			}
			b.ReportMetric(median(ratios), "x-no-capture")
			b.ReportMetric(median(rates), "packets/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkManyHosts prints by how much a packet costs more on a LAN of 10,000 hosts than on one of 100.
func BenchmarkManyHosts(b *testing.B) {
	defer oneProcessor()()
	rate := func(count int) (rate float64) {
		inBubble(b, func() {
			n := sim.New(sim.Config{Seed: 1, Settle: synctest.Wait})
			hosts := lan(n, count)
			moving(n, func() {
				from, to := open(b, hosts[1]), open(b, hosts[count-1])
				defer from.Close()
				defer to.Close()
				rate, _ = pump(b, from, to, to.LocalAddr(), 100, 20_000)
			})
		})
		return rate
	}
	var ratios []float64
	for range b.N {
		for range peerPairs {
			ratios = append(ratios, rate(100)/rate(10_000))
		}
	}
	b.ReportMetric(median(ratios), "x-100-hosts")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkIdleHost prints the memory of a host that nobody uses, and of one with a socket on which a reader
// waits.
func BenchmarkIdleHost(b *testing.B) {
	const count = 10_000
	for range b.N {
		before := memory()
		n := sim.New(sim.Config{Seed: 1})
		hosts := lan(n, count)
		idle := memory()
		done := make(chan struct{}, count)
		conns := make([]net.PacketConn, count)
		for i, h := range hosts {
			conns[i] = open(b, h)
			go func() {
				_, _, _ = conns[i].ReadFrom(make([]byte, 1))
				done <- struct{}{}
			}()
		}
		runtime.Gosched()
		reading := memory()
		b.ReportMetric(float64(idle-before)/count, "B/idle-host")
		b.ReportMetric(float64(reading-before)/count, "B/reading-host")
		for i := range conns {
			_ = conns[i].Close()
			<-done
		}
		runtime.KeepAlive(n)
	}
	b.ReportMetric(0, "ns/op")
}

// memory is what is in use, stacks included.
func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// BenchmarkIdleHour prints what an hour costs in which nothing happens to 1,000 sockets.
func BenchmarkIdleHour(b *testing.B) {
	for b.Loop() {
		inBubble(b, func() {
			n := sim.New(sim.Config{Seed: 1, Settle: synctest.Wait})
			hosts := lan(n, 1000)
			moving(n, func() {
				done := make(chan struct{}, len(hosts))
				var conns []net.PacketConn
				for _, h := range hosts {
					c := open(b, h)
					conns = append(conns, c)
					go func() {
						_, _, _ = c.ReadFrom(make([]byte, 1))
						done <- struct{}{}
					}()
				}
				time.Sleep(time.Hour)
				for _, c := range conns {
					_ = c.Close()
					<-done
				}
			})
		})
	}
}

// BenchmarkWebRTCHour prints what an hour costs in which two peers of pion/webrtc hold a data channel open.
func BenchmarkWebRTCHour(b *testing.B) {
	cone := natKind{nat.EndpointIndependent, nat.EndpointIndependent}
	for b.Loop() {
		world, err := bubble.Open(bubble.Config{})
		require.NoError(b, err)
		require.NoError(b, world.Do(func() {
			w, err := newHomes(cone, cone)
			require.NoError(b, err)
			offerer, err := peer(w.alice, "udp")
			require.NoError(b, err)
			answerer, err := peer(w.bob, "udp")
			require.NoError(b, err)
			channel, err := offerer.CreateDataChannel("chat", nil)
			require.NoError(b, err)
			open := make(chan struct{})
			channel.OnOpen(func() { close(open) })
			require.NoError(b, signal(offerer, answerer))
			<-open
			time.Sleep(time.Hour)
			require.Equal(b, webrtc.PeerConnectionStateConnected, offerer.ConnectionState())
			require.NoError(b, errors.Join(offerer.Close(), answerer.Close(), w.close()))
		}))
		require.NoError(b, world.Close(10*time.Minute))
	}
}
