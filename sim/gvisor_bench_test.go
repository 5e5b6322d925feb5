//go:build gvisor

package sim_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	cable "gvisor.dev/gvisor/pkg/tcpip/link/pipe"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// gVisor's netstack is behind a build tag of its own: it takes a minute to compile, and only "make figures" asks for it.
func init() { otherStacks = append(otherStacks, otherStack{"gvisor", overGVisor}) }

// overGVisor is a stream between two of gVisor's stacks, with their own defaults, joined by a cable with our MTU.
func overGVisor(b *testing.B) *pouring {
	left, right := cable.New("\x02\x00\x00\x00\x00\x01", "\x02\x00\x00\x00\x00\x02", 1500)
	here, there := tcpip.AddrFrom4([4]byte{10, 0, 0, 1}), tcpip.AddrFrom4([4]byte{10, 0, 0, 2})
	one, two := newGVisor(b, left, here), newGVisor(b, right, there)
	l, err := gonet.ListenTCP(two, tcpip.FullAddress{NIC: 1, Addr: there, Port: 80}, ipv4.ProtocolNumber)
	require.NoError(b, err)
	w, err := gonet.DialContextTCP(context.Background(), one, tcpip.FullAddress{NIC: 1, Addr: there, Port: 80}, ipv4.ProtocolNumber)
	require.NoError(b, err)
	r, err := l.Accept()
	require.NoError(b, err)
	return &pouring{w, r, func() {
		_, _, _ = w.Close(), r.Close(), l.Close()
		one.Destroy()
		two.Destroy()
	}}
}

func newGVisor(b *testing.B, link stack.LinkEndpoint, addr tcpip.Address) *stack.Stack {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
	})
	require.Nil(b, s.CreateNIC(1, link))
	require.Nil(b, s.AddProtocolAddress(1, tcpip.ProtocolAddress{
		Protocol: ipv4.ProtocolNumber, AddressWithPrefix: addr.WithPrefix(),
	}, stack.AddressProperties{}))
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: 1}})
	return s
}
