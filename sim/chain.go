package sim

// chain is packets in their order. The memory of it is theirs.
type chain struct{ first, last *Packet }

func (c *chain) push(p *Packet) {
	if c.first == nil {
		c.first = p
	} else {
		c.last.next = p
	}
	c.last = p
}

// pop takes the first packet; nil if there is none.
func (c *chain) pop() *Packet {
	p := c.first
	if p == nil {
		return nil
	}
	c.first, p.next = p.next, nil
	return p
}
