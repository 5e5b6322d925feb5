package check_test

import (
	"net"
	"testing"
	"time"

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

// answering is a target whose server answers every request with an error of these attributes, but for what change alters.
func answering(t *testing.T, change func(m *stun.Message), attributes func(*stun.Message) []stun.Setter) check.Target {
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { server.Close() })
	go func() {
		m := &stun.Message{Raw: make([]byte, 1500)}
		for {
			n, from, err := server.ReadFromUDPAddrPort(m.Raw[:cap(m.Raw)])
			if err != nil {
				return
			}
			m.Raw = m.Raw[:n]
			if m.Decode() == nil {
				answer := stun.MustBuild(append([]stun.Setter{stun.NewTransactionIDSetter(m.TransactionID), stun.NewType(m.Type.Method, stun.ClassErrorResponse)}, attributes(m)...)...)
				change(answer)
				_, _ = server.WriteToUDPAddrPort(answer.Raw, from)
			}
		}
	}()
	to := startSound(t).target(t, "udp")
	to.Dial = func() (net.Conn, error) { return net.Dial("udp4", server.LocalAddr().String()) }
	return to
}

func TestReachSaysWhyNobodyCanAllocate(t *testing.T) {
	challenge := []stun.Setter{stun.NewRealm("example.org"), stun.NewNonce("obMatJos2gAAA1234"),
		stun.RawAttribute{Type: stun.AttrPasswordAlgorithms, Value: []byte{0, 2, 0, 0}}} // SHA-256
	elsewhere := &stun.AlternateServer{IP: net.IPv4(192, 0, 2, 7), Port: 3479}
	as := func(*stun.Message) {}
	after401 := func(later ...stun.Setter) func(*stun.Message) []stun.Setter {
		return func(m *stun.Message) []stun.Setter {
			if m.Contains(stun.AttrMessageIntegrity) {
				return later
			}
			return append([]stun.Setter{stun.CodeUnauthorized}, challenge...)
		}
	}
	for _, server := range []struct {
		change     func(*stun.Message)
		attributes func(*stun.Message) []stun.Setter
		says       string
	}{
		{as, after401(append([]stun.Setter{stun.CodeUnauthorized}, challenge...)...), "it takes no passwords by MD5"},
		{as, after401(stun.CodeBadRequest), "it takes no passwords by MD5"},
		{as, after401(stun.CodeTryAlternate, elsewhere), "it sends its clients to another server (300): check 192.0.2.7:3479"},
		{as, func(*stun.Message) []stun.Setter { return []stun.Setter{stun.CodeTryAlternate, elsewhere} }, "(300): check 192.0.2.7:3479"},
		{as, func(*stun.Message) []stun.Setter { return []stun.Setter{stun.CodeTryAlternate} }, "its answer has no ALTERNATE-SERVER"},
		{func(m *stun.Message) { m.Raw[19] ^= 1 }, after401(), "its answer isn't one to the request, and no client would take it: 401 Unauthorized, with type 0x0113"},
		{func(m *stun.Message) { m.Raw[1] ^= 1 }, after401(), "with type 0x0112"},
	} {
		to := answering(t, server.change, server.attributes)
		to.Answer = 500 * time.Millisecond
		require.ErrorContains(t, check.Reach(to), server.says)
	}
}
