package sdk

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/stun/v3"
	"github.com/stretchr/testify/require"
)

// written is a socket that remembers when what was written.
type written struct {
	net.PacketConn
	began time.Time
	at    []time.Duration
}

func (w *written) Close() error { return nil }

func (w *written) WriteTo(p []byte, _ net.Addr) (int, error) {
	w.at = append(w.at, time.Since(w.began))
	return len(p), nil
}

// A request and a check that fall due in one instant would be written in an order that nobody decides.
func TestRepeatedRequestGoesAMomentLater(t *testing.T) {
	message := func(kind stun.MessageType) []byte {
		m, err := stun.Build(stun.TransactionID, kind)
		require.NoError(t, err)
		return m.Raw
	}
	refresh := stun.NewType(stun.MethodRefresh, stun.ClassRequest)
	request, another := message(refresh), message(refresh)
	check := message(stun.NewType(stun.MethodSend, stun.ClassIndication))
	synctest.Test(t, func(t *testing.T) {
		socket := &written{began: time.Now()}
		c := &lateConn{open: func() (net.PacketConn, error) { return socket, nil }, ready: make(chan struct{})}
		for _, p := range [][]byte{request, another, check, check} {
			n, err := c.WriteTo(p, nil)
			require.NoError(t, err)
			require.Len(t, p, n)
		}
		require.Equal(t, []time.Duration{0, 0, 0, 0}, socket.at)
		_, err := c.WriteTo(request, nil)
		require.NoError(t, err)
		require.Len(t, socket.at, 4, "the repeat waits")
		time.Sleep(repeatPause)
		synctest.Wait()
		require.Equal(t, []time.Duration{0, 0, 0, 0, repeatPause}, socket.at)
		require.NoError(t, c.Close())
		_, err = c.WriteTo(request, nil)
		require.ErrorIs(t, err, net.ErrClosed, "or the client would go on")
	})
}
