package sdk_test

import (
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/transport/v3"
	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/fakes/sdrtn"
)

// forgetful is a network that loses one packet of the DTLS handshakes that it receives.
type forgetful struct {
	transport.Net
	left atomic.Int32 // until then
}

func (n *forgetful) ListenUDP(network string, local *net.UDPAddr) (transport.UDPConn, error) {
	c, err := n.Net.ListenUDP(network, local)
	return &forgetfulConn{c, n}, err
}

type forgetfulConn struct {
	transport.UDPConn
	n *forgetful
}

func (c *forgetfulConn) ReadFrom(p []byte) (n int, from net.Addr, err error) {
	const changeCipherSpec, handshake = 20, 22 // the content types that a datagram of it begins with: RFC 6347, section 4.1
	for {
		n, from, err = c.UDPConn.ReadFrom(p)
		if err != nil || n == 0 || p[0] < changeCipherSpec || p[0] > handshake || c.n.left.Add(-1) != -1 {
			return n, from, err
		}
	}
}

// TestMediaBeginsThoughAPacketOfTheHandshakeIsLost loses each of SD-RTN's two datagrams.
func TestMediaBeginsThoughAPacketOfTheHandshakeIsLost(t *testing.T) {
	for lost := range 2 {
		t.Run(fmt.Sprint(lost+1), func(t *testing.T) {
			inBubble(t, func(l *lab) {
				nw := &forgetful{}
				nw.left.Store(int32(lost))
				l.through = func(n transport.Net) transport.Net { nw.Net = n; return nw }
				alice := l.user()
				alice.call(contract.MethodJoin, alice.joining("alice"), nil)
				began := time.Now()
				alice.call(contract.MethodPublish, alice.both(), nil)
				require.Less(t, time.Since(began), 5*time.Second)
				require.Negative(t, nw.left.Load(), "none was lost")
			})
		})
	}
}

// quiet is a network that, while it is hushed, sends no datagram.
type quiet struct {
	transport.Net
	hushed atomic.Bool
}

func (n *quiet) ListenUDP(network string, local *net.UDPAddr) (transport.UDPConn, error) {
	c, err := n.Net.ListenUDP(network, local)
	return &quietConn{c, n}, err
}

type quietConn struct {
	transport.UDPConn
	n *quiet
}

func (c *quietConn) WriteTo(p []byte, to net.Addr) (int, error) {
	if c.n.hushed.Load() {
		return len(p), nil
	}
	return c.UDPConn.WriteTo(p, to)
}

// TestSubscriberWhoIsQuietForAWhile lets the gateway hear nothing of a subscriber for ten seconds. RFC 8445, section 11,
// has keepalives at most every 15 s: to the gateway the connection is disconnected in between, and connected again.
func TestSubscriberWhoIsQuietForAWhile(t *testing.T) {
	inBubble(t, func(l *lab) {
		alice, nw := l.user(), &quiet{}
		l.through = func(n transport.Net) transport.Net { nw.Net = n; return nw }
		bob := l.user()
		alice.call(contract.MethodJoin, alice.joining("alice"), nil)
		alice.call(contract.MethodPublish, alice.both(), nil)
		bob.call(contract.MethodJoin, bob.joining("bob"), nil)
		bob.call(contract.MethodSubscribe, bob.to("alice"), nil)
		for _, hushed := range []bool{true, false} {
			nw.hushed.Store(hushed)
			time.Sleep(10 * time.Second)
		}
		bob.call(contract.MethodLeave, bob.me(), nil)
		alice.call(contract.MethodLeave, alice.me(), nil)
		for _, kind := range []string{"audio", "video"} {
			in := l.await(func(e sdrtn.Event) bool { return e.Name == sdrtn.EventMediaIn && e.Kind == kind })
			out := l.await(func(e sdrtn.Event) bool { return e.Name == sdrtn.EventMediaOut && e.Kind == kind })
			require.LessOrEqual(t, out.Packets, in.Packets, "of the %s some went out twice", kind)
		}
	})
}
