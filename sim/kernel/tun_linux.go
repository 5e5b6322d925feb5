package kernel

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/proxyspec/proxyspec/sim/kernel/link"
)

// TUN is a network device at whose other end is the program: what the kernel sends through it is read, and what is
// written the kernel receives. Each read or write is one IP packet. It is for one reader at a time. The device is gone when
// it is closed.
type TUN struct {
	file  *os.File
	index int

	raw []byte // of the reader: what the kernel has handed on at once
	cut cutter

	mu     sync.Mutex
	joined []byte // what is written
}

// OpenTUN makes a device of this name, which is up and has these addresses. A device without an address still
// carries what is routed through it.
func OpenTUN(name string, addresses ...netip.Prefix) (*TUN, error) {
	if !Inside() {
		return nil, errOutside
	}
	// The device must be made before the runtime watches the file: until then the kernel reports no readiness.
	fd, err := link.TUN(name)
	if err != nil {
		return nil, fmt.Errorf("open TUN device %s: %w", name, err)
	}
	t := &TUN{file: os.NewFile(uintptr(fd), link.Device)}
	t.index, err = link.Index(name)
	if err == nil {
		err = link.Up(t.index)
	}
	for _, a := range addresses {
		if err == nil {
			err = link.Address(t.index, a.Addr().AsSlice(), a.Bits())
		}
	}
	if err != nil {
		_ = t.Close()
		return nil, fmt.Errorf("set up TUN device %s: %w", name, err)
	}
	return t, nil
}

// Route sends packets to these addresses through the device.
func (t *TUN) Route(to netip.Prefix) error {
	if err := link.Route(t.index, to.Masked().Addr().AsSlice(), to.Bits()); err != nil {
		return fmt.Errorf("route %v: %w", to, err)
	}
	return nil
}

// Read reads the next packet that the kernel sends through the device.
func (t *TUN) Read(packet []byte) (int, error) {
	for {
		if n := t.cut.next(packet); n > 0 {
			return n, nil
		}
		if t.raw == nil {
			t.raw = make([]byte, longest)
		}
		n, err := t.file.Read(t.raw)
		if err == nil {
			err = t.cut.take(t.raw[:n])
		}
		if err != nil {
			return 0, err
		}
	}
}

// Write gives the kernel a packet.
func (t *TUN) Write(packet []byte) (int, error) {
	if _, err := t.WritePackets([][]byte{packet}); err != nil {
		return 0, err
	}
	return len(packet), nil
}

// WritePackets gives the kernel packets, as Write would one after the other. The error is of the packet behind the n that
// were given.
func (t *TUN) WritePackets(packets [][]byte) (n int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n < len(packets) {
		var taken int
		t.joined, taken = join(t.joined[:0], packets[n:])
		if _, err := t.file.Write(t.joined); err != nil {
			return n, err
		}
		n += taken
	}
	return n, nil
}

// SetReadDeadline ends a Read that waits for too long.
func (t *TUN) SetReadDeadline(at time.Time) error { return t.file.SetReadDeadline(at) }

// Lend is the device for a while: closing what it returns ends a Read under way, and leaves the device. It is for one
// at a time.
func (t *TUN) Lend() io.ReadWriteCloser {
	_ = t.file.SetReadDeadline(time.Time{})
	t.cut = cutter{}
	return lent{t}
}

type lent struct{ *TUN }

func (l lent) Close() error { return l.file.SetReadDeadline(time.Now()) }

// Close takes the device away.
func (t *TUN) Close() error { return t.file.Close() }
