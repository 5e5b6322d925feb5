package relay_test

import (
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/transport/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
)

// poorNet is the net of a machine that may have no file to spare for the connections that come.
type poorNet struct {
	transport.Net
	poor *atomic.Bool
}

func (n poorNet) ListenTCP(network string, at *net.TCPAddr) (transport.TCPListener, error) {
	l, err := n.Net.ListenTCP(network, at)
	return poorListener{l, n.poor}, err
}

type poorListener struct {
	transport.TCPListener
	poor *atomic.Bool
}

func (l poorListener) Accept() (net.Conn, error) {
	if l.poor.Load() {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.Addr(), Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return l.TCPListener.Accept()
}

// TestNoFileToSpare is told at every kind of port, not more often than once a second, and forgotten when it is over.
func TestNoFileToSpare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		poor := new(atomic.Bool)
		poor.Store(true)
		w := newWorld(t, poorNet{newMemnet(loopback), poor}, nil)
		time.Sleep(10 * time.Second)
		poor.Store(false)
		told, counted := map[string]int{}, map[string]int{}
		for _, e := range w.seen(relay.EventConnectionRefused) {
			require.Contains(t, e.Detail, "too many open files")
			require.True(t, e.To.IsValid())
			told[e.Node+" "+e.Purpose]++
			counted[e.Purpose] += e.Count
		}
		for _, door := range []string{"edge-1 lookup", "relay-1 messages", "relay-1 media"} {
			require.Greater(t, told[door], 5, "%v", told)
			require.Less(t, told[door], 12, "%v", told)
		}
		require.Greater(t, counted[relay.PurposeMedia], 50, "between two that are told there are more")
		time.Sleep(2 * time.Second)
		w.mustOpen(t, w.mustLook(t, "app", "7").MessageURLs[0])
	})
}
