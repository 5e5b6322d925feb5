package sim

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/nat"
)

// trial is a random world: hosts that talk to each other through routers in a row, some with a firewall or a NAT,
// while links and policies change.
type trial struct {
	*rand.Rand
	net   *Network
	hosts []*Host
	links []*Link
	walls []*firewall.Firewall
	nats  []*nat.NAT

	mu    sync.Mutex
	open  []net.PacketConn // a host's
	trace []string
	heard int // packets that arrived at hosts
}

const (
	trialTime = 300 * time.Millisecond
	step      = 500 * time.Microsecond // all that hosts do of themselves is at multiples of it
	aside     = step / 2
)

// run lives a world through and notes what was seen of it: every packet at every socket and at the hosts and routers that
// are watched, and every counter.
func (w *trial) run(t *testing.T, seed uint64, slowly bool) {
	synctest.Test(t, func(t *testing.T) {
		w.net = New(Config{Seed: seed, Settle: synctest.Wait})
		w.net.slowly = slowly
		w.build(t)
		ctx, cancel := context.WithCancel(context.Background())
		served := make(chan struct{})
		go func() { defer close(served); _ = w.net.Serve(ctx) }()
		done := make(chan struct{}, len(w.hosts))
		w.open = make([]net.PacketConn, len(w.hosts))
		for i := range w.hosts {
			w.listen(i)
			w.talk(i, rand.New(rand.NewPCG(seed, uint64(i))), done)
		}
		w.change(rand.New(rand.NewPCG(seed, 99)))
		w.audit(t)
		for range w.hosts {
			<-done
		}
		time.Sleep(time.Second)
		for i := range w.hosts {
			_ = w.conn(i).Close()
		}
		w.count()
		cancel()
		<-served
		require.NoError(t, w.net.Books().Balanced())
	})
}

func (w *trial) config() LinkConfig {
	c := LinkConfig{Delay: []time.Duration{0, time.Millisecond, 2500 * time.Microsecond, 8*time.Millisecond + aside}[w.IntN(4)]}
	if w.IntN(3) == 0 {
		c.Loss = 0.1
	}
	switch w.IntN(13) {
	case 0:
		c.Jitter = 2 * time.Millisecond
	case 1:
		c.Damage = 0.05
	case 2:
		c.Down = true
	case 3:
		c.Duplicate = 0.1
	case 4:
		c.Hold = true
	}
	return c
}

// build lays a row of routers; hosts hang on the two ends and on the middle.
func (w *trial) build(t *testing.T) {
	var routers []*Router
	everywhere := netip.MustParsePrefix("0.0.0.0/0")
	count := 1 + w.IntN(4)
	for i := range count {
		routers = append(routers, w.net.Router(fmt.Sprint("r", i)))
		if w.IntN(3) == 0 {
			routers[i].Tap(w.see)
		}
	}
	hang := func(r *Router, a string) *Link {
		h := w.net.Host(a, netip.MustParseAddr(a))
		l := w.net.Connect(h, r, w.config())
		w.hosts, w.links = append(w.hosts, h), append(w.links, l)
		if w.IntN(2) == 0 {
			h.Tap(w.see)
		}
		return l
	}
	inside := []*Link{hang(routers[0], "10.0.0.2"), hang(routers[0], "10.0.0.3")}
	for i := 1; i < count; i++ {
		l := w.net.Connect(routers[i-1], routers[i], w.config())
		w.links = append(w.links, l)
		routers[i-1].Route(everywhere, l)
		routers[i].Route(netip.MustParsePrefix("10.0.0.0/8"), l)
		routers[i].Route(netip.MustParsePrefix("203.0.113.0/24"), l)
		w.guard(t, routers[i-1], inside)
		inside = []*Link{l}
	}
	end := routers[count-1]
	hang(end, "192.0.2.1")
	hang(end, "192.0.2.2")
	w.guard(t, end, inside)
}

// see notes all that a tap is told.
func (w *trial) see(s Sighting) {
	text := fmt.Sprint(s.At, " ", s.Node, " ", s.Packet, " TTL ", s.Packet.TTL)
	s.Packet = nil
	w.note("%s %+v", text, s)
}

func (w *trial) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trace = append(w.trace, fmt.Sprintf(format, args...))
}

// listen opens the socket of a host.
func (w *trial) listen(i int) {
	c, err := w.hosts[i].ListenPacket("udp4", ":7000")
	if err != nil {
		panic(err) // its port is free
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open[i] = c
	go w.echo(i, c)
}

func (w *trial) conn(i int) net.PacketConn {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open[i]
}

func (w *trial) policy() firewall.Policy {
	p := firewall.Policy{ID: "random", Default: firewall.Action(w.IntN(2))}
	for i := range 3 {
		p.Rules = append(p.Rules, firewall.Rule{
			ID: fmt.Sprint("R", i), Proto: firewall.UDP, Action: firewall.Action(w.IntN(3)),
			Destinations: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(w.IntN(3))}), 32)},
		})
	}
	return p
}

func (w *trial) guard(t *testing.T, r *Router, inside []*Link) {
	switch w.IntN(3) {
	case 0:
		f, err := firewall.New(w.policy(), firewall.Timeouts{UDP: 20 * time.Millisecond})
		require.NoError(t, err)
		r.Guard(f, inside...)
		w.walls = append(w.walls, f)
	case 1:
		n, err := nat.New(nat.Config{
			Outside: []netip.Addr{netip.AddrFrom4([4]byte{203, 0, 113, byte(1 + len(w.nats))})},
			Mapping: nat.Behavior(w.IntN(3)), Filtering: nat.Behavior(w.IntN(3)), InboundRefresh: w.IntN(2) == 0,
			Timeouts: nat.Timeouts{UDP: 20 * time.Millisecond}, NewPorts: true,
		})
		require.NoError(t, err)
		r.Translate(n, inside...)
		w.nats = append(w.nats, n)
	}
}

// talk sends numbered datagrams to random hosts: bursts at one instant, pauses that outlast the timeouts.
func (w *trial) talk(i int, r *rand.Rand, done chan<- struct{}) {
	go func() {
		defer func() { done <- struct{}{} }()
		start := time.Now()
		to := w.hosts[r.IntN(len(w.hosts))]
		for number := 0; time.Since(start) < trialTime; number++ {
			if r.IntN(8) == 0 {
				to = w.hosts[r.IntN(len(w.hosts))]
			}
			for range 1 + r.IntN(3) {
				_, _ = w.conn(i).WriteTo([]byte(fmt.Sprint("question ", number)), &net.UDPAddr{IP: to.Addr().AsSlice(), Port: 7000})
			}
			pause := time.Duration(1+r.IntN(5)) * step
			if r.IntN(3) == 0 {
				pause = time.Duration(30+r.IntN(30)) * step // around the timeout
			}
			time.Sleep(pause)
		}
	}()
}

func (w *trial) echo(i int, c net.PacketConn) {
	buf := make([]byte, 1500)
	for {
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			return
		}
		w.note("%v %s: %s from %v", w.net.now(), w.hosts[i].name, buf[:n], from)
		w.heard++
		if buf[0] == 'q' && n%2 == 0 {
			_, _ = c.WriteTo(append([]byte("answer to "), buf[:n]...), from)
		}
	}
}

// change alters links, policies and tables now and then, watches hosts and closes sockets for a while, also at instants at
// which packets arrive.
func (w *trial) change(r *rand.Rand) {
	go func() {
		for range 35 {
			time.Sleep(time.Duration(r.IntN(30)) * step)
			switch i := r.IntN(len(w.hosts)); r.IntN(7) {
			case 0, 1:
				c := w.config()
				w.links[r.IntN(len(w.links))].Set(c)
			case 2:
				if len(w.walls) > 0 {
					p := w.policy()
					w.net.Do(func() { _ = w.walls[r.IntN(len(w.walls))].SetPolicy(p) })
				}
			case 3:
				if len(w.walls) > 0 {
					w.net.Do(w.walls[r.IntN(len(w.walls))].Flush)
				}
			case 4:
				if len(w.nats) > 0 {
					w.net.Do(w.nats[r.IntN(len(w.nats))].Flush)
				}
			case 5:
				time.Sleep(aside) // nobody writes at this instant: who were first, would be chance
				_ = w.conn(i).Close()
				time.Sleep(time.Duration(r.IntN(10)) * step)
				w.listen(i)
				time.Sleep(aside)
			case 6:
				if w.hosts[i].taps == nil && r.IntN(4) == 0 {
					w.net.Do(func() { w.hosts[i].Tap(w.see) })
				}
			}
		}
	}()
}

// audit looks at the network's books while packets are under way.
func (w *trial) audit(t *testing.T) {
	go func() {
		for range 10 {
			time.Sleep(trialTime / 11)
			if err := w.net.Books().Balanced(); err != nil {
				t.Errorf("after %v: %v", w.net.now(), err)
			}
		}
	}()
}

func (w *trial) count() {
	for _, l := range w.links {
		w.trace = append(w.trace, fmt.Sprintf("%+v %+v", l.Count(l.a.node.(Node)), l.Count(l.b.node.(Node))))
	}
	w.net.Do(func() {
		for _, f := range w.walls {
			w.trace = append(w.trace, fmt.Sprint("flows ", f.Flows()))
		}
	})
	w.note("%+v", w.net.Books())
}

var worlds = flag.Int("worlds", 60, "how many random worlds TestPathsChangeNothing lives through")

// TestPathsChangeNothing lives random worlds through twice, with paths and hop by hop.
func TestPathsChangeNothing(t *testing.T) {
	packets, carried := 0, uint64(0)
	for seed := range uint64(*worlds) {
		var got [2][]string
		for i, slowly := range []bool{true, false} {
			w := &trial{Rand: rand.New(rand.NewPCG(seed, 7))}
			w.run(t, seed, slowly)
			got[i] = w.trace
			carried += w.net.carried
			packets += w.heard
			require.False(t, slowly && w.net.carried > 0)
		}
		for i, line := range got[0] {
			require.Less(t, i, len(got[1]), "world %d: packets are missing, the first is %s", seed, line)
			require.Equal(t, line, got[1][i], "world %d: the first packet that differs is number %d", seed, i)
		}
		require.Equal(t, len(got[0]), len(got[1]), "world %d", seed)
	}
	require.Greater(t, carried, uint64(packets/20), "too few packets take a path for the test to mean much")
	t.Logf("%d packets heard in two runs, %d carried along paths", packets, carried)
}

// TestLookAheadIsTakenBack has a policy change while a packet, whose way is worked out already, is still on its
// way to the firewall. It is dropped there, so that it keeps neither the firewall's flow nor the NAT's mapping
// alive: a later packet from outside finds both gone.
func TestLookAheadIsTakenBack(t *testing.T) {
	for _, slowly := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			n := New(Config{Seed: 1, Settle: synctest.Wait})
			n.slowly = slowly
			const ms = time.Millisecond
			client, server := n.Host("client", left), n.Host("server", right)
			wall, translator := n.Router("wall"), n.Router("nat")
			lan := n.Connect(client, wall, LinkConfig{Delay: 10 * ms})
			mid := n.Connect(wall, translator, LinkConfig{Delay: 10 * ms})
			n.Connect(translator, server, LinkConfig{})
			wall.Route(netip.MustParsePrefix("0.0.0.0/0"), mid)
			translator.Route(netip.MustParsePrefix("10.0.0.0/8"), mid)
			f, err := firewall.New(firewall.Policy{ID: "open", Default: firewall.Allow}, firewall.Timeouts{UDP: 60 * ms})
			require.NoError(t, err)
			wall.Guard(f, lan)
			table, err := nat.New(nat.Config{Outside: []netip.Addr{netip.MustParseAddr("203.0.113.1")}, Timeouts: nat.Timeouts{UDP: 60 * ms}})
			require.NoError(t, err)
			translator.Translate(table, mid)
			defer serving(n)()

			in, err := server.ListenPacket("udp4", ":9")
			require.NoError(t, err)
			out, err := client.Dial("udp4", "192.0.2.1:9")
			require.NoError(t, err)
			start := time.Now()
			send := func() {
				_, err := out.Write([]byte("x"))
				require.NoError(t, err)
			}
			send() // at the firewall at 10 ms, at the NAT at 20 ms
			_, from, err := in.ReadFrom(make([]byte, 10))
			require.NoError(t, err)
			time.Sleep(time.Until(start.Add(55 * ms)))
			send() // at the firewall at 65 ms
			time.Sleep(5 * ms)
			n.Do(func() {
				require.Equal(t, slowly, n.carried == 0)
				require.NoError(t, f.SetPolicy(firewall.Policy{ID: "shut"}))
			})
			time.Sleep(time.Until(start.Add(75 * ms)))
			now := n.start.Add(n.now())
			n.Do(func() {
				f.Expire(now)
				require.Zero(t, f.Flows(), "idle since 10 ms")
				require.Equal(t, 1, table.Mappings(now), "idle since 20 ms")
				require.Zero(t, table.Mappings(now.Add(5*ms)))
			})
			_, err = in.WriteTo([]byte("late"), from)
			require.NoError(t, err)
		})
	}
}
