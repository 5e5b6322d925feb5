package kernel

import (
	"encoding/binary"
	"io"
	"maps"
	"net/netip"
	"sync"

	"github.com/proxyspec/proxyspec/sim/internal/device"
)

// Renumbered is a packet device on whose kernel's side some addresses have others in their place, one to one. The
// network on our side knows the originals only. It is there before its device: until one is attached, reads wait.
//
// A packet from the kernel to an original is dropped: nobody there should know it.
type Renumbered struct {
	inner, outer map[netip.Addr]netip.Addr // to the originals, and to what stands for them

	attached chan struct{} // closed once device is set
	closed   chan struct{}
	once     sync.Once

	mu     sync.Mutex
	device io.ReadWriteCloser
	strays map[netip.Addr]int // originals that packets were sent to
}

// Renumber makes a device without a kernel.
func Renumber() *Renumbered {
	return &Renumbered{attached: make(chan struct{}), closed: make(chan struct{}), strays: map[netip.Addr]int{}}
}

// Attach gives it the device, once; standIns is by original.
func (r *Renumbered) Attach(device io.ReadWriteCloser, standIns map[netip.Addr]netip.Addr) {
	r.mu.Lock()
	r.device = device
	r.inner, r.outer = map[netip.Addr]netip.Addr{}, maps.Clone(standIns)
	for original, standIn := range standIns {
		r.inner[standIn] = original
	}
	r.mu.Unlock()
	close(r.attached)
}

// Strays is how many packets the kernel sent to each original.
func (r *Renumbered) Strays() map[netip.Addr]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.strays)
}

// Read reads a packet from the kernel, with the originals in it.
func (r *Renumbered) Read(packet []byte) (int, error) {
	select {
	case <-r.attached:
	case <-r.closed:
		return 0, io.EOF
	}
	for {
		n, err := r.device.Read(packet)
		if err != nil {
			select {
			case <-r.closed:
				return 0, io.EOF
			default:
				return n, err
			}
		}
		if to, ok := destination(packet[:n]); ok {
			if _, stray := r.outer[to]; stray {
				r.mu.Lock()
				r.strays[to]++
				r.mu.Unlock()
				continue
			}
		}
		renumber(packet[:n], r.inner)
		return n, nil
	}
}

// Write gives the kernel a packet, with what stands for the originals in it.
func (r *Renumbered) Write(packet []byte) (int, error) {
	select {
	case <-r.attached:
	default:
		return len(packet), nil // nobody is there yet
	}
	renumber(packet, r.outer)
	return r.device.Write(packet)
}

// WritePackets gives the kernel packets, as Write would one after the other. The error is of the packet behind the n that were
// given.
func (r *Renumbered) WritePackets(packets [][]byte) (n int, err error) {
	select {
	case <-r.attached:
	default:
		return len(packets), nil // nobody is there yet
	}
	for _, p := range packets {
		renumber(p, r.outer)
	}
	return device.WritePackets(r.device, packets)
}

// Close closes the device.
func (r *Renumbered) Close() error {
	r.once.Do(func() { close(r.closed) })
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.device == nil {
		return nil
	}
	return r.device.Close()
}

const (
	headerIPv4       = 20
	protocolICMP     = 1
	protocolTCP      = 6
	protocolUDP      = 17
	icmpHeader       = 8
	icmpUnreachable  = 3
	icmpTimeExceeded = 11
)

func destination(p []byte) (netip.Addr, bool) {
	if len(p) < headerIPv4 || p[0]>>4 != 4 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte(p[16:20])), true
}

// renumber changes the addresses of an IPv4 packet in place, those of a packet that an ICMP error is about too, and
// mends the checksums. What it doesn't know, IPv6 for one, stays as it is.
func renumber(p []byte, to map[netip.Addr]netip.Addr) {
	if len(p) < headerIPv4 || p[0]>>4 != 4 {
		return
	}
	header := int(p[0]&15) * 4
	if len(p) < header {
		return
	}
	delta := swap(p[12:16], to) + swap(p[16:20], to)
	adjust(p[10:12], delta)
	body := p[header:]
	switch p[9] {
	case protocolTCP:
		if len(body) >= 18 {
			adjust(body[16:18], delta)
		}
	case protocolUDP:
		if len(body) >= 8 && binary.BigEndian.Uint16(body[6:]) != 0 { // 0: there is none
			adjust(body[6:8], delta)
		}
	case protocolICMP:
		if len(body) < icmpHeader+headerIPv4 || body[0] != icmpUnreachable && body[0] != icmpTimeExceeded {
			return
		}
		quoted := body[icmpHeader:]
		inner := swap(quoted[12:16], to) + swap(quoted[16:20], to)
		adjust(quoted[10:12], inner)
		// The quoted header's own checksum makes up for the change: ICMP's, over both, stays. A quoted UDP or TCP
		// checksum is not mended, as most translators don't.
	}
}

// swap replaces an address, and is by how much the one's complement sum over it changes.
func swap(at []byte, to map[netip.Addr]netip.Addr) (delta uint32) {
	other, ok := to[netip.AddrFrom4([4]byte(at))]
	if !ok {
		return 0
	}
	b := other.As4()
	for i := 0; i < 4; i += 2 {
		delta += uint32(binary.BigEndian.Uint16(b[i:])) + uint32(^binary.BigEndian.Uint16(at[i:]))
	}
	copy(at, b[:])
	return delta
}

// adjust mends a checksum (RFC 1624, equation 3).
func adjust(sum []byte, delta uint32) {
	if delta == 0 {
		return
	}
	v := uint32(^binary.BigEndian.Uint16(sum)) + delta
	for v > 0xffff {
		v = v&0xffff + v>>16
	}
	binary.BigEndian.PutUint16(sum, ^uint16(v))
}
