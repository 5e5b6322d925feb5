package browser

import (
	"encoding/binary"
	"io"
	"net/netip"

	"github.com/proxyspec/proxyspec/sim/kernel"
)

// device is a cell's device, lent to one world after another.
type device struct{ tun *kernel.TUN }

// lend is the device for the next world. The one before has closed its own.
func (d *device) lend() *loan {
	return &loan{ReadWriteCloser: d.tun.Lend(), begun: map[flow]bool{}}
}

// loan is a device for the time of a world. TCP connections of the worlds before have nobody to end with: their kernel
// goes on saying goodbye, for minutes, and this world isn't shown that.
type loan struct {
	io.ReadWriteCloser
	begun map[flow]bool // connections of this world; the reader's
}

// flow is a TCP connection from within.
type flow struct {
	near uint16
	far  netip.AddrPort
}

// Read reads the next packet that is this world's.
func (l *loan) Read(packet []byte) (int, error) {
	for {
		n, err := l.ReadWriteCloser.Read(packet)
		if err != nil || l.ours(packet[:n]) {
			return n, err
		}
	}
}

// ours tells whether a packet is none of a connection that began before. (RFC 791, 3.1; RFC 9293, 3.1)
func (l *loan) ours(packet []byte) bool {
	const tcp, syn = 6, 1 << 1
	if len(packet) < 20 || packet[0]>>4 != 4 || packet[9] != tcp {
		return true
	}
	header := int(packet[0]&0x0f) * 4
	if len(packet) < header+14 {
		return true
	}
	segment := packet[header:]
	far, _ := netip.AddrFromSlice(packet[16:20])
	f := flow{binary.BigEndian.Uint16(segment), netip.AddrPortFrom(far, binary.BigEndian.Uint16(segment[2:]))}
	if segment[13]&syn != 0 {
		l.begun[f] = true
	}
	return l.begun[f]
}
