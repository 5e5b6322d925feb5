package sim

import (
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/pion/transport/v3"
	"github.com/stretchr/testify/require"
)

// TestUDPReceiveBuffer: what doesn't fit is lost, also if it is empty, and what has been read makes room.
func TestUDPReceiveBuffer(t *testing.T) {
	pair(t, LinkConfig{}, func(t *testing.T, a, b *Host) {
		socket, err := b.ListenUDP("udp", &net.UDPAddr{Port: 7})
		require.NoError(t, err)
		defer socket.Close()
		require.NoError(t, socket.SetReadBuffer(20*(128+100)))
		conn, err := a.Dial("udp", "192.0.2.1:7")
		require.NoError(t, err)
		defer conn.Close()
		receive := func() (n int) {
			require.NoError(t, socket.SetReadDeadline(time.Now().Add(time.Second)))
			for {
				if _, _, err := socket.ReadFrom(make([]byte, 100)); err != nil {
					require.ErrorIs(t, err, os.ErrDeadlineExceeded)
					return n
				}
				n++
			}
		}
		send := func(n, size int) {
			for range n {
				_, err := conn.Write(make([]byte, size))
				require.NoError(t, err)
			}
			time.Sleep(time.Millisecond)
		}
		send(25, 100)
		require.Equal(t, 20, receive())
		send(5, 100)
		require.Equal(t, 5, receive())
		send(1000, 0)
		require.Equal(t, 20*(128+100)/128, receive())
	})
}

// TestLeastBuffers: a socket that is to have no buffer has one that works.
func TestLeastBuffers(t *testing.T) {
	pair(t, LinkConfig{Delay: time.Millisecond}, func(t *testing.T, a, b *Host) {
		u, err := b.ListenUDP("udp", &net.UDPAddr{Port: 7})
		require.NoError(t, err)
		defer u.Close()
		require.NoError(t, u.SetReadBuffer(0))
		c, err := a.Dial("udp", "192.0.2.1:7")
		require.NoError(t, err)
		defer c.Close()
		longest := make([]byte, MTU-ipv4Header-udpHeader)
		_, err = c.Write(longest)
		require.NoError(t, err)
		require.NoError(t, u.SetReadDeadline(time.Now().Add(time.Second)))
		_, err = io.ReadFull(u, longest)
		require.NoError(t, err)

		l, err := b.ListenTCP("tcp", &net.TCPAddr{Port: 80})
		require.NoError(t, err)
		defer l.Close()
		w, err := a.Dial("tcp", "192.0.2.1:80")
		require.NoError(t, err)
		r, err := l.AcceptTCP()
		require.NoError(t, err)
		defer r.Close()
		require.NoError(t, w.(transport.TCPConn).SetWriteBuffer(0))
		require.NoError(t, r.SetReadBuffer(0))
		const much = 100_000
		begin, wrote := time.Now(), make(chan time.Duration, 1)
		go func() {
			_, _ = w.Write(make([]byte, much))
			wrote <- time.Since(begin)
			_ = w.Close()
		}()
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Len(t, got, much)
		require.Greater(t, <-wrote, 10*time.Millisecond)
		require.Less(t, time.Since(begin), 5*time.Second) // Linux: 4.5 s on loopback
	})
}
