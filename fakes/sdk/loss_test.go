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
