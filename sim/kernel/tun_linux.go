package kernel

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const tunDevice = "/dev/net/tun"

// TUN is a network device at whose other end is the program: what the kernel sends through it is read, and what is
// written the kernel receives. Each read or write is one IP packet. The device is gone when it is closed.
type TUN struct {
	file  *os.File
	index int
}

// OpenTUN makes a device of this name, which is up and has these addresses. A device without an address still
// carries what is routed through it.
func OpenTUN(name string, addresses ...netip.Prefix) (*TUN, error) {
	if !Inside() {
		return nil, errOutside
	}
	t, err := openTUN(name)
	if err != nil {
		return nil, fmt.Errorf("open TUN device %s: %w", name, err)
	}
	err = t.up()
	for _, a := range addresses {
		if err == nil {
			err = t.address(a)
		}
	}
	if err != nil {
		_ = t.Close()
		return nil, fmt.Errorf("set up TUN device %s: %w", name, err)
	}
	return t, nil
}

func openTUN(name string) (*TUN, error) {
	// The interface must be made before the runtime watches the file: until then the kernel reports no readiness.
	fd, err := unix.Open(tunDevice, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	index := 0
	if err == nil {
		index, err = interfaceIndex(name)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &TUN{os.NewFile(uintptr(fd), tunDevice), index}, nil
}

// Read reads the next packet that the kernel sends through the device.
func (t *TUN) Read(packet []byte) (int, error) { return t.file.Read(packet) }

// Write gives the kernel a packet.
func (t *TUN) Write(packet []byte) (int, error) { return t.file.Write(packet) }

// SetReadDeadline ends a Read that waits for too long.
func (t *TUN) SetReadDeadline(at time.Time) error { return t.file.SetReadDeadline(at) }

// Lend is the device for a while: closing what it returns ends a Read under way, and leaves the device. It is for one
// at a time.
func (t *TUN) Lend() io.ReadWriteCloser {
	_ = t.file.SetReadDeadline(time.Time{})
	return lent{t}
}

type lent struct{ *TUN }

func (l lent) Close() error { return l.file.SetReadDeadline(time.Now()) }

// Close takes the device away.
func (t *TUN) Close() error { return t.file.Close() }
