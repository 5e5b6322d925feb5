//go:build linux && (amd64 || arm64)

package batch

import (
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ring is an io_uring: it has the kernel do many calls, of any sockets, for the price of entering it once. Nothing in it
// waits: whatever can't be done now fails with EAGAIN, so that all is done, in its order, when run returns.
type ring struct {
	fd           int
	memory       []byte // of both queues, shared with the kernel
	calls        []byte // the submission queue's entries
	submitted    *uint32
	taken        *uint32
	done         *uint32
	collected    *uint32
	mask, answer uint32 // of the completion queue, and where its entries are in memory
	n            uint32 // added and not run
	results      [slots]int32
}

// The kernel's struct io_uring_params, io_uring_sqe and io_uring_cqe, and what is used of their constants.
type (
	ringParams struct {
		submissions, completions, flags, _, _, features, _, _, _, _ uint32

		submission struct {
			head, tail, mask, entries, flags, dropped, array, _ uint32
			_                                                   uint64
		}
		completion struct {
			head, tail, mask, entries, overflow, entry, flags, _ uint32
			_                                                    uint64
		}
	}
	ringCall struct {
		operation, _ uint8
		_            uint16
		fd           int32
		_            uint64
		address      uint64
		length       uint32
		flags        uint32
		tag          uint64
		_            [3]uint64
	}
	ringAnswer struct {
		tag    uint64
		result int32
		_      uint32
	}
)

const (
	ringSend    = 9  // IORING_OP_SENDMSG
	ringReceive = 10 // IORING_OP_RECVMSG

	ringSubmitAll = 1 << 7  // IORING_SETUP_SUBMIT_ALL
	ringNoArray   = 1 << 16 // IORING_SETUP_NO_SQARRAY, of Linux 6.6
	ringGetEvents = 1       // IORING_ENTER_GETEVENTS
	ringEntries   = 0x10000000
)

// openRing opens a ring of as many calls as there are slots. It is an error where the kernel is older than 6.6 or has
// been told to give nobody one.
func openRing() (_ *ring, err error) {
	p := ringParams{flags: ringSubmitAll | ringNoArray}
	fd, _, errno := syscall.RawSyscall(unix.SYS_IO_URING_SETUP, slots, uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return nil, os.NewSyscallError("io_uring_setup", errno)
	}
	r := &ring{fd: int(fd), mask: p.completions - 1, answer: p.completion.entry}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	size := int(p.completion.entry + p.completions*uint32(unsafe.Sizeof(ringAnswer{})))
	if r.memory, err = unix.Mmap(r.fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE); err != nil {
		return nil, fmt.Errorf("map an io_uring: %w", err)
	}
	size = int(p.submissions) * int(unsafe.Sizeof(ringCall{}))
	if r.calls, err = unix.Mmap(r.fd, ringEntries, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE); err != nil {
		return nil, fmt.Errorf("map an io_uring: %w", err)
	}
	word := func(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.memory[offset])) }
	r.taken, r.submitted = word(p.submission.head), word(p.submission.tail)
	r.collected, r.done = word(p.completion.head), word(p.completion.tail)
	return r, nil
}

// add has the next run send or receive a message, whose memory must stay until then. The result of it is that of its
// tag, which is smaller than slots: a length, or an error number below 0.
func (r *ring) add(operation uint8, fd int, m *message, tag int) {
	at := (*r.submitted + r.n) % slots
	*(*ringCall)(unsafe.Pointer(&r.calls[uintptr(at)*unsafe.Sizeof(ringCall{})])) = ringCall{
		operation: operation, fd: int32(fd), address: uint64(uintptr(unsafe.Pointer(&m.header))), length: 1,
		flags: unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL, tag: uint64(tag),
	}
	r.results[tag] = -int32(unix.EAGAIN)
	r.n++
}

// run does what has been added.
func (r *ring) run() {
	atomic.StoreUint32(r.submitted, *r.submitted+r.n)
	for left := int(r.n); left > 0; { // it may be less than none: after an error answers were left
		_, _, errno := syscall.RawSyscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), uintptr(*r.submitted-atomic.LoadUint32(r.taken)), uintptr(left),
			ringGetEvents, 0, 0)
		left -= int(r.collect())
		if errno != 0 && errno != unix.EINTR { // no memory, say: the kernel hasn't begun with the rest
			atomic.StoreUint32(r.submitted, atomic.LoadUint32(r.taken))
			break
		}
	}
	r.n = 0
}

// collect takes the results that there are, and says how many.
func (r *ring) collect() (n uint32) {
	at := *r.collected
	for ; at != atomic.LoadUint32(r.done); at++ {
		a := (*ringAnswer)(unsafe.Pointer(&r.memory[uintptr(r.answer)+uintptr(at&r.mask)*unsafe.Sizeof(ringAnswer{})]))
		r.results[a.tag] = a.result
		n++
	}
	atomic.StoreUint32(r.collected, at)
	return n
}

// result is what became of a call.
func (r *ring) result(tag int) (n int, errno syscall.Errno) {
	if n := r.results[tag]; n < 0 {
		return 0, syscall.Errno(-n)
	}
	return int(r.results[tag]), 0
}

func (r *ring) close() {
	for _, m := range [][]byte{r.memory, r.calls} {
		if m != nil {
			_ = unix.Munmap(m)
		}
	}
	unix.Close(r.fd)
}
