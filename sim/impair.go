package sim

import (
	"math/bits"
	"time"
)

// What is drawn for a packet on a link. A draw depends on the seed, the link, the packet and on what is
// drawn, and on nothing that happened before: no packet's fate shifts another's.
const (
	drawLoss = iota
	drawTurn // of a burst
	drawBurst
	drawDamage
	drawDuplicate
	drawJitter
	drawCopy // the number of a duplicate
)

func (c *nic) draw(p *Packet, what uint64) uint64 {
	return mix(c.salt ^ mix(p.flow^mix(p.number+what<<56)))
}

// chance tells whether something of this probability happens to a packet.
func (c *nic) chance(p *Packet, what uint64, probability float64) bool {
	return probability > 0 && float64(c.draw(p, what)>>11)/(1<<53) < probability
}

// mix is the finalizer of SplitMix64: each bit of the result depends on all of x.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// send puts a packet on the link.
func (c *nic) send(now time.Duration, p *Packet) {
	c.count.Sent++
	if c.plain {
		if c.lossy && c.loses(p) {
			c.lose(p, &c.count.Lost)
			return
		}
		c.deliver(now, now+c.config.Delay, p)
		return
	}
	switch {
	case c.config.Hold:
		c.count.Sent-- // until it is released
		c.net.books.UnderWay++
		c.held = append(c.held, p)
		return
	case c.config.Down:
		c.lose(p, &c.count.Lost)
		return
	}
	sent, ok := c.transmit(now, p)
	if !ok {
		c.lose(p, &c.count.Overflowed)
		return
	}
	if c.loses(p) {
		c.lose(p, &c.count.Lost)
		return
	}
	c.damage(p)
	if c.chance(p, drawDuplicate, c.config.Duplicate) {
		c.count.Duplicated++
		c.net.books.Duplicated++
		twin := p.clone()
		twin.number = c.draw(p, drawCopy) | 1<<63 // apart from all that the sender counts
		c.deliver(now, c.arrival(sent, twin), twin)
	}
	c.deliver(now, c.arrival(sent, p), p)
}

// lose ends a packet's journey on the link, and counts it among those of its fate.
func (c *nic) lose(p *Packet, of *uint64) {
	*of++
	c.net.books.Lost++
	p.free()
}

// transmit is when the last bit of a packet is on the line, which a limited rate and the packets before it
// decide; false when too many wait already.
func (c *nic) transmit(now time.Duration, p *Packet) (time.Duration, bool) {
	if c.config.Rate == 0 {
		return now, true
	}
	c.free = max(c.free, now)
	length := p.Length()
	if c.bytesIn(c.free-now)+int64(length) > int64(c.config.Queue) {
		return 0, false
	}
	c.free += time.Duration(int64(length) * 8 * int64(time.Second) / c.config.Rate)
	return c.free, true
}

// bytesIn is how many bytes the line takes in a time.
func (c *nic) bytesIn(d time.Duration) int64 {
	high, low := bits.Mul64(uint64(d), uint64(c.config.Rate))
	if high >= uint64(8*time.Second) {
		return 1 << 62
	}
	n, _ := bits.Div64(high, low, uint64(8*time.Second))
	return int64(n)
}

// loses decides whether a packet is lost.
func (c *nic) loses(p *Packet) bool {
	if b := &c.config.Burst; b.Enter > 0 {
		turn := b.Enter
		if c.bad {
			turn = b.Leave
		}
		if c.chance(p, drawTurn, turn) {
			c.bad = !c.bad
		}
		if c.bad {
			return c.chance(p, drawBurst, b.Loss)
		}
	}
	return c.chance(p, drawLoss, c.config.Loss)
}

func (c *nic) damage(p *Packet) {
	if c.chance(p, drawDamage, c.config.Damage) {
		c.count.Damaged++
		p.damaged = true
	}
}

// arrival is when a packet reaches the far end.
func (c *nic) arrival(sent time.Duration, p *Packet) time.Duration {
	at := sent + c.config.Delay
	if c.config.Jitter == 0 {
		return at
	}
	extra, _ := bits.Mul64(c.draw(p, drawJitter), uint64(c.config.Jitter)+1)
	at += time.Duration(extra)
	if c.config.Reorder {
		return at
	}
	if c.last == nil {
		c.last = map[uint64]time.Duration{}
	}
	if len(c.last) > 4096 { // forget those that no packet can wait for
		for flow, last := range c.last {
			if last < sent {
				delete(c.last, flow)
			}
		}
	}
	at = max(at, c.last[p.flow])
	c.last[p.flow] = at
	return at
}

// deliver has a packet arrive at the far end. Without delay it arrives at a router at once: an event would come
// next all the same.
func (c *nic) deliver(now, at time.Duration, p *Packet) {
	if c.direct && at == now {
		c.peer.node.arrive(now, p, c.peer)
		return
	}
	c.net.plan(event{at: at, flow: p.flow, number: p.number, packet: p, nic: c.peer})
}
