// Package batch reads and writes the sockets of Linux many at a time. Of UDP it takes many datagrams with one system
// call: recvmmsg, sendmmsg, and trains of datagrams that cross the kernel as one (UDP_SEGMENT and UDP_GRO) where it
// has them. Of many sockets it takes them with one system call too, where the kernel gives it an io_uring: of a packet
// of 160 bytes half of what it takes is to enter the kernel and to leave it.
//
//	host, err := batch.NewNet()      // a transport.Net of the operating system, and a Host
//	group, err := host.NewGroup()
//	socket, err := group.Listen(at, owner)
//	err = group.Serve(func(arrivals []batch.Arrival) { // at all sockets of the group
//		...
//		writer.Add(socket, payload, to, tag) // writer is group.Writer()
//		writer.Flush(undelivered)
//	})
//
// Read is Serve for once. A TCP connection joins with Adopt: arrivals then have what it says, Ended when it ends, and
// Room once after AwaitRoom.
//
// A Group is read by one goroutine, whatever the number of its sockets, so that an idle socket costs no stack and no
// buffer. A Writer is for one goroutine. Sockets may be opened and closed by any. Neither reading nor writing
// allocates memory, and no write waits: what the system has no room for is undelivered.
//
// Sockets of a group aren't in the runtime's poller: a packet would wake it each time, for nothing. The group has an
// epoll of its own, and wakes the runtime's only when its reader sleeps, or when there is but one processor, so that
// nobody is there to be woken.
//
// On other systems NewGroup says so, and NewNet is a transport.Net like any other.
package batch

import (
	"errors"
	"net/netip"

	"github.com/pion/transport/v3"
	"github.com/pion/transport/v3/stdnet"
)

// Host is a transport.Net that can group its UDP sockets.
type Host interface {
	transport.Net
	// NewGroup is an error where the system can't.
	NewGroup() (*Group, error)
}

// Net is the operating system's, with groups.
type Net struct{ *stdnet.Net }

var _ Host = Net{}

// NewNet is the network of this machine.
func NewNet() (Net, error) {
	n, err := stdnet.NewNet()
	return Net{n}, err
}

// ErrUnsupported says that this system has no groups.
var ErrUnsupported = errors.New("batch: this system reads one datagram at a time")

// Arrival is a datagram, or the next bytes of a connection, or news of one. Its payload is good until the group
// reads again.
type Arrival struct {
	Socket  *Socket
	From    netip.AddrPort // of a datagram
	Payload []byte

	Ended bool // the connection: nothing more comes
	Room  bool // in the connection, for which AwaitRoom has asked
}
