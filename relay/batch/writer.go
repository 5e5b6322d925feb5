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

// Writer collects datagrams and writes them together. Those of one socket stay in order. The zero value is ready, and for
// anyone; a Group has one that is faster.
type Writer struct {
	queue []outgoing
	out   *outbox
	ring  *ring // nil: each socket is written to by itself
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
	errnos    [slots]syscall.Errno
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
	w.out.n, w.out.used = 0, 0
	for i := range w.queue {
		if !w.queue[i].sent {
			w.pack(w.queue[i].socket, i)
		}
	}
	if w.ring != nil && w.out.n > 1 {
		w.writeAll()
	} else {
		w.writeEach()
	}
	for i := range w.out.n {
		w.settle(i, undelivered)
	}
	clear(w.queue)
	w.queue = w.queue[:0]
}

// pack makes messages of all that is for one socket, the first of which is the i-th of the queue.
func (w *Writer) pack(s *Socket, i int) {
	begin, trains := w.out.n, !s.single.Load()
	for j := i; j < len(w.queue); j++ {
		if q := &w.queue[j]; q.socket == s {
			q.sent = true
			w.out.add(w.queue, j, trains && w.out.n > begin)
		}
	}
}

// socket is that of a message.
func (w *Writer) socket(i int) *Socket { return w.queue[w.out.order[w.out.first[i]]].socket }

// writeAll writes the messages with one system call.
func (w *Writer) writeAll() {
	o := w.out
	for i := range o.n {
		s := w.socket(i)
		if o.errnos[i] = unix.EBADF; s.hold() {
			o.errnos[i] = 0
			w.ring.add(ringSend, s.fd, &o.messages[i], i)
		}
	}
	w.ring.run()
	for i := range o.n {
		if o.errnos[i] == 0 {
			_, o.errnos[i] = w.ring.result(i)
			w.socket(i).release()
		}
	}
}

// writeEach writes the messages with one system call for each socket.
func (w *Writer) writeEach() {
	o := w.out
	for i := 0; i < o.n; {
		s, end := w.socket(i), i+1
		for end < o.n && w.socket(end) == s {
			end++
		}
		if !s.hold() {
			for ; i < end; i++ {
				o.errnos[i] = unix.EBADF
			}
			continue
		}
		for i < end {
			n := 1
			if i == end-1 {
				o.errnos[i] = sendOne(s.fd, &o.messages[i])
			} else if n, o.errnos[i] = send(s.fd, o.messages[i:end]); o.errnos[i] == 0 {
				clear(o.errnos[i:][:n])
			} else {
				n = 1
			}
			if o.errnos[i] != unix.EINTR {
				i += n
			}
		}
		s.release()
	}
}

// settle says which of the datagrams of a message weren't written. A train that the system didn't take goes again, its
// packets one by one.
func (w *Writer) settle(i int, undelivered func(tag int)) {
	switch s, errno := w.socket(i), w.out.errnos[i]; {
	case errno == 0:
	case w.out.packets(i) > 1 && errno != unix.EAGAIN && s.hold():
		if errno == unix.EIO { // no checksums in hardware; anything else is about this client's way
			s.single.Store(true)
		}
		w.oneByOne(s, i, undelivered)
		s.release()
	default:
		for k := range w.out.packets(i) {
			undelivered(w.queue[w.out.order[w.out.first[i]+k]].tag)
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
