package capture

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Block types and constants of draft-ietf-opsawg-pcapng.
const (
	blockSection    = 0x0A0D0D0A
	blockInterface  = 1
	blockStatistics = 5
	blockPacket     = 6  // Enhanced Packet Block
	packetHeader    = 28 // bytes before the packet in it

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

// Each of these appends a block to whole blocks.

func appendSectionHeader(b []byte) []byte {
	start := len(b)
	b = begin(b, blockSection)
	b = le.AppendUint32(b, byteOrderMagic)
	b = le.AppendUint16(b, versionMajor)
	b = le.AppendUint16(b, versionMinor)
	b = le.AppendUint64(b, sectionLengthUnknown)
	b = appendOption(b, sectionApplication, "proxyspec")
	return end(b, start, true)
}

func appendInterfaceDescription(b []byte, name string) []byte {
	start := len(b)
	b = begin(b, blockInterface)
	b = le.AppendUint16(b, linkTypeRaw)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint32(b, noSnapLength)
	b = appendOption(b, interfaceName, name)
	b = appendOption(b, interfaceResolution, nanoseconds)
	return end(b, start, true)
}

// appendEnhancedPacket has the packet write itself into its place. If it can't, there is no block.
func appendEnhancedPacket(b []byte, iface uint32, ns int64, p Packet, comment string) ([]byte, error) {
	start := len(b)
	b, err := p.Append(append(b, make([]byte, packetHeader)...))
	if err != nil {
		return b[:start], fmt.Errorf("capture: a packet: %w", err)
	}
	h := (*[packetHeader]byte)(b[start:])
	length := uint32(len(b) - start - packetHeader)
	le.PutUint32(h[0:], blockPacket)
	le.PutUint32(h[8:], iface)
	le.PutUint32(h[12:], uint32(ns>>32))
	le.PutUint32(h[16:], uint32(ns))
	le.PutUint32(h[20:], length) // captured
	le.PutUint32(h[24:], length) // original
	b = pad(b)
	if comment != "" {
		b = appendOption(b, optionComment, comment)
	}
	return end(b, start, comment != ""), nil
}

func appendInterfaceStatistics(b []byte, number uint32, i iface, comment string) []byte {
	start := len(b)
	b = begin(b, blockStatistics)
	b = le.AppendUint32(b, number)
	b = appendTime(b, i.last)
	if comment != "" {
		b = appendOption(b, optionComment, comment)
	}
	b = appendOption(b, statisticsReceived, string(le.AppendUint64(nil, i.seen)))
	b = appendOption(b, statisticsLeftOut, string(le.AppendUint64(nil, i.cut)))
	return end(b, start, true)
}

func begin(b []byte, kind uint32) []byte {
	b = le.AppendUint32(b, kind)
	return le.AppendUint32(b, 0) // the length: end fills it in
}

// end finishes a block with the mark after its options, if it has any, and its length at both ends.
func end(b []byte, start int, options bool) []byte {
	if options {
		b = le.AppendUint16(b, optionEnd)
		b = le.AppendUint16(b, 0)
	}
	length := uint32(len(b) - start + 4)
	le.PutUint32(b[start+4:], length)
	return le.AppendUint32(b, length)
}

func appendOption(b []byte, code uint16, value string) []byte {
	b = le.AppendUint16(b, code)
	b = le.AppendUint16(b, uint16(len(value)))
	return pad(append(b, value...))
}

// appendTime appends a timestamp in two halves, the upper one first whatever the byte order.
func appendTime(b []byte, ns int64) []byte {
	b = le.AppendUint32(b, uint32(ns>>32))
	return le.AppendUint32(b, uint32(ns))
}

// pad fills up to a multiple of four, as every part of a block must be.
func pad(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}
