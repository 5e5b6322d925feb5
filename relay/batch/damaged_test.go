//go:build linux && (amd64 || arm64)

package batch_test

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/proxyspec/proxyspec/relay/batch"
)

// TestDamagedDatagram has the system name a socket as readable for a datagram of which it finds, when it is asked for it,
// that its checksum is wrong: there is nothing then.
func TestDamagedDatagram(t *testing.T) {
	raw, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW)
	if err != nil {
		t.Skipf("a raw socket takes a privilege that this test hasn't got: %v", err)
	}
	defer unix.Close(raw)
	host, err := batch.NewNet()
	require.NoError(t, err)
	group, err := host.NewGroup()
	require.NoError(t, err)
	defer group.Close()
	loopback := netip.MustParseAddr("127.0.0.1")
	socket, err := group.Listen(netip.AddrPortFrom(loopback, 0), "all")
	require.NoError(t, err)
	defer socket.Close()
	got := make(chan string)
	go func() {
		_ = group.Serve(func(arrivals []batch.Arrival) {
			for _, a := range arrivals {
				got <- string(a.Payload)
			}
		})
		close(got)
	}()
	send := func(payload string, checksum uint16) {
		b := make([]byte, 28, 28+len(payload)) // the system fills in the IP header's length, checksum and identification
		b[0], b[8], b[9] = 0x45, 64, unix.IPPROTO_UDP
		copy(b[12:], loopback.AsSlice())
		copy(b[16:], loopback.AsSlice())
		binary.BigEndian.PutUint16(b[20:], 9)
		binary.BigEndian.PutUint16(b[22:], socket.Addr().Port())
		binary.BigEndian.PutUint16(b[24:], uint16(8+len(payload)))
		binary.BigEndian.PutUint16(b[26:], checksum)
		require.NoError(t, unix.Sendto(raw, append(b, payload...), 0, &unix.SockaddrInet4{Addr: loopback.As4()}))
	}
	long := make([]byte, 200) // what is short, the system looks at when it arrives
	for range 3 {
		send(string(long), 1)
		time.Sleep(10 * time.Millisecond) // by itself
		send("whole", 0)                  // without a checksum
		require.Equal(t, "whole", <-got)
	}
}
