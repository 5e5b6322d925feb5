package sim

import (
	"net"
	"net/netip"
)

// senders makes the addresses that readers are given of datagrams, many with one allocation: each is the reader's own,
// who may keep it or change it.
type senders []struct {
	addr net.UDPAddr
	ip   [16]byte
}

const sendersAtOnce = 16

func (s *senders) next(a netip.AddrPort) *net.UDPAddr {
	if len(*s) == 0 {
		*s = make(senders, sendersAtOnce)
	}
	one := &(*s)[0]
	*s = (*s)[1:]
	ip := one.ip[:]
	if a.Addr().Is4() {
		four := a.Addr().As4()
		ip = ip[:copy(ip, four[:]):len(four)]
	} else {
		one.ip = a.Addr().As16()
	}
	one.addr.IP, one.addr.Port, one.addr.Zone = ip, int(a.Port()), a.Addr().Zone()
	return &one.addr
}
