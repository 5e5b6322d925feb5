package capture

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Capture is a capture file being written.
type Capture struct {
	w      io.Writer
	ifaces []iface
	blocks []byte // that aren't written yet
	whole  int    // how long they are without the one that was just made
	batch  int    // bytes that are gathered before they are written
	size   int64  // of all whole blocks so far
	budget int64  // zero: none
	full   bool   // a packet was left out: from now on all are, even one that would still fit
	err    error  // of the first Write that failed, or after Close
}

// iface counts what happened on one interface.
type iface struct {
	name      string
	seen, cut uint64
	last      int64 // timestamp of the last packet
}

var errClosed = errors.New("capture: closed already")

// Packet is a packet that can write itself down, whole from its IP header on: as sim's do.
type Packet interface {
	Append(b []byte) ([]byte, error)
}

// Bytes is a packet that is written down already.
type Bytes []byte

// Append appends the packet.
func (p Bytes) Append(b []byte) ([]byte, error) { return append(b, p...), nil }

// New begins a capture of the named interfaces. Packet refers to them by their number, from 0.
func New(w io.Writer, ifaces ...string) (*Capture, error) {
	if len(ifaces) == 0 {
		return nil, errors.New("capture: it needs at least one interface")
	}
	c := &Capture{w: w}
	c.blocks = appendSectionHeader(c.blocks)
	if err := c.ended(); err != nil {
		return nil, err
	}
	for i, name := range ifaces {
		if len(name) > maxOption {
			return nil, fmt.Errorf("capture: the name of interface %d has %d bytes, more than %d", i, len(name), maxOption)
		}
		c.ifaces = append(c.ifaces, iface{name: name})
		c.blocks = appendInterfaceDescription(c.blocks, name)
		if err := c.ended(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Limit sets a budget: packets that would make the file longer than so many bytes are counted and left
// out from then on, but for the statistics at the end. Zero is no limit.
func (c *Capture) Limit(bytes int64) {
	if c != nil {
		c.budget = bytes
	}
}

// Gather has blocks wait until there are so many bytes of them, and then writes them at once: a file takes a
// system call for each Write. Without it each block is written as it is made.
func (c *Capture) Gather(bytes int) {
	if c != nil {
		c.batch = bytes
		c.blocks = slices.Grow(c.blocks, bytes+bytes/8) // the last of them makes it longer
	}
}

// Add takes a packet that was seen on an interface at a time, with a comment in words. It keeps neither.
func (c *Capture) Add(iface int, at time.Time, p Packet, comment string) error {
	if c == nil {
		return nil
	}
	// Timestamps are nanoseconds since 1970. The format could count to 2554; UnixNano can't, and wraps round.
	ns := at.UnixNano()
	switch {
	case c.err != nil:
		return c.err
	case iface < 0 || iface >= len(c.ifaces):
		return fmt.Errorf("capture: there is no interface %d, only 0 to %d", iface, len(c.ifaces)-1)
	case ns < 0 || ns/int64(time.Second) != at.Unix():
		return fmt.Errorf("capture: a packet at %v is out of the format's time, 1970 to 2262", at)
	case len(comment) > maxOption:
		return fmt.Errorf("capture: a comment of %d bytes is longer than %d", len(comment), maxOption)
	}
	i := &c.ifaces[iface]
	if !c.full {
		blocks, err := appendEnhancedPacket(c.blocks, uint32(iface), ns, p, comment)
		if c.blocks = blocks; err != nil {
			return err
		}
		c.full = c.budget > 0 && c.size+int64(len(c.blocks)-c.whole) > c.budget
	}
	i.seen++
	i.last = ns
	if c.full {
		c.blocks = c.blocks[:c.whole]
		i.cut++
		return nil
	}
	return c.ended()
}

// Seen is the number of packets that the capture was given.
func (c *Capture) Seen() int { return c.sum(func(i iface) uint64 { return i.seen }) }

// Cut is how many of them it left out because of its budget.
func (c *Capture) Cut() int { return c.sum(func(i iface) uint64 { return i.cut }) }

func (c *Capture) sum(of func(iface) uint64) (n int) {
	if c == nil {
		return 0
	}
	for _, i := range c.ifaces {
		n += int(of(i))
	}
	return n
}

// Close writes how many packets there were and how many were left out. It doesn't close the writer.
func (c *Capture) Close() error {
	switch {
	case c == nil:
		return nil
	case c.err != nil:
		return c.err
	}
	for n, i := range c.ifaces {
		comment := ""
		if i.cut > 0 {
			comment = fmt.Sprintf("cut: %d of %d packets are missing, because the capture would be longer than %d bytes", i.cut, i.seen, c.budget)
		}
		c.blocks = appendInterfaceStatistics(c.blocks, uint32(n), i, comment)
		if err := c.ended(); err != nil {
			return err
		}
	}
	if err := c.Flush(); err != nil {
		return err
	}
	c.err = errClosed
	return nil
}

// ended counts the block that is whole now, and writes it, or has it wait for more.
func (c *Capture) ended() error {
	c.size += int64(len(c.blocks) - c.whole)
	c.whole = len(c.blocks)
	if c.whole < c.batch {
		return nil
	}
	return c.Flush()
}

// Flush writes what Gather has made wait.
func (c *Capture) Flush() error {
	if c == nil {
		return nil
	}
	if c.err == nil && len(c.blocks) > 0 {
		_, err := c.w.Write(c.blocks)
		c.blocks, c.whole = c.blocks[:0], 0
		if err != nil {
			c.err = fmt.Errorf("capture: write: %w", err)
		}
	}
	return c.err
}
