package sim

import "fmt"

// Books is what has become of all packets of a network so far, whichever way they went. A host's packets to itself are among
// them.
type Books struct {
	Sent       uint64 // by hosts, ports, and routers that answer
	Duplicated uint64 // by links
	Arrived    uint64 // at hosts, ports, and routers that they are for
	Lost       uint64 // on links, overflowed ones included
	Dropped    uint64 // by routers
	UnderWay   uint64
}

// Balanced is an error if what was sent isn't what arrived, was lost or dropped, or is under way.
func (b Books) Balanced() error {
	if in, out := b.Sent+b.Duplicated, b.Arrived+b.Lost+b.Dropped+b.UnderWay; in != out {
		return fmt.Errorf("there have been %d packets, and %d are accounted for: %+v", in, out, b)
	}
	return nil
}

// Books is the network's books as they are now.
func (n *Network) Books() (b Books) {
	n.Do(func() {
		b = n.books
		n.events.each(func(e *event) {
			if e.packet != nil {
				b.UnderWay++
			}
		})
	})
	return b
}
