package keeper

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// architectures is what the kernel calls those whose calls are filtered.
var architectures = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

// families are the kinds of sockets that belong to a network namespace. There are others that don't: by AF_VSOCK a program
// in a virtual machine speaks with the machine below it, past every namespace and device.
var families = []uint32{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK}

// strange are the numbers by which programs of the machine's other architecture, of 32 bits, would get sockets: socketcall
// and socket of i386, socket of arm. They are refused whatever they ask for.
var strange = []uint32{102, 359, 281, unix.SYS_IO_URING_SETUP}

// x32 marks the calls of x86-64 with short pointers.
const x32 = 1 << 30

// filterSockets takes from the calling thread, and from what it starts, every socket but those of families. io_uring goes
// too: it makes sockets without being asked here. The thread can't get new privileges any more. Where the kernel has no
// filters, or the architecture isn't known, nothing happens: the look sees what comes of it.
func filterSockets() error {
	architecture, known := architectures[runtime.GOARCH]
	if !known {
		return nil
	}
	const number, arch, argument = 0, 4, 16 // struct seccomp_data, little-endian
	refuse := func(code unix.Errno) unix.SockFilter {
		return statement(unix.BPF_RET|unix.BPF_K, unix.SECCOMP_RET_ERRNO|uint32(code))
	}
	allow := statement(unix.BPF_RET|unix.BPF_K, unix.SECCOMP_RET_ALLOW)

	var foreign []unix.SockFilter
	foreign = append(foreign, statement(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, number))
	for _, n := range strange {
		foreign = append(foreign, unless(n, 1), refuse(unix.ENOSYS))
	}
	foreign = append(foreign, allow)

	var asked []unix.SockFilter // for a socket
	asked = append(asked, statement(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, argument))
	for _, f := range families {
		asked = append(asked, unless(f, 1), allow)
	}
	asked = append(asked, refuse(unix.EAFNOSUPPORT))

	program := []unix.SockFilter{
		statement(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, arch),
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: architecture, Jt: uint8(len(foreign))},
	}
	program = append(program, foreign...)
	program = append(program,
		statement(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, number),
		statement(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, ^uint32(x32)),
		unless(unix.SYS_IO_URING_SETUP, 1), refuse(unix.ENOSYS),
		unless(unix.SYS_SOCKET, uint8(len(asked))),
	)
	program = append(append(program, asked...), allow)

	p := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&p)), 0, 0)
	runtime.KeepAlive(program)
	if err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("filter calls for sockets: %w", err)
	}
	return nil
}

func statement(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }

// unless leaves out what follows, unless the value is k.
func unless(k uint32, statements uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jf: statements}
}
