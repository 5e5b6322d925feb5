//go:build linux && (amd64 || arm64)

package batch_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay/batch"
)

// adopted is a connection of which one end is in a group.
func adopted(t *testing.T, g *batch.Group) (*batch.Socket, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	far, err := net.Dial("tcp4", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { far.Close() })
	require.NoError(t, far.SetDeadline(time.Now().Add(time.Minute)))
	near, err := l.Accept()
	require.NoError(t, err)
	s, err := g.Adopt(near.(*net.TCPConn), "near")
	require.NoError(t, err)
	t.Cleanup(s.Close)
	require.Equal(t, far.LocalAddr().String(), s.Addr().String())
	_, err = near.Write([]byte("x"))
	require.ErrorIs(t, err, net.ErrClosed, "it is the group's now")
	return s, far.(*net.TCPConn)
}

// readOne is the next thing that a group has.
func readOne(t *testing.T, g *batch.Group) batch.Arrival {
	t.Helper()
	arrivals, err := g.Read()
	require.NoError(t, err)
	require.Len(t, arrivals, 1)
	return arrivals[0]
}

func TestConnection(t *testing.T) { onBoth(t, testConnection) }

func testConnection(t *testing.T, g *batch.Group) {
	s, far := adopted(t, g)
	_, err := far.Write([]byte("there"))
	require.NoError(t, err)
	require.Equal(t, batch.Arrival{Socket: s, Payload: []byte("there")}, readOne(t, g))
	n, err := s.Send([]byte("and back"))
	require.NoError(t, err)
	require.Equal(t, 8, n)
	buf := make([]byte, 8)
	_, err = io.ReadFull(far, buf)
	require.NoError(t, err)
	require.Equal(t, "and back", string(buf))

	require.NoError(t, far.Close())
	require.Equal(t, batch.Arrival{Socket: s, Ended: true}, readOne(t, g))
	other, err := g.Listen(anyPort, "other")
	require.NoError(t, err)
	w := g.Writer()
	w.Add(other, []byte("more"), other.Addr(), 0)
	w.Flush(func(tag int) { t.Error("undelivered", tag) })
	require.Equal(t, other, readOne(t, g).Socket, "an end is said once")
	s.Close()
	_, err = s.Send([]byte("x"))
	require.ErrorIs(t, err, net.ErrClosed)
}

// What the other end doesn't take now isn't written, and the group says when there is room.
func TestConnectionWithoutRoom(t *testing.T) {
	g := newGroup(t)
	s, far := adopted(t, g)
	message := []byte(strings.Repeat("x", 1<<20))
	sent := 0
	for {
		n, err := s.Send(message)
		require.NoError(t, err)
		if sent += n; n < len(message) {
			break
		}
	}
	s.AwaitRoom()
	got := make(chan int64)
	go func() {
		n, _ := io.Copy(io.Discard, far)
		got <- n
	}()
	require.Equal(t, batch.Arrival{Socket: s, Room: true}, readOne(t, g))
	s.Shutdown()
	require.EqualValues(t, sent, <-got)
	require.Equal(t, batch.Arrival{Socket: s, Ended: true}, readOne(t, g), "room is said once")
}

func TestAdoptIntoAClosedGroup(t *testing.T) {
	g := newGroup(t)
	g.Close()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	far, err := net.Dial("tcp4", l.Addr().String())
	require.NoError(t, err)
	defer far.Close()
	_, err = g.Adopt(far.(*net.TCPConn), nil)
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = far.Write([]byte("x"))
	require.NoError(t, err, "it is still the caller's")
}

// A connection outlives its group, whose descriptors are soon those of the next group.
func TestRoomInAClosedGroup(t *testing.T) {
	g := newGroup(t)
	s, _ := adopted(t, g)
	g.Close()
	next := newGroup(t)
	s.AwaitRoom()
	watched, err := next.Watched()
	require.NoError(t, err)
	require.Zero(t, watched)
}
