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
	came      [slots]bool // of the messages that were asked for
	control   []byte
	buffer    []byte
	used      int
	questions []question
	arrivals  []Arrival
}

// question is a socket that is asked for messages, and what it had.
type question struct {
	socket   *Socket
	first, n int // messages
	got      int
	errno    syscall.Errno // why it isn't n: the first
}

func (in *inbox) init() {
	in.buffer = make([]byte, slots*stride)
	in.control = make([]byte, slots*controlSize)
	in.questions = make([]question, 0, slots)
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
	clear(in.questions)
	in.arrivals, in.questions, in.used = in.arrivals[:0], in.questions[:0], 0
}

// ask wants what a socket has, but no more than its share, nor than there is room for.
func (in *inbox) ask(s *Socket) {
	q := question{socket: s, first: in.used, n: min(s.want, slots-in.used)}
	for i := range in.messages[q.first:][:q.n] {
		h := &in.messages[q.first+i].header
		h.Namelen = uint32(len(address{}))
		h.SetControllen(controlSize)
	}
	in.questions = append(in.questions, q)
	in.used += q.n
}

// read reads what has been asked for: with one system call if there is a ring, else with one for each socket.
func (in *inbox) read(r *ring) {
	if r == nil || len(in.questions) == 1 {
		for i := range in.questions {
			q := &in.questions[i]
			q.got, q.errno = receive(q.socket.fd, in.messages[q.first:][:q.n])
			for k := range q.n {
				in.came[q.first+k] = k < q.got
			}
		}
		return
	}
	for i := range in.questions {
		q := &in.questions[i]
		for k := range q.n {
			r.add(ringReceive, q.socket.fd, &in.messages[q.first+k], q.first+k)
		}
	}
	r.run()
	for i := range in.questions {
		in.hear(&in.questions[i], r)
	}
}

// hear takes what came of a question that a ring was asked. The ring goes on where it finds nothing, and what another
// processor sends at that moment is there for the next call: it would be lost, were nothing looked for after the first
// that failed.
func (in *inbox) hear(q *question, r *ring) {
	for i := q.first; i < q.first+q.n; i++ {
		length, errno := r.result(i)
		if in.came[i] = errno == 0; in.came[i] {
			in.messages[i].n = uint32(length)
			q.got++
		} else if q.errno == 0 {
			q.errno = errno
		}
	}
}

// accept makes arrivals of what a socket had, and reports whether that was all.
func (in *inbox) accept(q question) (all bool) {
	if q.socket.stream {
		return in.acceptStream(q)
	}
	if q.got == 0 && q.errno != unix.EAGAIN {
		return false // an error of an earlier write, which is gone now
	}
	// To want one more than there will be is to learn that it was all, without another system call.
	if all = q.got < q.n; all {
		q.socket.want = q.got + 1
	} else {
		q.socket.want = min(2*q.socket.want, perSocket)
	}
	for i := q.first; i < q.first+q.n; i++ {
		if in.came[i] {
			in.split(q.socket, i)
		}
	}
	return all
}

func (in *inbox) acceptStream(q question) (all bool) {
	m := &in.messages[q.first]
	switch {
	case q.got == 0 && q.errno == unix.EAGAIN:
	case q.got == 0 && q.errno == unix.EINTR:
		return false
	case q.got == 0, m.n == 0:
		q.socket.group.ignore(q.socket) // it would be named for ever
		in.arrivals = append(in.arrivals, Arrival{Socket: q.socket, Ended: true})
	default:
		in.arrivals = append(in.arrivals, Arrival{Socket: q.socket, Payload: in.buffer[q.first*stride:][:m.n:m.n]})
		return m.n < largest
	}
	return true
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
