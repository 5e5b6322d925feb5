package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/proxyspec/proxyspec/sim/internal/inet"
)

// A kernel moves TCP through a device in packets of up to 64 KiB if it may: it leaves it to the device to cut what it sends
// into segments, and takes several segments that follow each other at once. One such packet costs it little more than one
// of 1500 bytes, which is most of what TCP through a device costs. Here those from the kernel are cut before anybody sees
// them, and those for it are joined last: between, packets are as on a wire.

// offloadHeader is the length of struct virtio_net_hdr (linux/virtio_net.h), which comes before each packet.
const offloadHeader = 10

// Of its fields: flags, what the device must cut it into, the length of the headers, that of a segment's payload, where what
// the checksum counts begins, and where in that the checksum is.
const (
	needsChecksum = 1 // the checksum field has the sum of the pseudo header only

	cutNone = 0
	cutTCP4 = 1
	cutTCP6 = 4
)

const (
	headerIPv6 = 40
	headerTCP  = 20

	flagFIN, flagPSH, flagACK, flagCWR = 1 << 0, 1 << 3, 1 << 4, 1 << 7
)

// longest is what the kernel hands on at once at most.
const longest = offloadHeader + 0xffff

// cutter cuts one packet after another.
type cutter struct {
	packet []byte // the headers of the first, and what is left to send
	tcp    int    // where the TCP header is; 0: it is a packet of its own
	head   int    // the length of the headers
	size   int    // of a segment's payload
	sent   int    // segments so far
}

// take takes what a device has handed on. It keeps raw until next has returned it all.
func (c *cutter) take(raw []byte) error {
	if len(raw) < offloadHeader {
		return fmt.Errorf("%d bytes from a device, which are no header", len(raw))
	}
	h, packet := raw[:offloadHeader], raw[offloadHeader:]
	*c = cutter{packet: packet}
	start, at := int(binary.NativeEndian.Uint16(h[6:])), int(binary.NativeEndian.Uint16(h[8:]))
	if h[1] == cutNone {
		if h[0]&needsChecksum != 0 {
			if start+at+2 > len(packet) {
				return errors.New("a device wants a checksum beyond the packet")
			}
			sum := ^inet.Fold(inet.Sum(0, packet[start:]))
			if sum == 0 {
				sum = 0xffff // the same, but to UDP
			}
			binary.BigEndian.PutUint16(packet[start+at:], sum)
		}
		return nil
	}
	if h[1] != cutTCP4 && h[1] != cutTCP6 || len(packet) < headerIPv4 || len(packet) < start+headerTCP {
		return fmt.Errorf("a device wants a packet cut in a way that isn't known, %d", h[1])
	}
	c.tcp, c.head = start, start+int(packet[start+12]>>4)*4
	c.size = int(binary.NativeEndian.Uint16(h[4:]))
	if c.size == 0 || c.head > len(packet) {
		return fmt.Errorf("a device wants a packet of %d bytes cut into segments of %d behind %d of headers", len(packet), c.size, c.head)
	}
	return nil
}

// next copies the next packet into p, and is its length; 0 if there is none. What doesn't fit is lost, as in a read.
func (c *cutter) next(p []byte) int {
	switch {
	case c.packet == nil:
		return 0
	case c.tcp == 0:
		n := copy(p, c.packet)
		c.packet = nil
		return n
	}
	payload := c.packet[c.head:]
	size := min(c.size, len(payload))
	into := p[:0]
	if len(p) < c.head+size {
		into = nil
	}
	segment := append(append(into, c.packet[:c.head]...), payload[:size]...)
	last := size == len(payload)
	c.address(segment, last)
	// What is left is moved behind the headers, by moving these.
	if c.sent++; last {
		c.packet = nil
	} else {
		rest := c.packet[size:]
		copy(rest, c.packet[:c.head])
		c.packet = rest
	}
	return copy(p, segment) // onto itself, if it fits
}

// address makes the headers of a segment its own.
func (c *cutter) address(segment []byte, last bool) {
	if segment[0]>>4 == 4 {
		binary.BigEndian.PutUint16(segment[2:], uint16(len(segment)))
		id := binary.BigEndian.Uint16(segment[4:])
		binary.BigEndian.PutUint16(segment[4:], id+uint16(c.sent))
		binary.BigEndian.PutUint16(segment[10:], 0)
		binary.BigEndian.PutUint16(segment[10:], ^inet.Fold(inet.Sum(0, segment[:c.tcp])))
	} else {
		binary.BigEndian.PutUint16(segment[4:], uint16(len(segment)-headerIPv6))
	}
	tcp := segment[c.tcp:]
	seq := binary.BigEndian.Uint32(tcp[4:])
	binary.BigEndian.PutUint32(tcp[4:], seq+uint32(c.sent*c.size))
	if c.sent > 0 {
		tcp[13] &^= flagCWR
	}
	if !last {
		tcp[13] &^= flagFIN | flagPSH
	}
	binary.BigEndian.PutUint16(tcp[16:], 0)
	binary.BigEndian.PutUint16(tcp[16:], ^inet.Fold(inet.Sum(pseudoHeader(segment, c.tcp, len(tcp)), tcp)))
}

// pseudoHeader is the sum over TCP's pseudo header, where length is TCP's.
func pseudoHeader(packet []byte, tcp, length int) uint64 {
	addresses := packet[8:headerIPv6]
	if packet[0]>>4 == 4 {
		addresses = packet[12:headerIPv4]
	}
	return inet.Sum(protocolTCP+uint64(length), addresses)
}

// join puts what a device is given into one packet: the first of those packets, and as many of the next as go on where it
// ends. raw is appended to; n is how many it has.
func join(raw []byte, packets [][]byte) (_ []byte, n int) {
	first := packets[0]
	header := len(raw)
	raw = append(raw, make([]byte, offloadHeader)...)
	start := len(raw)
	raw = append(raw, first...)
	tcp, head := segment(first)
	if len(packets) == 1 || head == 0 {
		return raw, 1
	}
	size := len(first) - head
	for n = 1; n < len(packets) && follows(first, packets[n-1], packets[n], tcp, head); n++ {
		if len(raw)-start+len(packets[n])-head > 0xffff {
			break
		}
		raw = append(raw, packets[n][head:]...)
	}
	if n == 1 {
		return raw, 1
	}
	h, whole := raw[header:start], raw[start:]
	h[0], h[1] = needsChecksum, cutTCP6
	binary.NativeEndian.PutUint16(h[2:], uint16(head))
	binary.NativeEndian.PutUint16(h[4:], uint16(size))
	binary.NativeEndian.PutUint16(h[6:], uint16(tcp))
	binary.NativeEndian.PutUint16(h[8:], 16)
	if whole[0]>>4 == 4 {
		h[1] = cutTCP4
		binary.BigEndian.PutUint16(whole[2:], uint16(len(whole)))
		binary.BigEndian.PutUint16(whole[10:], 0)
		binary.BigEndian.PutUint16(whole[10:], ^inet.Fold(inet.Sum(0, whole[:tcp])))
	} else {
		binary.BigEndian.PutUint16(whole[4:], uint16(len(whole)-headerIPv6))
	}
	whole[tcp+13] |= packets[n-1][tcp+13] // PSH, of the last
	binary.BigEndian.PutUint16(whole[tcp+16:], inet.Fold(pseudoHeader(whole, tcp, len(whole)-tcp)))
	return raw, n
}

// segment tells where the TCP header and the payload of a packet are that could be joined to others: one with a payload, no
// flag but ACK and perhaps PSH, and checksums that are right. head is 0 for any other.
func segment(p []byte) (tcp, head int) {
	switch {
	case len(p) >= headerIPv4+headerTCP && p[0] == 0x45 && p[9] == protocolTCP:
		const fragment = 0x3fff
		tcp = headerIPv4
		if int(binary.BigEndian.Uint16(p[2:])) != len(p) || binary.BigEndian.Uint16(p[6:])&fragment != 0 ||
			inet.Fold(inet.Sum(0, p[:tcp])) != 0xffff {
			return 0, 0
		}
	case len(p) >= headerIPv6+headerTCP && p[0]>>4 == 6 && p[6] == protocolTCP:
		tcp = headerIPv6
		if int(binary.BigEndian.Uint16(p[4:])) != len(p)-headerIPv6 {
			return 0, 0
		}
	default:
		return 0, 0
	}
	header := int(p[tcp+12]>>4) * 4
	if header < headerTCP || tcp+header >= len(p) || p[tcp+13]&^flagPSH != flagACK ||
		inet.Fold(inet.Sum(pseudoHeader(p, tcp, len(p)-tcp), p[tcp:])) != 0xffff {
		return 0, 0
	}
	return tcp, tcp + header
}

// follows tells whether next can be joined to what begins with first and ends with last: all but the last of those that are
// joined have payloads of one length, and but for length, identification, sequence number, checksums and PSH their headers
// are the same.
func follows(first, last, next []byte, tcp, head int) bool {
	nextTCP, nextHead := segment(next)
	size := len(first) - head
	if nextTCP != tcp || nextHead != head || len(last)-head != size || len(next)-head > size || last[tcp+13]&flagPSH != 0 {
		return false
	}
	if first[0]>>4 == 4 {
		if !bytes.Equal(first[:2], next[:2]) || !bytes.Equal(first[6:10], next[6:10]) || !bytes.Equal(first[12:tcp], next[12:tcp]) {
			return false
		}
	} else if !bytes.Equal(first[:4], next[:4]) || !bytes.Equal(first[6:tcp], next[6:tcp]) {
		return false
	}
	a, b := first[tcp:head], next[tcp:head]
	return binary.BigEndian.Uint32(last[tcp+4:])+uint32(size) == binary.BigEndian.Uint32(b[4:]) &&
		bytes.Equal(a[:4], b[:4]) && bytes.Equal(a[8:13], b[8:13]) && bytes.Equal(a[14:16], b[14:16]) && bytes.Equal(a[18:], b[18:])
}
