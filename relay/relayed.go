package relay

import (
	"fmt"
	"net/netip"

	"github.com/proxyspec/proxyspec/relay/turn"
)

// Ports of relayed transport addresses: the dynamic ones, as RFC 8656, section 7.2, recommends, drawn by chance
// (RFC 6056) so that nobody guesses the next.
const (
	firstRelayed = 49152
	relayedPorts = 1 << 14
	// openTries is how many ports are tried before there is none: with half of them taken, all are
	// taken once in 2^64 allocations.
	openTries = 64
)

// largestPayload is the longest datagram of a peer that is passed on. A longer one is dropped, never cut.
const largestPayload = 2000

// openPorts opens the socket of an Open, and the one on the next port if the client reserves it.
func (s *turnServer) openPorts(a turn.Action) (at netip.AddrPort, err error) {
	for range openTries {
		s.mu.Lock()
		port := firstRelayed + s.ports.IntN(relayedPorts)
		s.mu.Unlock()
		if a.Even {
			port &^= 1
		}
		var first, next *packetConn
		if first, err = s.openUDP(netip.AddrPortFrom(s.media.addr, uint16(port)), a.Socket); err != nil {
			continue
		}
		if a.Next != nil {
			if next, err = s.openUDP(netip.AddrPortFrom(s.media.addr, uint16(port+1)), a.Next); err != nil {
				first.Close()
				continue
			}
			a.Next.Owner = next
		}
		a.Socket.Owner = first
		return first.local, nil
	}
	return netip.AddrPort{}, fmt.Errorf("none of %d ports is free: %w", openTries, err)
}
