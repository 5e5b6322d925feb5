package kernel_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim"
	"github.com/proxyspec/proxyspec/sim/kernel"
)

var megabytes = flag.Int("megabytes", 4, "how much is moved each way between our TCP and the kernel's; make soak says 100")

// ends are a kernel and a simulated host, with a link between them: at each a way to listen and to dial.
type ends struct{ kernel, ours end }

type end struct {
	name   string
	addr   netip.Addr
	listen func(port int) (net.Listener, error)
	dial   func(to string) (net.Conn, error)
}

// conn is what both ends' connections can do.
type conn interface {
	net.Conn
	CloseWrite() error
	SetLinger(seconds int) error
	SetReadBuffer(bytes int) error
	SetWriteBuffer(bytes int) error
}

var kernelAddr, oursAddr = netip.MustParseAddr("198.18.1.1"), netip.MustParseAddr("198.18.1.2")

// newEnds makes them. All stops when the test is over.
func newEnds(t testing.TB, link sim.LinkConfig) ends {
	t.Helper()
	device, err := kernel.OpenTUN("tcp0", netip.PrefixFrom(kernelAddr, 24))
	require.NoError(t, err)
	n := sim.New(sim.Config{Seed: 1}) // in real time, for the kernel knows no other
	host := n.Host("ours", oursAddr)
	port := n.Port("kernel", device, netip.PrefixFrom(kernelAddr, 32))
	n.Connect(host, port, link)
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { require.NoError(t, n.Serve(ctx)) })
	serving.Go(func() { require.NoError(t, port.Serve(ctx)) })
	t.Cleanup(func() {
		cancel()
		serving.Wait()
		count := port.Count()
		require.Zero(t, count.Bad, "the kernel's packets are as on a wire: %v", count.LastBad)
	})
	return ends{
		kernel: end{"the kernel", kernelAddr,
			func(port int) (net.Listener, error) {
				return net.ListenTCP("tcp4", &net.TCPAddr{IP: kernelAddr.AsSlice(), Port: port})
			},
			func(to string) (net.Conn, error) { return net.Dial("tcp4", to) }},
		ours: end{"we", oursAddr,
			func(port int) (net.Listener, error) { return host.ListenTCP("tcp4", &net.TCPAddr{Port: port}) },
			func(to string) (net.Conn, error) { return host.Dial("tcp4", to) }},
	}
}

// connect opens a connection from one end to the other.
func connect(t testing.TB, from, to end) (dialled, accepted conn) {
	t.Helper()
	l, err := to.listen(0)
	require.NoError(t, err)
	defer l.Close()
	came := make(chan net.Conn, 1)
	go func() {
		c, _ := l.Accept()
		came <- c
	}()
	c, err := from.dial(netip.AddrPortFrom(to.addr, uint16(l.Addr().(*net.TCPAddr).Port)).String())
	require.NoError(t, err)
	other := <-came
	require.NotNil(t, other)
	t.Cleanup(func() { _, _ = c.Close(), other.Close() })
	return c.(conn), other.(conn)
}

// TestOurTCPAndTheKernels has Linux's TCP at the other end of a TUN device: nobody who wrote ours wrote that.
func TestOurTCPAndTheKernels(t *testing.T) {
	if !inNamespace(t, fmt.Sprint("-megabytes=", *megabytes)) {
		return
	}
	for _, path := range []struct {
		name string
		link sim.LinkConfig
		part int // of the bytes
	}{
		{"no delay", sim.LinkConfig{}, 1},
		{"20 ms", sim.LinkConfig{Delay: 20 * time.Millisecond}, 1},
		{"loss of 5 %", sim.LinkConfig{Delay: time.Millisecond, Loss: 0.05}, 8},
		{"damage of 1 %", sim.LinkConfig{Damage: 0.01}, 8},
	} {
		t.Run(path.name, func(t *testing.T) {
			e := newEnds(t, path.link)
			size := *megabytes * 1_000_000 / path.part
			there, back := newLoad(1, size), newLoad(2, size)
			for _, way := range []struct{ from, to end }{{e.kernel, e.ours}, {e.ours, e.kernel}} {
				t.Run(way.from.name+" dial", func(t *testing.T) {
					dialled, accepted := connect(t, way.from, way.to)
					begin := time.Now()
					bothWays(t, dialled, accepted, there, back)
					took := time.Since(begin)
					t.Logf("%d bytes each way in %v: %.2f Gbit/s", size, took, float64(2*size*8)/took.Seconds()/1e9)
				})
			}
		})
	}
	t.Run("manners", func(t *testing.T) {
		e := newEnds(t, sim.LinkConfig{})
		for _, way := range []struct{ from, to end }{{e.kernel, e.ours}, {e.ours, e.kernel}} {
			t.Run(way.from.name+" dial", func(t *testing.T) {
				t.Run("half-close", func(t *testing.T) { halfClose(t, way.from, way.to) })
				t.Run("reset", func(t *testing.T) { reset(t, way.from, way.to) })
				t.Run("refused", func(t *testing.T) { refused(t, way.from, way.to) })
				t.Run("closed window", func(t *testing.T) { closedWindow(t, way.from, way.to) })
				t.Run("200 at once", func(t *testing.T) { many(t, way.from, way.to, 200) })
			})
		}
	})
}

// load is bytes to move: a block, again and again. There is little of it, because memory that a program touches for the first
// time costs more than moving bytes.
type load struct {
	block []byte
	size  int
	hash  []byte
}

func newLoad(seed byte, size int) load {
	l := load{block: noise(seed, 1_000_003), size: size}
	hash := sha256.New()
	_ = l.send(hash)
	l.hash = hash.Sum(nil)
	return l
}

func (l load) send(w io.Writer) (err error) {
	for left := l.size; left > 0 && err == nil; left -= len(l.block) {
		_, err = w.Write(l.block[:min(left, len(l.block))])
	}
	return err
}

// bothWays moves bytes both ways at once, and compares hashes.
func bothWays(t *testing.T, a, b conn, there, back load) {
	var moving sync.WaitGroup
	errs := make([]error, 2)
	for i, end := range []struct {
		conn       conn
		send, want load
	}{{a, there, back}, {b, back, there}} {
		require.NoError(t, end.conn.SetWriteBuffer(1<<20))
		moving.Go(func() {
			var sending sync.WaitGroup
			var failed error
			sending.Go(func() {
				failed = errors.Join(end.send.send(end.conn), end.conn.CloseWrite())
			})
			got := sha256.New()
			n, err := io.Copy(got, end.conn)
			sending.Wait()
			if errs[i] = errors.Join(err, failed); errs[i] == nil && !bytes.Equal(got.Sum(nil), end.want.hash) {
				errs[i] = fmt.Errorf("%d bytes came of %d, or others", n, end.want.size)
			}
		})
	}
	moving.Wait()
	require.NoError(t, errors.Join(errs...))
}

func noise(seed byte, n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(p)
	return p
}

// halfClose: who has said all still hears the answer.
func halfClose(t *testing.T, from, to end) {
	asks, answers := connect(t, from, to)
	_, err := asks.Write([]byte("question"))
	require.NoError(t, err)
	require.NoError(t, asks.CloseWrite())
	got, err := io.ReadAll(answers)
	require.NoError(t, err)
	require.Equal(t, "question", string(got))
	answer := noise(3, 1_000_000)
	go func() {
		_, _ = answers.Write(answer)
		_ = answers.Close()
	}()
	got, err = io.ReadAll(asks)
	require.NoError(t, err)
	require.True(t, bytes.Equal(answer, got))
}

// reset: each end resets once, by its linger time of zero, and once because it leaves data unread.
func reset(t *testing.T, from, to end) {
	for _, unread := range []bool{false, true} {
		for _, dialler := range []bool{true, false} {
			breaks, hears := connect(t, from, to)
			if !dialler {
				breaks, hears = hears, breaks
			}
			if unread {
				_, err := hears.Write([]byte("never read"))
				require.NoError(t, err)
				_, err = io.ReadFull(breaks, make([]byte, 1)) // the rest is there as well
				require.NoError(t, err)
			} else {
				require.NoError(t, breaks.SetLinger(0))
			}
			require.NoError(t, breaks.Close())
			require.NoError(t, hears.SetReadDeadline(time.Now().Add(10*time.Second)))
			_, err := hears.Read(make([]byte, 1))
			require.ErrorIs(t, err, syscall.ECONNRESET, "unread %v, dialler %v", unread, dialler)
		}
	}
}

func refused(t *testing.T, from, to end) {
	_, err := from.dial(netip.AddrPortFrom(to.addr, 9).String())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

// closedWindow: each end writes until the other's window is closed and its own buffer is full; all arrives
// once the other reads.
func closedWindow(t *testing.T, from, to end) {
	dialled, accepted := connect(t, from, to)
	for _, way := range []struct{ writer, reader conn }{{dialled, accepted}, {accepted, dialled}} {
		require.NoError(t, way.writer.SetWriteBuffer(64<<10))
		require.NoError(t, way.reader.SetReadBuffer(64<<10))
		data := noise(4, 20_000_000)
		sent := 0
		for {
			require.NoError(t, way.writer.SetWriteDeadline(time.Now().Add(300*time.Millisecond)))
			n, err := way.writer.Write(data[sent:min(sent+10_000, len(data))])
			sent += n
			if err != nil {
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				break
			}
			require.Less(t, sent, len(data), "nothing held the writer back")
		}
		got := make([]byte, sent)
		require.NoError(t, way.reader.SetReadDeadline(time.Now().Add(20*time.Second)))
		_, err := io.ReadFull(way.reader, got)
		require.NoError(t, err)
		require.True(t, bytes.Equal(data[:sent], got))
	}
}

// many: connections at once, each with a message of its own, there and back.
func many(t *testing.T, from, to end, n int) {
	l, err := to.listen(7000)
	require.NoError(t, err)
	defer l.Close()
	var serving, asking sync.WaitGroup
	serving.Go(func() {
		for range n {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			})
		}
	})
	errs := make([]error, n)
	for i := range n {
		asking.Go(func() {
			c, err := from.dial(netip.AddrPortFrom(to.addr, 7000).String())
			if err != nil {
				errs[i] = err
				return
			}
			defer c.Close()
			want := noise(byte(i), 20_000)
			go func() {
				_, _ = c.Write(want)
				_ = c.(conn).CloseWrite()
			}()
			got, err := io.ReadAll(c)
			if err == nil && !bytes.Equal(got, want) {
				err = fmt.Errorf("connection %d: %d bytes came back, or others", i, len(got))
			}
			errs[i] = err
		})
	}
	asking.Wait()
	require.NoError(t, errors.Join(errs...))
	serving.Wait()
}

// BenchmarkTCPWithTheKernel moves bytes one way over a link without delay. It runs in a namespace of its own,
// which prints its result.
func BenchmarkTCPWithTheKernel(b *testing.B) {
	if !kernel.Inside() {
		if err := kernel.Probe(); err != nil {
			b.Skip(err)
		}
		cmd, err := kernel.Command(b.Context(), "-test.run=^$", "-test.bench=^BenchmarkTCPWithTheKernel$")
		require.NoError(b, err)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		require.NoError(b, cmd.Run())
		return
	}
	e := newEnds(b, sim.LinkConfig{})
	for _, way := range []struct {
		name     string
		from, to end
	}{{"to the kernel", e.ours, e.kernel}, {"from the kernel", e.kernel, e.ours}} {
		b.Run(way.name, func(b *testing.B) {
			from, to := connect(b, way.from, way.to)
			require.NoError(b, from.SetWriteBuffer(1<<20))
			const piece = 256 << 10
			b.SetBytes(piece)
			b.ResetTimer()
			go func() {
				for buf := make([]byte, piece); ; {
					if _, err := from.Write(buf); err != nil {
						return
					}
				}
			}()
			_, err := io.CopyN(io.Discard, to, int64(b.N)*piece)
			require.NoError(b, err)
		})
	}
}
