package keeper

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// asks is how often the name server is asked, and each time waited for.
const (
	asks      = 2
	askedWait = 2 // seconds
)

// resolve asks for a name as a program would: of the name server that the system's file has, which must be this one. Not by
// package net, whose goroutines run on threads of other namespaces.
func resolve(dns Addr, name string) error {
	if name == "" {
		return nil
	}
	text, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 || fields[0] != "nameserver" || fields[1] != dns.String() {
		return fmt.Errorf("/etc/resolv.conf doesn't name %v", dns)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: askedWait}); err != nil {
		return err
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: dns, Port: 53}); err != nil {
		return err
	}
	for id := range uint16(asks) {
		if err = ask(fd, id, name); err == nil {
			break
		}
	}
	return err
}

// ask asks for the IPv4 addresses of a name (RFC 1035, section 4).
func ask(fd int, id uint16, name string) error {
	const recursion, inet, typeA = 1 << 8, 1, 1
	const response, code = 1 << 15, 0x0f
	query := binary.BigEndian.AppendUint16(nil, id)
	for _, word := range []uint16{recursion, 1, 0, 0, 0} { // flags, questions, answers, authorities, more
		query = binary.BigEndian.AppendUint16(query, word)
	}
	for label := range strings.SplitSeq(name, ".") {
		query = append(append(query, byte(len(label))), label...)
	}
	query = append(query, 0)
	query = binary.BigEndian.AppendUint16(query, typeA)
	query = binary.BigEndian.AppendUint16(query, inet)
	if _, err := unix.Write(fd, query); err != nil {
		return err
	}
	answer := make([]byte, 512)
	for {
		n, err := unix.Read(fd, answer)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return fmt.Errorf("no answer within %d s", askedWait)
		case err != nil:
			return err
		case n < 12 || binary.BigEndian.Uint16(answer) != id:
			continue // of another question
		}
		flags, answers := binary.BigEndian.Uint16(answer[2:]), binary.BigEndian.Uint16(answer[6:])
		if flags&response == 0 || flags&code != 0 || answers == 0 {
			return fmt.Errorf("%s: response code %d, %d answers", name, flags&code, answers)
		}
		return nil
	}
}
