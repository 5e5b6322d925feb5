package check_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay/check"
)

// deaf is a peer whom nothing reaches, as behind a NAT.
type deaf struct{ net.PacketConn }

func (d deaf) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		if n, from, err := d.PacketConn.ReadFrom(b); err != nil {
			return n, from, err
		}
	}
}

func TestReachTellsANATFromABrokenServer(t *testing.T) {
	to := startSound(t).target(t, "udp")
	require.NoError(t, check.Reach(to))
	listen := to.Peers[0]
	to.Peers = []func() (net.PacketConn, error){func() (net.PacketConn, error) {
		conn, err := listen()
		return deaf{conn}, err
	}}
	require.NoError(t, check.Reach(to), "from an address that no NAT changes the fault is the server's")

	conn, err := to.Dial()
	require.NoError(t, err)
	f := newFront(t, conn.RemoteAddr().String(), 1000, 1000)
	to.Dial = func() (net.Conn, error) { return net.Dial("udp4", f.socket.LocalAddr().String()) }
	require.ErrorContains(t, check.Reach(to), "nothing that it relays reaches the peer 127.0.0.1, and it sees this machine as 127.0.0.9")
	to.Peers[0] = listen
	require.NoError(t, check.Reach(to))
}
