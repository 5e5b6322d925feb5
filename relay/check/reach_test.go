package check_test

import (
	"net"
	"testing"

	"github.com/pion/stun/v3"
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

func TestReachTellsAnAlgorithmFromAPassword(t *testing.T) {
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer server.Close()
	go func() {
		m := &stun.Message{Raw: make([]byte, 1500)}
		for {
			n, from, err := server.ReadFromUDPAddrPort(m.Raw[:cap(m.Raw)])
			if err != nil {
				return
			}
			m.Raw = m.Raw[:n]
			if m.Decode() == nil {
				answer := stun.MustBuild(stun.NewTransactionIDSetter(m.TransactionID), stun.NewType(m.Type.Method, stun.ClassErrorResponse),
					stun.CodeUnauthorized, stun.NewRealm("example.org"), stun.NewNonce("obMatJos2gAAA1234"),
					stun.RawAttribute{Type: stun.AttrPasswordAlgorithms, Value: []byte{0, 2, 0, 0}}) // SHA-256
				_, _ = server.WriteToUDPAddrPort(answer.Raw, from)
			}
		}
	}()
	to := startSound(t).target(t, "udp")
	to.Dial = func() (net.Conn, error) { return net.Dial("udp4", server.LocalAddr().String()) }
	require.ErrorContains(t, check.Reach(to), "it takes no passwords by MD5")
}
