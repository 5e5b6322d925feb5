package sim_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/bubble"
)

// BenchmarkTCPBulk moves bytes from one host to another over a link without delay, beside the operating
// system's TCP on its loopback device, gVisor's, where the build tag of that name asks for it, and an io.Pipe, which is
// only the hand-over between two goroutines.
func BenchmarkTCPBulk(b *testing.B) {
	b.Run("bubble", func(b *testing.B) {
		bb, err := bubble.Open(bubble.Config{Watchdog: -1}) // its clock is no use to measure with
		require.NoError(b, err)
		var p *pouring
		require.NoError(b, bb.Do(func() { p = overTCP(b, sim.Config{Seed: 1, Settle: bubble.Settle}) }))
		start(b)
		require.NoError(b, bb.Do(func() { p.pour(b) }))
		b.StopTimer()
		require.NoError(b, bb.Do(p.close))
		require.NoError(b, bb.Close(0))
	})
	b.Run("real", func(b *testing.B) {
		p := overTCP(b, sim.Config{Seed: 1})
		start(b)
		p.pour(b)
		b.StopTimer()
		p.close()
	})
	b.Run("kernel", func(b *testing.B) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(b, err)
		defer l.Close()
		w, err := net.Dial("tcp", l.Addr().String())
		require.NoError(b, err)
		defer w.Close()
		r, err := l.Accept()
		require.NoError(b, err)
		defer r.Close()
		start(b)
		(&pouring{w: w, r: r}).pour(b)
	})
	for _, other := range otherStacks {
		b.Run(other.name, func(b *testing.B) {
			p := other.open(b)
			start(b)
			p.pour(b)
			b.StopTimer()
			p.close()
		})
	}
	b.Run("pipe", func(b *testing.B) {
		r, w := io.Pipe()
		start(b)
		(&pouring{w: w, r: r}).pour(b)
	})
}

// otherStack is another TCP in Go to compare with.
type otherStack struct {
	name string
	open func(*testing.B) *pouring
}

var otherStacks []otherStack

const piece = 64 << 10

func start(b *testing.B) {
	b.SetBytes(piece)
	b.ReportAllocs()
	b.ResetTimer()
}

// pouring is a stream from w to r.
type pouring struct {
	w     io.Writer
	r     io.Reader
	close func()
}

func overTCP(b *testing.B, c sim.Config) *pouring {
	n := sim.New(c)
	one, two := n.Host("one", netip.MustParseAddr("10.0.0.1")), n.Host("two", netip.MustParseAddr("10.0.0.2"))
	n.Connect(one, two, sim.LinkConfig{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = n.Serve(ctx) }()
	l, err := two.ListenTCP("tcp", &net.TCPAddr{Port: 80})
	require.NoError(b, err)
	w, err := one.DialTCP("tcp", nil, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 80})
	require.NoError(b, err)
	require.NoError(b, w.SetWriteBuffer(1<<20))
	r, err := l.Accept()
	require.NoError(b, err)
	return &pouring{w, r, func() { _, _, _ = w.Close(), r.Close(), l.Close(); cancel(); <-done }}
}

// pour writes b.N pieces and reads all of them at the other end.
func (p *pouring) pour(b *testing.B) {
	out, buf := make([]byte, piece), make([]byte, piece)
	go func() {
		for range b.N {
			if _, err := p.w.Write(out); err != nil {
				b.Error(err)
				return
			}
		}
	}()
	for rest := b.N * piece; rest > 0; {
		n, err := p.r.Read(buf)
		if err != nil {
			b.Error(err)
			return
		}
		rest -= n
	}
}
