package relay_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v3"
	"github.com/pion/turn/v4"
	"github.com/stretchr/testify/require"
)

// BenchmarkMedia sends bursts of eight packets of 1,000 bytes through a relay on loopback, by ChannelData from a
// client to a peer, and the same through pion/turn's server. CPU is that of the whole process, client and peer
// included, which are the same for both.
func BenchmarkMedia(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		w := onLoopback(b, nil)
		a := w.mustLook(b, "app", "7")
		server, _, _ := strings.Cut(strings.TrimPrefix(a.ICEServers[0].URLs[0], "turn:"), "?")
		relayBursts(b, server, a.ICEServers[0].Username, a.ICEServers[0].Credential)
	})
	b.Run("pion", func(b *testing.B) {
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
		require.NoError(b, err)
		server, err := turn.NewServer(turn.ServerConfig{
			Realm:         "proxyspec",
			AuthHandler:   func(u, r string, _ net.Addr) ([]byte, bool) { return turn.GenerateAuthKey(u, r, "secret"), true },
			LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
			PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: conn, RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{
				RelayAddress: loopback.AsSlice(), Address: "127.0.0.1"}}},
		})
		require.NoError(b, err)
		defer server.Close()
		relayBursts(b, conn.LocalAddr().String(), "alice", "secret")
	})
}

func relayBursts(b *testing.B, server, username, password string) {
	conn, err := net.Dial("udp4", server)
	require.NoError(b, err)
	defer conn.Close()
	listener, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	require.NoError(b, err)
	defer listener.Close()
	ask := func(method stun.Method, attributes ...stun.Setter) *stun.Message {
		m := stun.MustBuild(append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, attributes...)...)
		_, err := conn.Write(m.Raw)
		require.NoError(b, err)
		buf := make([]byte, 1500)
		n, err := conn.Read(buf)
		require.NoError(b, err)
		answer := &stun.Message{Raw: buf[:n]}
		require.NoError(b, answer.Decode())
		return answer
	}
	udp := stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}}
	challenge := ask(stun.MethodAllocate, udp)
	var realm stun.Realm
	var nonce stun.Nonce
	require.NoError(b, realm.GetFrom(challenge))
	require.NoError(b, nonce.GetFrom(challenge))
	credentials := []stun.Setter{stun.NewUsername(username), realm, nonce, stun.NewLongTermIntegrity(username, realm.String(), password)}
	require.Equal(b, stun.ClassSuccessResponse, ask(stun.MethodAllocate, append([]stun.Setter{udp}, credentials...)...).Type.Class)
	at := listener.LocalAddr().(*net.UDPAddr).AddrPort()
	peer := binary.BigEndian.AppendUint16([]byte{0, 1}, at.Port()^0x2112)
	peer = binary.BigEndian.AppendUint32(peer, binary.BigEndian.Uint32(at.Addr().Unmap().AsSlice())^0x2112A442)
	require.Equal(b, stun.ClassSuccessResponse, ask(stun.MethodChannelBind, append([]stun.Setter{
		stun.RawAttribute{Type: stun.AttrChannelNumber, Value: []byte{0x40, 0, 0, 0}},
		stun.RawAttribute{Type: stun.AttrXORPeerAddress, Value: peer},
	}, credentials...)...).Type.Class)

	packet := append([]byte{0x40, 0, 1000 >> 8, 1000 & 0xFF}, make([]byte, 1000)...)
	buf := make([]byte, 1500)
	before := cpu(b)
	packets := 0
	b.ReportAllocs()
	for b.Loop() {
		for range 8 {
			if _, err := conn.Write(packet); err != nil {
				b.Fatal(err)
			}
		}
		_ = listener.SetReadDeadline(time.Now().Add(time.Second))
		for range 8 {
			if n, _, err := listener.ReadFromUDPAddrPort(buf); err != nil || n != 1000 {
				b.Fatal(n, err)
			}
			packets++
		}
	}
	b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/float64(packets), "cpu-ns/packet")
}

// cpu is what the process has used so far.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
