//go:build linux && (amd64 || arm64)

package batch_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay/batch"
)

var anyPort = netip.MustParseAddrPort("127.0.0.1:0")

func newGroup(t *testing.T) *batch.Group {
	host, err := batch.NewNet()
	require.NoError(t, err)
	g, err := host.NewGroup()
	require.NoError(t, err)
	t.Cleanup(g.Close)
	return g
}

// onBoth tests a group that has a ring, and one that has none.
func onBoth(t *testing.T, test func(t *testing.T, g *batch.Group)) {
	t.Run("ring", func(t *testing.T) {
		if !newGroup(t).DropRing() {
			t.Skip("this system has no io_uring, or an older one than that of Linux 6.6")
		}
		test(t, newGroup(t))
	})
	t.Run("calls", func(t *testing.T) {
		g := newGroup(t)
		g.DropRing()
		test(t, g)
	})
}

// read is what a group gets until there are n datagrams.
func read(t *testing.T, g *batch.Group, n int) (got []string) {
	for len(got) < n {
		datagrams, err := g.Read()
		require.NoError(t, err)
		for _, d := range datagrams {
			got = append(got, fmt.Sprint(d.Socket.Owner, " ", string(d.Payload)))
		}
	}
	return got
}

func TestWriteAndRead(t *testing.T) { onBoth(t, testWriteAndRead) }

func testWriteAndRead(t *testing.T, g *batch.Group) {
	a, err := g.Listen(anyPort, "a")
	require.NoError(t, err)
	b, err := g.Listen(anyPort, "b")
	require.NoError(t, err)
	w := g.Writer()
	var want []string
	for i := range 20 {
		payload := strings.Repeat("x", 100+i/15) // the last five are another length: no part of the first train
		w.Add(a, []byte(payload), b.Addr(), i)
		want = append(want, "b "+payload)
		if i%5 == 0 {
			w.Add(b, []byte("odd"), a.Addr(), 100)
			want = append(want, "a odd")
		}
	}
	w.Flush(func(tag int) { t.Error("undelivered", tag) })
	require.ElementsMatch(t, want, read(t, g, len(want)))

	// Empty ones, and one that fills a packet.
	w.Add(a, nil, b.Addr(), 0)
	w.Add(a, nil, b.Addr(), 0)
	w.Add(a, []byte(strings.Repeat("y", 65507)), b.Addr(), 0)
	w.Flush(func(tag int) { t.Error("undelivered", tag) })
	require.Equal(t, []string{"b ", "b ", "b " + strings.Repeat("y", 65507)}, read(t, g, 3))
}

func TestWhatCannotBeWrittenIsSaid(t *testing.T) { onBoth(t, testWhatCannotBeWrittenIsSaid) }

func testWhatCannotBeWrittenIsSaid(t *testing.T, g *batch.Group) {
	a, err := g.Listen(anyPort, nil)
	require.NoError(t, err)
	b, err := g.Listen(anyPort, "b")
	require.NoError(t, err)
	w := g.Writer()
	w.Add(a, []byte("one"), b.Addr(), 1)
	w.Add(a, make([]byte, 65508), b.Addr(), 2)
	w.Add(a, []byte("two"), b.Addr(), 3)
	var lost []int
	w.Flush(func(tag int) { lost = append(lost, tag) })
	require.Equal(t, []int{2}, lost)
	require.Equal(t, []string{"b one", "b two"}, read(t, g, 2))

	a.Close()
	a.Close()
	w.Add(a, []byte("1"), b.Addr(), 4)
	w.Add(a, []byte("2"), b.Addr(), 5)
	w.Flush(func(tag int) { lost = append(lost, tag) })
	require.Equal(t, []int{2, 4, 5}, lost)

	c, err := g.Listen(anyPort, "c")
	require.NoError(t, err)
	w.Add(c, []byte("three"), b.Addr(), 6)
	w.Add(a, []byte("3"), b.Addr(), 7)
	w.Add(b, []byte("four"), c.Addr(), 8)
	w.Flush(func(tag int) { lost = append(lost, tag) })
	require.Equal(t, []int{2, 4, 5, 7}, lost)
	require.ElementsMatch(t, []string{"b three", "c four"}, read(t, g, 2))
}

// A reader that sleeps is woken by the next datagram, every time, whoever sends it.
func TestReaderWakes(t *testing.T) {
	g := newGroup(t)
	s, err := g.Listen(anyPort, "s")
	require.NoError(t, err)
	conn, err := net.Dial("udp4", s.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	var w batch.Writer
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			datagrams, err := g.Read()
			if err != nil {
				return
			}
			for i, d := range datagrams {
				w.Add(d.Socket, d.Payload, d.From, i)
			}
			w.Flush(func(int) {})
		}
	}()
	buf := make([]byte, 10)
	for range 2000 {
		_, err := conn.Write([]byte("ping"))
		require.NoError(t, err)
		_, err = conn.Read(buf)
		require.NoError(t, err)
	}
	g.Close()
	<-ended
	_, err = g.Listen(anyPort, nil)
	require.ErrorIs(t, err, net.ErrClosed)
}

// Sockets come and go while others write to and read from them, and no descriptor is mistaken for another.
func TestSocketsComeAndGo(t *testing.T) {
	g := newGroup(t)
	steady, err := g.Listen(anyPort, "steady")
	require.NoError(t, err)
	var running, reading sync.WaitGroup
	reading.Go(func() {
		for {
			datagrams, err := g.Read()
			if err != nil {
				return
			}
			for _, d := range datagrams {
				if string(d.Payload) != fmt.Sprint(d.Socket.Owner) {
					t.Errorf("%q arrived at %v", d.Payload, d.Socket.Owner)
				}
			}
		}
	})
	for range 4 {
		running.Go(func() {
			var w batch.Writer
			for i := range 200 {
				s, err := g.Listen(anyPort, i)
				if err != nil {
					t.Error(err)
					return
				}
				for range 5 {
					w.Add(steady, fmt.Append(nil, i), s.Addr(), 0)
				}
				w.Flush(func(int) {})
				for range 5 {
					w.Add(s, []byte("steady"), steady.Addr(), 0)
				}
				running.Go(s.Close)
				w.Flush(func(int) {})
				s.Close()
			}
		})
	}
	running.Wait()
	g.Close()
	reading.Wait()
}

func TestNothingIsAllocated(t *testing.T) { onBoth(t, testNothingIsAllocated) }

func testNothingIsAllocated(t *testing.T, g *batch.Group) {
	s, err := g.Listen(anyPort, nil)
	require.NoError(t, err)
	w := g.Writer()
	payload := make([]byte, 160)
	undelivered := func(int) {}
	once := func() {
		for range 4 {
			w.Add(s, payload, s.Addr(), 0)
		}
		w.Flush(undelivered)
		for n := 0; n < 4; {
			datagrams, err := g.Read()
			if err != nil {
				panic(err)
			}
			n += len(datagrams)
		}
	}
	once()
	require.Zero(t, testing.AllocsPerRun(100, once))
}
