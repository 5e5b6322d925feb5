//go:build linux && (amd64 || arm64)

package batch

import (
	"encoding/binary"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// trainPackets is what a kernel takes in one train, and trainBytes what fits into one IP packet.
	trainPackets = 64
	trainBytes   = 65000
	// longestInTrain keeps trains to packets that surely fit the way: a train is never fragmented, but refused.
	longestInTrain = 1400
)

// Writer collects datagrams and writes them together. Those of one socket stay in order. The zero value is ready.
type Writer struct {
	queue []outgoing
	out   *outbox
}

type outgoing struct {
	socket  *Socket
	to      netip.AddrPort
	payload []byte
	tag     int
	sent    bool
}

// outbox is what the kernel reads. A message may be a train.
type outbox struct {
	messages  [slots]message
	addresses [slots]address
	control   []byte
	vectors   [slots]unix.Iovec
	first     [slots]int // of each message: its first datagram in order
	order     [slots]int // of the queue
	n, used   int        // messages, datagrams
}

// Add queues a datagram, whose payload must not change before Flush. Flush it when the writer is Full. Tag is the
// caller's, who hears it if the datagram can't be written.
func (w *Writer) Add(s *Socket, payload []byte, to netip.AddrPort, tag int) {
	w.queue = append(w.queue, outgoing{socket: s, to: to, payload: payload, tag: tag})
}

// Full says that the next Add needs a Flush before it.
func (w *Writer) Full() bool { return len(w.queue) == slots }

// Flush writes what is queued. Whatever the system doesn't take now is lost, and its tag said.
func (w *Writer) Flush(undelivered func(tag int)) {
	if len(w.queue) == 0 {
		return
	}
	if w.out == nil {
		w.out = new(outbox)
		w.out.control = make([]byte, slots*controlSize)
	}
	for i := range w.queue {
		if !w.queue[i].sent {
			w.flushSocket(i, undelivered)
		}
	}
	clear(w.queue)
	w.queue = w.queue[:0]
}

// flushSocket writes all that is for one socket, the first of which is the i-th of the queue.
func (w *Writer) flushSocket(i int, undelivered func(tag int)) {
	s, o := w.queue[i].socket, w.out
	o.n, o.used = 0, 0
	trains := !s.single.Load()
	for j := i; j < len(w.queue); j++ {
		if q := &w.queue[j]; q.socket == s {
			q.sent = true
			o.add(w.queue, j, trains)
		}
	}
	if !s.hold() {
		w.lost(0, o.n, undelivered)
		return
	}
	defer s.release()
	for at := 0; at < o.n; {
		var n int
		var errno syscall.Errno
		if at == o.n-1 {
			n, errno = 1, sendOne(s.fd, &o.messages[at])
		} else {
			n, errno = send(s.fd, o.messages[at:o.n])
		}
		switch {
		case errno == 0:
			at += n
		case errno == unix.EINTR:
		case o.packets(at) > 1 && errno != unix.EAGAIN:
			if errno == unix.EIO { // no checksums in hardware; anything else is about this client's way
				s.single.Store(true)
			}
			w.oneByOne(s, at, undelivered)
			at++
		default:
			w.lost(at, at+1, undelivered)
			at++
		}
	}
}

// add puts the j-th of a queue into a message: into the last one, if it can be part of that train. The packets of a
// train are all as long as the first but for the last one, which may be shorter.
func (o *outbox) add(queue []outgoing, j int, trains bool) {
	q := &queue[j]
	v := &o.vectors[o.used]
	v.Base = nil
	if len(q.payload) > 0 {
		v.Base = &q.payload[0]
	}
	v.SetLen(len(q.payload))
	o.order[o.used] = j
	if o.n > 0 && trains && o.joins(queue, q) {
		o.used++
		h := &o.messages[o.n-1].header
		h.SetIovlen(o.packets(o.n - 1))
		o.mark(o.n-1, len(queue[o.order[o.first[o.n-1]]].payload))
		return
	}
	i := o.n
	h := &o.messages[i].header
	*h = unix.Msghdr{Name: &o.addresses[i][0], Namelen: o.addresses[i].write(q.to), Iov: v}
	h.SetIovlen(1)
	o.first[i] = o.used
	o.used++
	o.n++
}

// joins says whether a datagram can be the next of the last message.
func (o *outbox) joins(queue []outgoing, q *outgoing) bool {
	first := o.first[o.n-1]
	size := len(queue[o.order[first]].payload)
	packets := o.used - first
	last := len(queue[o.order[o.used-1]].payload)
	return len(q.payload) > 0 && len(q.payload) <= size && last == size && size <= longestInTrain &&
		packets < trainPackets && (packets+1)*size <= trainBytes && queue[o.order[first]].to == q.to
}

// mark says how long the packets of a train are.
func (o *outbox) mark(i, size int) {
	c := o.control[i*controlSize:]
	binary.NativeEndian.PutUint64(c, uint64(unix.CmsgLen(2)))
	binary.NativeEndian.PutUint32(c[8:], unix.IPPROTO_UDP)
	binary.NativeEndian.PutUint32(c[12:], unix.UDP_SEGMENT)
	binary.NativeEndian.PutUint16(c[syscall.SizeofCmsghdr:], uint16(size))
	h := &o.messages[i].header
	h.Control = &c[0]
	h.SetControllen(unix.CmsgSpace(2))
}

// packets is how many a message has.
func (o *outbox) packets(i int) int {
	if i+1 < o.n {
		return o.first[i+1] - o.first[i]
	}
	return o.used - o.first[i]
}

// oneByOne writes the packets of a train that the system didn't take.
func (w *Writer) oneByOne(s *Socket, i int, undelivered func(tag int)) {
	o := w.out
	m := o.messages[i]
	m.header.Control = nil
	m.header.SetControllen(0)
	m.header.SetIovlen(1)
	for k := range o.packets(i) {
		at := o.first[i] + k
		m.header.Iov = &o.vectors[at]
		if sendOne(s.fd, &m) != 0 {
			undelivered(w.queue[o.order[at]].tag)
		}
	}
}

// lost says of the messages from one to another that they were not written.
func (w *Writer) lost(from, to int, undelivered func(tag int)) {
	for i := from; i < to; i++ {
		for k := range w.out.packets(i) {
			undelivered(w.queue[w.out.order[w.out.first[i]+k]].tag)
		}
	}
}
