package sim

import (
	"net/netip"
	"sync"

	"github.com/proxyspec/proxyspec/sim/firewall"
)

// pool keeps the memory of UDP packets between two journeys: without it the packet loop would mostly make
// garbage. A packet goes back when its receiver has read it or when it is dropped; one that isn't given
// back is only garbage.
var pool = sync.Pool{New: func() any { return new(Packet) }}

// newUDP is a packet with a payload of its own. Nothing else in it is ever set but its journey, which free forgets.
func newUDP(src, dst netip.AddrPort, payload []byte) *Packet {
	p := pool.Get().(*Packet)
	p.pooled = true
	p.Proto, p.Src, p.Dst, p.TTL = firewall.UDP, src, dst, initialTTL
	p.memory = append(p.memory[:0], payload...)
	p.Payload = p.memory
	return p
}

// free gives a packet back. Nobody may look at it any more.
func (p *Packet) free() {
	if p.pooled {
		p.journey = journey{}
		pool.Put(p)
	}
}

// clone is another packet of the same content.
func (p *Packet) clone() *Packet {
	c := *p
	c.pooled, c.memory, c.next, c.noting, c.voyage = false, nil, nil, nil, voyage{}
	if p.pooled {
		c.Payload = append([]byte(nil), p.Payload...)
	}
	return &c
}
