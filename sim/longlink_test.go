package sim_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim"
)

// TestBulkOverALongLink holds README.md to what it says of 2 MiB over 10 Mbit/s with 100 ms there and back, of which the
// line alone needs 1.75 s.
func TestBulkOverALongLink(t *testing.T) {
	const bytes = 2 << 20
	for _, tc := range []struct {
		queue, window int // KiB; no window: the usual one
		within        time.Duration
	}{
		{queue: 32, within: 4 * time.Second},
		{queue: 64, within: 4 * time.Second},
		{queue: 128, within: 4 * time.Second},
		{queue: 256, within: 4 * time.Second},
		{queue: 512, within: 4 * time.Second},
		{queue: 1024, within: 2100 * time.Millisecond},
		{queue: 64, window: 150, within: 2100 * time.Millisecond},
	} {
		t.Run(fmt.Sprintf("queue %d, window %d", tc.queue, tc.window), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := sim.New(sim.Config{Seed: 1, Settle: synctest.Wait})
				alice := n.Host("alice", netip.MustParseAddr("10.0.0.1"))
				bob := n.Host("bob", netip.MustParseAddr("10.0.0.2"))
				link := n.Connect(alice, bob, sim.LinkConfig{Delay: 50 * time.Millisecond, Rate: 10_000_000, Queue: tc.queue << 10})
				moving(n, func() {
					listener, err := bob.ListenTCP("tcp", &net.TCPAddr{Port: 80})
					require.NoError(t, err)
					defer listener.Close()
					w, err := alice.Dial("tcp", "10.0.0.2:80")
					require.NoError(t, err)
					r, err := listener.AcceptTCP()
					require.NoError(t, err)
					if tc.window > 0 {
						require.NoError(t, r.SetReadBuffer(tc.window<<10))
					}
					start := time.Now()
					_, err = w.Write(make([]byte, bytes))
					require.NoError(t, err)
					_, err = io.CopyN(io.Discard, r, bytes)
					require.NoError(t, err)
					took := time.Since(start)
					t.Logf("%v, %d packets lost", took, link.Count(alice).Overflowed)
					require.Less(t, took, tc.within)
					require.NoError(t, r.Close())
					require.NoError(t, w.Close())
					time.Sleep(10 * time.Minute)
				})
			})
		})
	}
}
