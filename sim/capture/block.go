package capture

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// Block types and constants of draft-ietf-opsawg-pcapng.
const (
	blockSection    = 0x0A0D0D0A
	blockInterface  = 1
	blockStatistics = 5
	blockPacket     = 6 // Enhanced Packet Block

	byteOrderMagic       = 0x1A2B3C4D
	versionMajor         = 1
	versionMinor         = 0
	sectionLengthUnknown = math.MaxUint64
	linkTypeRaw          = 101 // LINKTYPE_RAW: a packet begins with its IPv4 or IPv6 header
	noSnapLength         = 0
	nanoseconds          = "\x09" // resolution 10^-9 s
)

// Options. The codes from 2 on mean something else in each type of block.
const (
	optionEnd     = 0
	optionComment = 1

	sectionApplication  = 4 // shb_userappl
	interfaceName       = 2 // if_name
	interfaceResolution = 9 // if_tsresol
	statisticsReceived  = 4 // isb_ifrecv
	statisticsLeftOut   = 5 // isb_ifdrop: for want of room, not by a firewall

	maxOption = math.MaxUint16 // bytes
)

var le = binary.LittleEndian

func (c *Capture) sectionHeader() {
	c.begin(blockSection)
	c.u32(byteOrderMagic)
	c.u16(versionMajor)
	c.u16(versionMinor)
	c.u64(sectionLengthUnknown)
	c.option(sectionApplication, "proxyspec")
	c.end(true)
}

func (c *Capture) interfaceDescription(name string) {
	c.begin(blockInterface)
	c.u16(linkTypeRaw)
	c.u16(0)
	c.u32(noSnapLength)
	c.option(interfaceName, name)
	c.option(interfaceResolution, nanoseconds)
	c.end(true)
}

// enhancedPacket has the packet write itself into its place.
func (c *Capture) enhancedPacket(iface uint32, at time.Time, p Packet, comment string) error {
	c.begin(blockPacket)
	c.u32(iface)
	c.time(at)
	lengths := len(c.blocks)
	c.u64(0) // of the packet, captured and original
	var err error
	if c.blocks, err = p.Append(c.blocks); err != nil {
		return fmt.Errorf("capture: a packet: %w", err)
	}
	length := uint32(len(c.blocks) - lengths - 8)
	le.PutUint32(c.blocks[lengths:], length)
	le.PutUint32(c.blocks[lengths+4:], length)
	c.pad()
	if comment != "" {
		c.option(optionComment, comment)
	}
	c.end(comment != "")
	return nil
}

func (c *Capture) interfaceStatistics(number uint32, i iface, comment string) {
	c.begin(blockStatistics)
	c.u32(number)
	at := i.last
	if at.IsZero() {
		at = earliest
	}
	c.time(at)
	if comment != "" {
		c.option(optionComment, comment)
	}
	c.option(statisticsReceived, string(le.AppendUint64(nil, i.seen)))
	c.option(statisticsLeftOut, string(le.AppendUint64(nil, i.cut)))
	c.end(true)
}

func (c *Capture) begin(kind uint32) {
	c.whole = len(c.blocks)
	c.u32(kind)
	c.u32(0) // the length: end fills it in
}

// end finishes a block with the mark after its options, if it has any, and its length at both ends.
func (c *Capture) end(options bool) {
	if options {
		c.u16(optionEnd)
		c.u16(0)
	}
	length := uint32(len(c.blocks) - c.whole + 4)
	c.u32(length)
	le.PutUint32(c.blocks[c.whole+4:], length)
}

// giveUp takes back the block that was begun.
func (c *Capture) giveUp() { c.blocks = c.blocks[:c.whole] }

func (c *Capture) option(code uint16, value string) {
	c.u16(code)
	c.u16(uint16(len(value)))
	c.blocks = append(c.blocks, value...)
	c.pad()
}

// time is a timestamp in two halves, the upper one first whatever the byte order.
func (c *Capture) time(at time.Time) {
	ns := uint64(at.UnixNano())
	c.u32(uint32(ns >> 32))
	c.u32(uint32(ns))
}

// pad fills up to a multiple of four, as every part of a block must be.
func (c *Capture) pad() {
	for len(c.blocks)%4 != 0 {
		c.blocks = append(c.blocks, 0)
	}
}

func (c *Capture) u16(v uint16) { c.blocks = le.AppendUint16(c.blocks, v) }
func (c *Capture) u32(v uint32) { c.blocks = le.AppendUint32(c.blocks, v) }
func (c *Capture) u64(v uint64) { c.blocks = le.AppendUint64(c.blocks, v) }
