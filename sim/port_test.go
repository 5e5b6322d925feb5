package sim

import (
	"context"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// pipeDevice is a packet pipeDevice: what a test writes to in, the port reads; what it writes comes to out.
type pipeDevice struct {
	in, out chan []byte
	closed  chan struct{}
}

func newDevice() *pipeDevice {
	return &pipeDevice{make(chan []byte), make(chan []byte, 10), make(chan struct{})}
}

func (d *pipeDevice) Read(b []byte) (int, error) {
	select {
	case wire := <-d.in:
		return copy(b, wire), nil
	case <-d.closed:
		return 0, io.ErrClosedPipe
	}
}

func (d *pipeDevice) Write(b []byte) (int, error) {
	d.out <- append([]byte(nil), b...)
	return len(b), nil
}

func (d *pipeDevice) Close() error { close(d.closed); return nil }

// TestPort puts packets in from outside, through a router, and reads what comes back.
func TestPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{Seed: 1, Settle: synctest.Wait})
		router := n.Router("router")
		d := newDevice()
		port := n.Port("tun", d, netip.MustParsePrefix("10.0.0.0/24"))
		edge := n.Host("edge", server4.Addr())
		n.Connect(port, router, LinkConfig{Delay: time.Millisecond})
		n.Connect(router, edge, LinkConfig{Delay: time.Millisecond})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 2)
		go func() { done <- n.Serve(ctx) }()
		go func() { done <- port.Serve(ctx) }()
		defer func() {
			cancel()
			require.NoError(t, <-done)
			require.NoError(t, <-done)
		}()
		server, err := edge.ListenUDP("udp4", &net.UDPAddr{Port: 443})
		require.NoError(t, err)
		defer server.Close()

		question := &Packet{Proto: firewall.UDP, Src: client4, Dst: server4, TTL: 64, Payload: []byte("question")}
		wire, err := question.Marshal()
		require.NoError(t, err)
		d.in <- wire
		buf := make([]byte, 100)
		k, from, err := server.ReadFrom(buf)
		require.NoError(t, err)
		require.Equal(t, "question", string(buf[:k]))
		_, err = server.WriteTo([]byte("answer"), from)
		require.NoError(t, err)
		answer, err := Parse(<-d.out)
		require.NoError(t, err)
		require.Equal(t, "UDP 192.0.2.1:443 > 10.0.0.2:49152, 34 bytes", answer.String())
		require.EqualValues(t, 63, answer.TTL, "the router has counted")

		d.in <- []byte("no packet at all")
		ping, err := specimens(client4, server4)[5].Marshal()
		require.NoError(t, err)
		d.in <- ping
		pong, err := Parse(<-d.out)
		require.NoError(t, err)
		require.Equal(t, "ICMP 192.0.2.1 > 10.0.0.2 echo reply 3 of 77, 33 bytes", pong.String())
		time.Sleep(time.Millisecond) // in virtual time: for the writer to count
		count := port.Count()
		require.ErrorContains(t, count.LastBad, "16 bytes are no IPv6 header")
		count.LastBad = nil
		require.Equal(t, PortCount{In: 2, Out: 2, Bad: 1}, count)
	})
}

// slowDevice takes a while to close, as a kernel may: a read under way ends before.
type slowDevice struct {
	*pipeDevice
	gone bool
}

func (d *slowDevice) Close() error {
	_ = d.pipeDevice.Close()
	time.Sleep(time.Second)
	d.gone = true
	return nil
}

// TestServeOfAPortWaitsForTheDevice: who opens a device of the same name next finds the name free.
func TestServeOfAPortWaitsForTheDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &slowDevice{pipeDevice: newDevice()}
		port := New(Config{Seed: 1}).Port("tun", d)
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Minute, cancel)
		require.NoError(t, port.Serve(ctx))
		require.True(t, d.gone, "closing is still under way")
	})
}
