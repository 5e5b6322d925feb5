package sim

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// TestWhatCannotBePanics says what each mistake of a program is told.
func TestWhatCannotBePanics(t *testing.T) {
	addr, everywhere := netip.MustParseAddr, netip.MustParsePrefix("0.0.0.0/0")
	for want, mistake := range map[string]func(n *Network, a, b *Host, r *Router, l *Link){
		"sim: a host, router or port needs a name": func(n *Network, a, b *Host, r *Router, l *Link) { n.Router("") },
		"sim: there is a a already":                func(n *Network, a, b *Host, r *Router, l *Link) { n.Host("a", right) },
		"sim: host c has no address":               func(n *Network, a, b *Host, r *Router, l *Link) { n.Host("c") },
		"sim: host c: 127.0.0.1 is no address of a host": func(n *Network, a, b *Host, r *Router, l *Link) {
			n.Host("c", addr("127.0.0.1"))
		},
		"sim: host c: 224.0.0.1 is no address of a host": func(n *Network, a, b *Host, r *Router, l *Link) {
			n.Host("c", addr("224.0.0.1"))
		},
		"sim: host a has a link already": func(n *Network, a, b *Host, r *Router, l *Link) { n.Connect(a, n.Router("s"), LinkConfig{}) },
		"sim: c has the address 10.0.0.2, as a has, at router r": func(n *Network, a, b *Host, r *Router, l *Link) {
			n.Connect(n.Host("c", left), r, LinkConfig{})
		},
		"sim: a link needs a node at each end, and there is none at one of these": func(n *Network, a, b *Host, r *Router, l *Link) {
			n.Connect(r, nil, LinkConfig{})
		},
		"sim: a link of r with itself": func(n *Network, a, b *Host, r *Router, l *Link) { n.Connect(r, r, LinkConfig{}) },
		"sim: r and s are not both of the network that connects them": func(n *Network, a, b *Host, r *Router, l *Link) {
			n.Connect(r, New(Config{}).Router("s"), LinkConfig{})
		},
		"sim: nil is no end of the link of a and r": func(n *Network, a, b *Host, r *Router, l *Link) { l.SetFrom(nil, LinkConfig{}) },
		"sim: b is no end of the link of a and r":   func(n *Network, a, b *Host, r *Router, l *Link) { l.SetFrom(b, LinkConfig{}) },
		"sim: a route of router s by the link of a and r, which is not its own": func(n *Network, a, b *Host, r *Router, l *Link) {
			n.Router("s").Route(everywhere, l)
		},
		"sim: a firewall of router s by the link of a and r, which is not its own": func(n *Network, a, b *Host, r *Router, l *Link) {
			n.Router("s").Guard(&firewall.Firewall{}, l)
		},
		"sim: a firewall in router r needs a link that is its inside": func(n *Network, a, b *Host, r *Router, l *Link) {
			r.Guard(&firewall.Firewall{})
		},
		"sim: a NAT in router r needs a link that is its inside": func(n *Network, a, b *Host, r *Router, l *Link) { r.Translate(nil) },
		"sim: router r has one address of each family at most, not [10.0.0.2 192.0.2.1]": func(n *Network, a, b *Host, r *Router, l *Link) {
			r.SetAddr(left, right)
		},
		"sim: host c: fe80::1%eth0 is no address of a host": func(n *Network, a, b *Host, r *Router, l *Link) {
			n.Host("c", addr("fe80::1%eth0"))
		},
		"sim: router r has a route for invalid Prefix": func(n *Network, a, b *Host, r *Router, l *Link) {
			r.Route(netip.Prefix{}, l)
		},
		"sim: router r has the address 10.0.0.2, as a has": func(n *Network, a, b *Host, r *Router, l *Link) { r.SetAddr(left) },
		"sim: c has the address 10.0.0.9, as router r has": func(n *Network, a, b *Host, r *Router, l *Link) {
			r.SetAddr(addr("10.0.0.9"))
			n.Connect(n.Host("c", addr("10.0.0.9")), r, LinkConfig{})
		},
		"sim: a is not of the network that captures what it sees": func(n *Network, a, b *Host, r *Router, l *Link) {
			_, _ = New(Config{}).Capture(io.Discard, a)
		},
		"sim: a Network is made by New": func(n *Network, a, b *Host, r *Router, l *Link) { new(Network).Router("s") },
	} {
		n := New(Config{})
		a, b, r := n.Host("a", left), n.Host("b", right), n.Router("r")
		l := n.Connect(a, r, LinkConfig{})
		n.Connect(b, r, LinkConfig{})
		require.PanicsWithValue(t, want, func() { mistake(n, a, b, r, l) })
	}
}

// TestDoRunsOnce: also what the loop has done in its last turn, before who asked for it could see that.
func TestDoRunsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 100 { // each may go well by chance
			n := New(Config{})
			n.serving, n.asleep = true, true
			n.poke <- struct{}{} // who pokes has to wait
			ran, returned := 0, make(chan struct{})
			go func() {
				defer close(returned)
				n.Do(func() { ran++ })
			}()
			synctest.Wait()
			n.flush()
			n.end()
			<-n.poke
			<-returned
			require.Equal(t, 1, ran)
		}
	})
}

// TestServeOnce: a network has one loop, and one life.
func TestServeOnce(t *testing.T) {
	n := New(Config{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- n.Serve(ctx) }()
	const want = "sim: this network serves already, or has served: make another one"
	for begun := false; !begun; runtime.Gosched() {
		n.mu.Lock()
		begun = n.serving
		n.mu.Unlock()
	}
	require.EqualError(t, n.Serve(ctx), want)
	cancel()
	require.NoError(t, <-done)
	require.EqualError(t, n.Serve(ctx), want)
}

// TestConnectingWhenServeEnds: the loop would have given the attempt up after two minutes. Without it nobody does, so who
// has no limit of his own must hear that the network has gone, whether he has begun before or after.
func TestConnectingWhenServeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{Settle: synctest.Wait})
		a, b := n.Host("left", left), n.Host("right", right)
		n.Connect(a, b, LinkConfig{Loss: 1})
		stop := serving(n)
		dialled := make(chan error, 1)
		go func() {
			_, err := a.Dial("tcp", "192.0.2.1:443")
			dialled <- err
		}()
		time.Sleep(time.Second)
		stop()
		require.ErrorIs(t, <-dialled, syscall.ENETDOWN)
		_, err := a.Dial("tcp", "192.0.2.1:443")
		require.EqualError(t, err, "dial tcp 192.0.2.1:443: connect: network is down")
	})
}

// TestForgottenServe is what a program is told that waits for a network which nobody serves. The panic is no goroutine's of
// the test, so another process has it.
func TestForgottenServe(t *testing.T) {
	const forgets = "SIM_TEST_FORGETS_SERVE"
	if os.Getenv(forgets) == "" {
		child := exec.Command(os.Args[0], "-test.run=^TestForgottenServe$")
		child.Env = append(os.Environ(), forgets+"=1")
		out, err := child.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "panic: sim: for 1m0s nobody has called Serve of a network (go network.Serve(ctx))")
		require.Contains(t, string(out), "sim.(*Host).Dial(")
		return
	}
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{Settle: synctest.Wait})
		a, b := n.Host("a", left), n.Host("b", right)
		n.Connect(a, b, LinkConfig{})
		_, _ = a.Dial("tcp", "192.0.2.1:80")
	})
}

// TestServeLate: a network that is served within the minute has lost nothing, and nobody complains later.
func TestServeLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{Settle: synctest.Wait})
		a, b := n.Host("a", left), n.Host("b", right)
		n.Connect(a, b, LinkConfig{})
		to, err := b.ListenUDP("udp4", &net.UDPAddr{Port: 9})
		require.NoError(t, err)
		from, err := a.Dial("udp", "192.0.2.1:9")
		require.NoError(t, err)
		_, err = from.Write([]byte("early"))
		require.NoError(t, err)
		time.Sleep(servedWithin - 1)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = n.Serve(ctx) }()
		text := make([]byte, 9)
		k, _, err := to.ReadFrom(text)
		require.NoError(t, err)
		require.Equal(t, "early", string(text[:k]))
		time.Sleep(time.Hour)
		cancel()
		<-done
	})
}

// TestSameAddressBehindTwoRouters is what private addresses are for.
func TestSameAddressBehindTwoRouters(t *testing.T) {
	n := New(Config{})
	for _, name := range []string{"one", "two"} {
		n.Connect(n.Host(name, left), n.Router("router of "+name), LinkConfig{})
	}
}
