//go:build linux && (amd64 || arm64)

package batch

import (
	"encoding/binary"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// largest is the longest datagram there is, or train of them.
	largest = 64 << 10
	// stride is how far buffers are apart: at a power of two all of them would use the same lines of the cache.
	stride = largest + 17*64
)

// controlSize is room for one control message with an int.
var controlSize = unix.CmsgSpace(4)

// inbox is what Read reads into. A message may be a train of several datagrams.
type inbox struct {
	messages  [slots]message
	vectors   [slots]unix.Iovec
	addresses [slots]address
	control   []byte
	buffer    []byte
	used      int
	arrivals  []Arrival
}

func (in *inbox) init() {
	in.buffer = make([]byte, slots*stride)
	in.control = make([]byte, slots*controlSize)
	in.arrivals = make([]Arrival, 0, slots)
	for i := range in.messages {
		in.vectors[i].Base = &in.buffer[i*stride]
		in.vectors[i].SetLen(largest)
		h := &in.messages[i].header
		h.Iov, h.Name, h.Control = &in.vectors[i], &in.addresses[i][0], &in.control[i*controlSize]
		h.SetIovlen(1)
	}
}

func (in *inbox) reset() {
	clear(in.arrivals)
	in.arrivals, in.used = in.arrivals[:0], 0
}

// take reads what a socket has, but no more than its share, and reports whether that was all.
func (in *inbox) take(s *Socket) (all bool) {
	n := min(s.want, slots-in.used)
	batch := in.messages[in.used:][:n]
	for i := range batch {
		batch[i].header.Namelen = uint32(len(address{}))
		batch[i].header.SetControllen(controlSize)
	}
	got, errno := receive(s.fd, batch)
	if errno != 0 {
		return errno == unix.EAGAIN // or an error of an earlier write, which is gone now
	}
	// To want one more than there will be is to learn that it was all, without another system call.
	if all = got < n; all {
		s.want = got + 1
	} else {
		s.want = min(2*s.want, perSocket)
	}
	for i := range batch[:got] {
		in.split(s, in.used+i)
	}
	in.used += got
	return all
}

// takeStream reads what a connection has, up to what one slot holds, and reports whether that was all.
func (in *inbox) takeStream(s *Socket) (all bool) {
	buffer := in.buffer[in.used*stride:][:largest]
	n, errno := receiveStream(s.fd, buffer)
	switch {
	case errno == unix.EAGAIN:
	case errno == unix.EINTR:
		return false
	case errno != 0, n == 0:
		s.group.ignore(s) // it would be named for ever
		in.arrivals = append(in.arrivals, Arrival{Socket: s, Ended: true})
	default:
		in.arrivals = append(in.arrivals, Arrival{Socket: s, Payload: buffer[:n:n]})
		in.used++
	}
	return n < largest
}

// split tells the datagrams of a message apart.
func (in *inbox) split(s *Socket, i int) {
	m := &in.messages[i]
	if m.header.Flags&unix.MSG_TRUNC != 0 {
		return // longer than any datagram: it can't be
	}
	payload := in.buffer[i*stride:][:m.n:m.n]
	from := in.addresses[i].read()
	size := in.segment(i)
	for size > 0 && len(payload) > size {
		in.arrivals = append(in.arrivals, Arrival{Socket: s, From: from, Payload: payload[:size:size]})
		payload = payload[size:]
	}
	in.arrivals = append(in.arrivals, Arrival{Socket: s, From: from, Payload: payload})
}

// segment is how long each datagram of a train is, 0 if it is none. There is one control message at most.
func (in *inbox) segment(i int) int {
	if in.messages[i].header.Controllen < uint64(unix.CmsgLen(4)) {
		return 0
	}
	c := in.control[i*controlSize:]
	level, kind := binary.NativeEndian.Uint32(c[8:]), binary.NativeEndian.Uint32(c[12:])
	if level != unix.IPPROTO_UDP || kind != unix.UDP_GRO {
		return 0
	}
	return int(binary.NativeEndian.Uint32(c[syscall.SizeofCmsghdr:]))
}
