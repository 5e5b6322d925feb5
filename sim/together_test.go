package sim

import (
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTogether: packets of one instant settle once where they are for handlers, and by themselves where they aren't; what
// arrives, and in which order, is the same.
func TestTogether(t *testing.T) {
	const sockets, plain = 11, 5
	arrive := func(together bool) (settled int64, calls []string) {
		synctest.Test(t, func(t *testing.T) {
			var settles atomic.Int64
			n := New(Config{Seed: 1, Together: together, Settle: func() {
				settles.Add(1)
				synctest.Wait()
			}})
			a, b := n.Host("left", left), n.Host("right", right)
			n.Connect(a, b, LinkConfig{Delay: time.Millisecond})
			defer serving(n)()
			var got handled
			var senders []net.Conn
			for i := range sockets {
				c, err := b.ListenUDP("udp", &net.UDPAddr{Port: 1000 + i})
				require.NoError(t, err)
				defer c.Close()
				if hear := got.by(t, fmt.Sprint(i)); i == plain {
					go func() {
						for err := error(nil); err == nil; {
							_, _, err = c.ReadFrom(make([]byte, 10))
						}
					}()
				} else {
					c.(UDPHandler).Handle(func(p []byte, from netip.AddrPort, err error) {
						if err == nil {
							hear(p, from, nil)
						}
					})
				}
				sender, err := a.Dial("udp", fmt.Sprint(right, ":", 1000+i))
				require.NoError(t, err)
				defer sender.Close()
				senders = append(senders, sender)
			}
			for round := range 4 { // the first ones find their paths
				settles.Store(0)
				for _, s := range senders {
					_, err := fmt.Fprint(s, round)
					require.NoError(t, err)
				}
				time.Sleep(time.Second)
			}
			settled, calls = settles.Load(), got.so()
		})
		return settled, calls
	}
	each, one := arrive(false)
	all, other := arrive(true)
	require.Len(t, one, 4*(sockets-1))
	require.Equal(t, one, other)
	require.Equal(t, each-sockets+3, all, "the handlers' before the plain one, the plain one, and those after it")
}
