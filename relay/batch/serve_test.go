//go:build linux && (amd64 || arm64)

package batch_test

import (
	"fmt"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/proxyspec/proxyspec/relay/batch"
)

// wait is how long a test waits for what comes at once, unless it never comes.
const wait = 20 * time.Second

// served is a group that is served, made as on a machine with one processor, or with several. What handle says is
// said by the channel.
func served(t *testing.T, processors int, before func(*batch.Group), handle func([]batch.Arrival) string) (*batch.Group, <-chan string) {
	here := runtime.GOMAXPROCS(processors)
	g := newGroup(t)
	runtime.GOMAXPROCS(here)
	before(g)
	said, ended := make(chan string, 1000), make(chan error, 1)
	go func() {
		ended <- g.Serve(func(arrivals []batch.Arrival) {
			if s := handle(arrivals); s != "" {
				said <- s
			}
		})
	}()
	t.Cleanup(func() {
		g.Close()
		require.ErrorIs(t, <-ended, net.ErrClosed)
	})
	return g, said
}

func hear(t *testing.T, said <-chan string, want string) {
	t.Helper()
	select {
	case got := <-said:
		require.Equal(t, want, got)
	case <-time.After(wait):
		t.Fatalf("%q was never said", want)
	}
}

func onOneAndSeveral(t *testing.T, test func(t *testing.T, processors int)) {
	for _, processors := range []int{1, 4} {
		t.Run(fmt.Sprint(processors, " processors"), func(t *testing.T) { test(t, processors) })
	}
}

// Nothing that waits is left until something else comes, at however many sockets.
func TestServeTakesAll(t *testing.T) {
	for _, sockets := range []int{1, 3, 100} {
		for _, each := range []int{1, 2, 3, 40} {
			onOneAndSeveral(t, func(t *testing.T, processors int) {
				got := 0
				_, said := served(t, processors, func(g *batch.Group) {
					if each == 3 {
						g.DropRing()
					}
					var w batch.Writer
					for range sockets {
						s, err := g.Listen(anyPort, nil)
						require.NoError(t, err)
						fill(&w, s, each)
					}
				}, func(arrivals []batch.Arrival) string {
					if got += len(arrivals); got < sockets*each {
						return ""
					}
					return fmt.Sprint(got)
				})
				hear(t, said, fmt.Sprint(sockets*each))
			})
		}
	}
}

// fill has datagrams wait at a socket, no two of which are one train.
func fill(w *batch.Writer, s *batch.Socket, n int) {
	for i := range n {
		w.Add(s, make([]byte, 1+i), s.Addr(), 0)
	}
	w.Flush(func(int) {})
}

// A reader that sleeps is woken by the next datagram, every time.
func TestServeWakes(t *testing.T) {
	onOneAndSeveral(t, func(t *testing.T, processors int) {
		var s *batch.Socket
		_, said := served(t, processors, func(g *batch.Group) {
			var err error
			s, err = g.Listen(anyPort, nil)
			require.NoError(t, err)
		}, func(arrivals []batch.Arrival) string { return string(arrivals[0].Payload) })
		conn, err := net.Dial("udp4", s.Addr().String())
		require.NoError(t, err)
		defer conn.Close()
		for i := range 2000 {
			_, err := fmt.Fprint(conn, i)
			require.NoError(t, err)
			hear(t, said, fmt.Sprint(i))
		}
	})
}

// Room that there is when it is asked for is said, also of a connection that the reader has just been told of.
func TestServeSaysRoom(t *testing.T) {
	onOneAndSeveral(t, func(t *testing.T, processors int) {
		g, said := served(t, processors, func(*batch.Group) {}, func(arrivals []batch.Arrival) string {
			if arrivals[0].Room {
				return "room"
			}
			return string(arrivals[0].Payload)
		})
		s, far := adopted(t, g)
		for range 100 {
			_, err := far.Write([]byte("there"))
			require.NoError(t, err)
			hear(t, said, "there")
			s.AwaitRoom()
			hear(t, said, "room")
		}
	})
}

// A group ends although there is always something to read.
func TestServeEndsWhileBusy(t *testing.T) {
	onOneAndSeveral(t, func(t *testing.T, processors int) {
		var w batch.Writer
		busy := "busy"
		g, said := served(t, processors, func(g *batch.Group) {
			s, err := g.Listen(anyPort, nil)
			require.NoError(t, err)
			fill(&w, s, 32)
		}, func(arrivals []batch.Arrival) string {
			fill(&w, arrivals[0].Socket, 32)
			defer func() { busy = "" }()
			return busy
		})
		hear(t, said, "busy")
		ended := make(chan struct{})
		go func() {
			g.Close()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(wait):
			t.Fatal("it is still served")
		}
	})
}

// The ring goes on where it finds nothing. What another processor sends at that moment is handed over, too.
func TestWhatComesBetweenTwoLooksIsNotLost(t *testing.T) {
	nothing := -int32(unix.EAGAIN)
	for _, c := range []struct{ results, heard []int32 }{
		{[]int32{5, 7, nothing}, []int32{5, 7}},
		{[]int32{nothing, 5, nothing}, []int32{5}},
		{[]int32{3, nothing, 5, 7}, []int32{3, 5, 7}},
		{[]int32{-int32(unix.ENOMEM), 0, 5}, []int32{0, 5}},
		{[]int32{nothing, nothing}, nil},
	} {
		require.Equal(t, c.heard, batch.Heard(c.results...), "%d", c.results)
	}
}
