package link

import "golang.org/x/sys/unix"

// Device is where TUN devices are made.
const Device = "/dev/net/tun"

// TUN makes a TUN device of this name, which is down, and returns a descriptor that doesn't block: what the kernel sends
// through the device is read from it, and what is written the kernel receives. Each packet has a struct virtio_net_hdr in
// front of it; of what is read the checksum may have to be completed, and TCP to be cut. The device is gone when no
// descriptor of it is left.
func TUN(name string) (fd int, err error) {
	fd, err = unix.Open(Device, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err == nil {
		err = unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, unix.TUN_F_CSUM|unix.TUN_F_TSO4|unix.TUN_F_TSO6)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// Index is the number of a device (netdevice(7)).
func Index(name string) (int, error) {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer func() { _ = unix.Close(fd) }()
	err = unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request)
	return int(request.Uint32()), err
}
